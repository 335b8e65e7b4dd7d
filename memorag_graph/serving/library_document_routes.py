"""Endpoints for the documents of a library."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from memorag_graph.documents import SUFFIXES, document_name
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.library.library_memories import checked_mode
from memorag_graph.serving.guard import Guard, client_of
from memorag_graph.serving.library_intake import LibraryIntake, told
from memorag_graph.serving.library_requests import LibraryTexts
from memorag_graph.serving.library_routes import PREFIX, TAG, opened
from memorag_graph.serving.memory_routes import parse_object
from memorag_graph.serving.progress_events import respond_with_progress
from memorag_graph.serving.received_files import ReceivedFiles
from memorag_graph.serving.tenants import Tenants

_PLACE = "/{name}/documents"

Where = Annotated[list[str] | None, Query(description="Only documents that fit, such as year>=2020. Repeatable.")]
AsOf = Annotated[str | None, Query(description="The versions of a time, such as 2026-01-31. Default: now.")]


def library_documents_router(tenants: Tenants, guard: Guard) -> APIRouter:
    """Return the endpoints for documents of libraries.

    Args:
        tenants: Keep libraries.
        guard: Guards every endpoint.
    """
    router = APIRouter(prefix=PREFIX, tags=[TAG], route_class=guard.route_class(), dependencies=guard.security)

    @router.get(_PLACE, summary="List documents, and how far their memories are made")
    def list_documents(request: Request, name: str, where: Where = None, as_of: AsOf = None) -> list[dict[str, Any]]:
        with opened(tenants, request, name) as library:
            return [_public(it.to_dict()) for it in library.list(where or None, as_of)]

    @router.post(_PLACE, summary="Take in texts", status_code=201)
    async def add_texts(request: Request, name: str, sent: LibraryTexts) -> Response:
        given = [uploaded_text(it.text, document_name(it.name), it.metadata) for it in sent.documents]
        intake = LibraryIntake(tenants, client_of(request), name, {}, sent.memory)
        return await respond_with_progress(request, lambda report: told(intake.take(given, report)), "report")

    @router.post(f"{_PLACE}/upload", summary="Take in files", status_code=201)
    async def add_files(
        request: Request,
        name: str,
        files: Annotated[list[UploadFile], File(description=f"Files: {', '.join(SUFFIXES)}.")],
        metadata: Annotated[str, Form(description="Metadata of all these files, as JSON.")] = "{}",
        memory: Annotated[str, Form(description="When their memories are made; as for texts.")] = "",
        encoding: Annotated[str, Form(description="Encoding of text files. Default: found in each file.")] = "",
    ) -> Response:
        mode = checked_mode(memory) if memory else None
        intake = LibraryIntake(tenants, client_of(request), name, parse_object(metadata, "metadata"), mode)
        received = await run_in_threadpool(ReceivedFiles, files, encoding)
        return await respond_with_progress(request, partial(received.take_into, intake), "report")

    @router.get(f"{_PLACE}/{{document:path}}", summary="Describe a document and its versions")
    def describe(request: Request, name: str, document: str) -> dict[str, Any]:
        with opened(tenants, request, name) as library:
            return _public(library.info(document))

    @router.delete(f"{_PLACE}/{{document:path}}", summary="Remove a document without a trace", status_code=204)
    def remove(request: Request, name: str, document: str) -> None:
        with opened(tenants, request, name, "writer") as library:
            library.remove(document)

    return router


def _public(document: dict[str, Any]) -> dict[str, Any]:
    """Return what clients may see of a document: all but where it was read."""
    return {key: value for key, value in document.items() if key != "origin"}
