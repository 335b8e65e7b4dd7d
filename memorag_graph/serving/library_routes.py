"""Endpoints that make, list, ask, rename and delete libraries of many documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from memorag_graph.errors import InputError
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.serving.client_graph import client_graph, run_of
from memorag_graph.serving.client_options import QUESTION_OPTIONS
from memorag_graph.serving.credentials import Role
from memorag_graph.serving.guard import Guard, client_of
from memorag_graph.serving.library_requests import LibraryName, LibraryQuestion
from memorag_graph.serving.tenants import Tenants
from memorag_graph.serving.told_errors import of_each, without_path
from memorag_graph.settings import RunOptions, run_options

if TYPE_CHECKING:
    from memorag_graph.library.library import Library

PREFIX, TAG = "/libraries", "libraries"

_ANSWER = (
    "question", "asked", "task", "basis", "memory_share", "answer", "citations", "conflicts", "confidence", "abstained",
    "notices", "faults", "unsupported", "considered",
)  # fmt: skip
"""What an answer shows of the graph's output."""


@contextmanager
def opened(tenants: Tenants, request: Request, name: str, role: Role = "reader") -> Iterator["Library"]:
    """Open a library of a request's tenant; errors name it, not its directory.

    Raises:
        ForbiddenError: If the client may not do what the role may.
        UnknownLibraryError: If there is none of that name.
    """
    client = client_of(request)
    client.require(role)
    libraries = tenants.libraries(client.tenant)
    with without_path(libraries.place(name), name):
        yield libraries.open(name)


@contextmanager
def _changing(tenants: Tenants, request: Request, name: str) -> Iterator[NamedLibraries]:
    """Give the libraries of a client who may change one; errors name it, not its directory."""
    client = client_of(request)
    client.require("writer")
    libraries = tenants.libraries(client.tenant)
    with without_path(libraries.place(name), name):
        yield libraries


def libraries_router(tenants: Tenants, options: RunOptions, guard: Guard) -> APIRouter:
    """Return the endpoints for libraries as wholes.

    Args:
        tenants: Keep libraries.
        options: The operator's options; clients may override those of a question.
        guard: Guards every endpoint.
    """
    router = APIRouter(prefix=PREFIX, tags=[TAG], route_class=guard.route_class(), dependencies=guard.security)
    graph = client_graph(tenants)

    @router.get("", summary="List libraries")
    def list_libraries(request: Request) -> list[dict[str, Any]]:
        return of_each(tenants.libraries(client_of(request).tenant), _described)

    @router.put("/{name}", summary="Make a library, unless there is one")
    def create(request: Request, name: str) -> dict[str, Any]:
        with _changing(tenants, request, name) as libraries:
            return _described(name, libraries.create(name))

    @router.get("/{name}", summary="Describe a library")
    def describe(request: Request, name: str) -> dict[str, Any]:
        with opened(tenants, request, name) as library:
            return _described(name, library)

    @router.patch("/{name}", summary="Rename a library")
    def rename(request: Request, name: str, sent: LibraryName) -> dict[str, Any]:
        with _changing(tenants, request, name) as libraries:
            if sent.name != name:
                libraries.rename(name, sent.name)
        with opened(tenants, request, sent.name) as library:  # its memories go on to be made
            return _described(sent.name, library)

    @router.delete("/{name}", summary="Delete a library with all its documents", status_code=204)
    def delete(request: Request, name: str) -> None:
        with _changing(tenants, request, name) as libraries:
            libraries.delete(name)

    @router.post("/{name}/remember", summary="Make missing memories, behind the library", status_code=202)
    def remember(request: Request, name: str) -> dict[str, Any]:
        with opened(tenants, request, name, "writer") as library:
            library.worker.wake(library.memories)
            return _described(name, library)

    @router.post("/{name}/ask", summary="Ask a question")
    async def ask(request: Request, name: str, sent: LibraryQuestion) -> dict[str, Any]:
        chosen = _chosen(options, sent)
        client = client_of(request)
        given = {**sent.model_dump(exclude={"options"}), "library": name}
        libraries = tenants.libraries(client.tenant)
        with without_path(libraries.place(name), name):
            await run_in_threadpool(libraries.open, name)
            result = await graph.ainvoke(given, run_of(client), context=chosen)
        evidence = [{"text": it.page_content, **it.metadata} for it in result.get("evidence", [])]
        return {**{key: result[key] for key in _ANSWER if key in result}, "evidence": evidence}

    return router


def _chosen(options: RunOptions, sent: LibraryQuestion) -> RunOptions:
    """Return the operator's options with those of a question.

    Raises:
        InputError: If one cannot be set here, or its value cannot be used.
    """
    if unknown := sorted(set(sent.options) - QUESTION_OPTIONS):
        raise InputError(f"options.{unknown[0]}", f"is unknown; choose from {', '.join(sorted(QUESTION_OPTIONS))}")
    return run_options({**options.model_dump(), **sent.options})


def _described(name: str, library: "Library") -> dict[str, Any]:
    listed = library.list()
    tokens, made = sum(it.tokens for it in listed), sum(it.tokens * it.memory_share for it in listed)
    share = round(made / tokens, 3) if tokens else 0.0
    return {"name": name, "documents": len(listed), "tokens": tokens, "memory_share": share}
