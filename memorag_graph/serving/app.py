"""Create the service: questions, memories, health and a page of documentation."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from langgraph.checkpoint.base import BaseCheckpointSaver

from memorag_graph.graph import build_graph
from memorag_graph.graph import registry as shared_registry
from memorag_graph.registry import Registry
from memorag_graph.serving.error_responses import answer_errors
from memorag_graph.serving.guard import Guard
from memorag_graph.serving.memory_routes import memories_router
from memorag_graph.serving.question_routes import questions_app
from memorag_graph.settings import RunOptions
from memorag_graph.version import __version__

API_KEY_VARIABLE = "MEMORAG_GRAPH_API_KEY"
MAX_BODY = 200 * 1024**2
"""Maximum bytes of a request's body."""

_THREADS = 128
_QUESTIONS = "/memorag"


def create_app(
    registry: Registry | None = None,
    options: RunOptions | None = None,
    *,
    api_key: str | None = None,
    max_body: int = MAX_BODY,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    docs_path: str = "/docs",
) -> FastAPI:
    """Return the service.

    Args:
        registry: Models and memories; by default those of the process.
        options: Models and defaults; clients may override the options of a question only.
        api_key: Key that clients must send; None disables authentication.
        max_body: Maximum bytes of a request's body.
        checkpointer: Stores conversations, which clients name by ``thread_id``.
        docs_path: Path of the page that documents the endpoints.

    Raises:
        InputError: If an HTTP header cannot carry the key.
    """
    registry, options = registry or shared_registry, options or RunOptions()
    app = FastAPI(title="memorag-graph", version=__version__, docs_url=None, redoc_url=None, lifespan=_many_threads)
    answer_errors(app)
    guard = Guard(api_key, max_body)
    questions = questions_app(build_graph(registry, checkpointer=checkpointer), options, registry.store, guard)
    app.include_router(memories_router(registry, options, guard))

    @app.get("/health", tags=["service"], summary="Check that the service is up")
    def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "version": __version__,
            "models": [Path(name).name for name in registry.models.loaded_models()],
        }

    @app.get(docs_path, include_in_schema=False)
    def docs() -> HTMLResponse:
        page = files("memorag_graph.serving").joinpath("docs.html").read_text(encoding="utf-8")
        return HTMLResponse(page)

    app.mount(_QUESTIONS, questions)

    def openapi() -> dict[str, Any]:
        """Describe the endpoints of both apps in one document."""
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
            mounted = questions.openapi()
            schema["paths"] |= {f"{_QUESTIONS}{path}": methods for path, methods in mounted["paths"].items()}
            for kind, parts in mounted.get("components", {}).items():
                schema.setdefault("components", {}).setdefault(kind, {}).update(parts)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _many_threads(_: FastAPI) -> AsyncIterator[None]:
    """Enlarge the event loop's thread pool: each waiting node occupies a thread, and the default pool is small."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="question") as executor:
        asyncio.get_running_loop().set_default_executor(executor)
        yield


app = create_app(api_key=os.environ.get(API_KEY_VARIABLE), docs_path="/memorag-docs")
"""The service with default models, to be mounted in another server; models are loaded by the first request."""
