"""Endpoints that create, list, describe, rename and delete memories."""

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from memorag_graph.documents import SUFFIXES, Document, document_name, from_text, read_document
from memorag_graph.errors import InputError
from memorag_graph.memory.storage import given_names
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.progress import ReportProgress
from memorag_graph.registry import Registry
from memorag_graph.serialization import memory_record
from memorag_graph.serving.credentials import Role
from memorag_graph.serving.guard import Guard, client_of
from memorag_graph.serving.progress_events import respond_with_progress
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import MemorySettings, RunOptions, run_options

_ID = re.compile("[0-9a-f]{32}")


_EXAMPLE: dict[str, Any] = {
    "documents": [{"name": "letters.txt", "text": "The bridge reopened in 1947."}],
    "settings": {"memory": "background"},
}


class Text(BaseModel):
    """A text to memorize."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("context", description="Name of the document, as its citations show it.")
    text: str = Field(min_length=1, description="The text.")


class Texts(BaseModel):
    """Texts to memorize and the settings of their memory."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    documents: list[Text] = Field(min_length=1, description="The documents, in order.")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description=f"Settings of the memory: {', '.join(sorted(set(MemorySettings.model_fields) - {'index'}))}.",
    )


class MemoryName(BaseModel):
    """A name for a memory."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Letters from Skerrow"}]})

    name: str = Field(
        description=f"Up to {given_names.LONGEST_NAME} characters; if empty, it is called by its documents again."
    )


def require_memory(store: MemoryStore, memory_id: str) -> Path:
    """Return the directory of a memory of the store.

    Raises:
        HTTPException: 404 if there is none; a path is never looked up.
    """
    directory = store.directory(memory_id)
    if not _ID.fullmatch(memory_id) or not directory.is_dir():
        raise HTTPException(404, f"there is no memory {memory_id[:64]!r}; list the existing ones with GET /memories")
    return directory


def memories_router(tenants: Tenants, options: RunOptions, guard: Guard) -> APIRouter:
    """Return the endpoints for memories.

    Args:
        tenants: Build and keep memories.
        options: The operator's options; clients may override the memory settings.
        guard: Guards every endpoint.
    """
    router = APIRouter(
        prefix="/memories", tags=["memories"], route_class=guard.route_class(), dependencies=guard.security
    )

    def registry_for(request: Request, role: Role) -> Registry:
        client = client_of(request)
        client.require(role)
        return tenants.registry(client.tenant)

    @router.post("", summary="Memorize texts", status_code=201)
    async def create(request: Request, texts: Texts) -> Response:
        client = client_of(request)
        client.require("writer")
        documents = [from_text(text.text, document_name(text.name)) for text in texts.documents]
        return await _memorize(tenants, options, request, documents, texts.settings)

    @router.post("/upload", summary="Memorize files", status_code=201)
    async def upload(
        request: Request,
        files: Annotated[list[UploadFile], File(description=f"Files: {', '.join(SUFFIXES)}.")],
        settings: Annotated[str, Form(description="Settings of the memory, as JSON.")] = "{}",
        encoding: Annotated[str, Form(description="Encoding of text files. Default: found in each file.")] = "",
    ) -> Response:
        client = client_of(request)
        client.require("writer")
        documents = [await run_in_threadpool(_read_upload, file, encoding or None) for file in files]
        return await _memorize(tenants, options, request, documents, parse_object(settings, "settings"))

    @router.get("", summary="List memories")
    def list_memories(request: Request) -> list[dict[str, Any]]:
        registry = registry_for(request, "reader")
        return [_public_info(info, registry) for info in registry.store.memories()]

    @router.get("/{memory_id}", summary="Describe a memory")
    def info(request: Request, memory_id: str) -> dict[str, Any]:
        registry = registry_for(request, "reader")
        return _public_info(read_info(require_memory(registry.store, memory_id)), registry)

    @router.patch("/{memory_id}", summary="Rename a memory; its id stays")
    def rename(request: Request, memory_id: str, sent: MemoryName) -> dict[str, Any]:
        registry = registry_for(request, "writer")
        info = read_info(require_memory(registry.store, memory_id))
        given_names.rename(registry.store, memory_id, sent.name)
        return _public_info(info, registry)

    @router.delete("/{memory_id}", summary="Delete a memory", status_code=204)
    def delete(request: Request, memory_id: str) -> None:
        registry = registry_for(request, "writer")
        require_memory(registry.store, memory_id)
        registry.delete(memory_id)

    return router


async def _memorize(
    tenants: Tenants, options: RunOptions, request: Request, documents: Sequence[Document], settings: dict[str, Any]
) -> Response:
    """Memorize documents; stream progress if the client accepts events.

    The work continues within its time limit if the client leaves, so its memory exists at the next request.
    """
    names = [document.source for document in documents]
    if len(set(names)) < len(names):
        raise InputError("documents", "two documents have the same name; give each a unique one")
    if unknown := sorted(set(settings) - (set(MemorySettings.model_fields) - {"index"} | {"memory"})):
        raise InputError(f"settings.{unknown[0]}", "is unknown; see GET /openapi.json for the settings")
    scope = tenants.scope(client_of(request), run_options({**options.model_dump(), **settings}))

    def work(report: ReportProgress) -> dict[str, Any]:
        opened = scope.memorize(documents, None, report)
        return {"memory_id": opened.memory.id, "memory": memory_record(opened), "documents": names}

    return await respond_with_progress(request, work, "memory")


def _read_upload(upload: UploadFile, encoding: str | None) -> Document:
    """Read an uploaded file by way of a temporary file."""
    name = document_name(upload.filename or "")
    with tempfile.NamedTemporaryFile(prefix="memorag-upload-") as file:
        shutil.copyfileobj(upload.file, file)
        file.flush()
        return read_document(file.name, name=name, encoding=encoding)


def parse_object(text: str, field: str) -> dict[str, Any]:
    """Return a JSON object that a form holds as text.

    Raises:
        InputError: If it is none.
    """
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise InputError(field, "must be a JSON object")
    return parsed


def _public_info(info: dict[str, Any], registry: Registry) -> dict[str, Any]:
    """Return what clients may see of a memory: a part of its manifest, without paths, and how far it is made."""
    copied = ("memory_id", "kind", "language", "settings", "memory_tokens", "chunks")
    models = {"model": Path(info["identity"]["model"]).name, "dtype": info["identity"]["dtype"]}
    return {
        **{key: info[key] for key in copied},
        "name": given_names.name_of(registry.store, info["memory_id"]),
        "documents": [
            {key: value for key, value in document.items() if key != "places"} for document in info["documents"]
        ],
        **models,
        "tokens": sum(document["tokens"] for document in info["documents"]),
        "shards": len(info["shards"]),
        "memory_share": registry.begun_memories.share(info),
        "bytes": sum(file["bytes"] for file in info["files"].values()),
    }
