"""The documents of memories and libraries, which clients read as resources."""

import asyncio
from typing import Any

from mcp.server.mcpserver import Context, MCPServer, ResourceSecurity
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import Resource

from memorag_graph.citation_annotations import document_uri
from memorag_graph.errors import InputError, MemoragError, UnknownLibraryError, UnknownMemoryError
from memorag_graph.mcp_server.memory_tools import ClientOf
from memorag_graph.memory.storage.memory_names import named_memory
from memorag_graph.serving.asked_source import library_place
from memorag_graph.serving.tenants import Tenants
from memorag_graph.serving.told_errors import told_to_client, without_path
from memorag_graph.settings import RunOptions
from memorag_graph.text.chunked_text import document_text

_PLAIN = "text/plain"
_BY_NAME = ResourceSecurity(exempt_params={"document"})
"""The document is a name in a list, never a path."""


def add_documents(server: MCPServer[Any], tenants: Tenants, options: RunOptions, client_of: ClientOf) -> None:
    """Let clients read documents.

    Args:
        server: The server.
        tenants: Keep memories and libraries.
        options: The operator's options.
        client_of: Tells who calls.
    """

    @server.resource(
        "memorag://{memory_id}/{document}",
        name="document",
        title="The text of a document",
        mime_type=_PLAIN,
        security=_BY_NAME,
    )
    async def document(memory_id: str, document: str, ctx: Context[Any, Any]) -> str:
        """Return the text of a memory's document; offsets of citations are those of this text."""
        registry = tenants.registry(client_of(ctx.request_context).tenant)
        try:
            info = await asyncio.to_thread(named_memory, registry.store, memory_id, "memory_id")
            if document not in [it["source"] for it in info["documents"]]:
                raise UnknownMemoryError("document", "the memory has no document of that name; list the resources")
            opened = await asyncio.to_thread(registry.open, info["memory_id"], options)
        except UnknownMemoryError as error:
            raise ResourceNotFoundError(str(error)) from None
        except MemoragError as error:
            raise ResourceError(told_to_client(error)) from None
        return document_text(opened.index.chunks, document)

    @server.resource(
        f"memorag://{library_place('{library}')}/{{document}}",
        name="library document",
        title="The text of a document of a library",
        mime_type=_PLAIN,
        security=_BY_NAME,
    )
    async def library_document(library: str, document: str, ctx: Context[Any, Any]) -> str:
        """Return the current text of a library's document; offsets of citations are those of this text."""
        libraries = tenants.libraries(client_of(ctx.request_context).tenant)

        def text() -> str:
            with without_path(libraries.place(library), library):
                return libraries.open(library).text(document)

        try:
            return await asyncio.to_thread(text)
        except (InputError, UnknownLibraryError) as error:
            raise ResourceNotFoundError(str(error)) from None
        except MemoragError as error:
            raise ResourceError(told_to_client(error)) from None


def document_resources(memories: list[dict[str, Any]]) -> list[Resource]:
    """Return the documents of memories, for the list of resources; those of libraries may be too many for it."""
    return [
        Resource(
            uri=document_uri(info["memory_id"], it["source"]),
            name=it["source"],
            description=f"{it['tokens']:,} tokens, in the memory {info['memory_id']}",
            mime_type=_PLAIN,
        )
        for info in memories
        for it in info["documents"]
    ]
