"""Create the service: questions, memories, health and a page of documentation."""

import asyncio
import threading
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from langgraph.checkpoint.base import BaseCheckpointSaver
from starlette.middleware.cors import CORSMiddleware

from memorag_graph.configuration import program_options
from memorag_graph.graph import registry as shared_registry
from memorag_graph.registry import Registry
from memorag_graph.serving import completion_routes as completions
from memorag_graph.serving import served_graph as served
from memorag_graph.serving.credentials import Credentials, Everybody, OneKey
from memorag_graph.serving.error_responses import DOCUMENTED, answer_errors
from memorag_graph.serving.guard import Guard
from memorag_graph.serving.health_routes import health_router, metrics_router
from memorag_graph.serving.library_document_routes import library_documents_router
from memorag_graph.serving.library_routes import libraries_router
from memorag_graph.serving.limits import LimitRequests, Limits
from memorag_graph.serving.memory_routes import memories_router
from memorag_graph.serving.metrics import CountRequests, Metrics
from memorag_graph.serving.openapi import describe_together
from memorag_graph.serving.origin import OwnOrigin, checked_origin
from memorag_graph.serving.question_routes import questions_app
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.request_log import LogRequests
from memorag_graph.serving.take_over import TakeOver
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions
from memorag_graph.version import __version__

MAX_BODY = 200 * 1024**2
"""Maximum bytes of a request's body."""

_THREADS = 128
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_HEADERS = ("Authorization", "X-API-Key", "Content-Type", "Accept")
_PLACES = {
    "/docs": "documentation of all endpoints, to try them out",
    "/openapi.json": "the same for programs",
    "/memories": "memories of documents: make, list, rename, delete",
    "/libraries": "libraries of many documents: fill, list, ask, rename, delete",
    "/memorag/invoke": "answer a question; also /batch, /stream and a page to try it, /memorag/playground/",
    "/v1": "OpenAI's protocol: memories and libraries are models",
    "/health": "whether the process is up",
}
_QUESTIONS = "/memorag"
_OPENAI = "/v1"


def create_app(
    registry: Registry | None = None,
    options: RunOptions | None = None,
    *,
    api_key: str | None = None,
    credentials: Credentials | None = None,
    max_body: int = MAX_BODY,
    limits: Limits | None = None,
    quota: Quota | None = None,
    libraries_at: str = "",
    hosts: Collection[str] | None = None,
    origins: Collection[str] = (),
    checkpointer: BaseCheckpointSaver[Any] | None = None,
) -> FastAPI:
    """Return the service.

    Args:
        registry: Models and memories; by default those of the process.
        options: Models and defaults; clients may override the options of a question only.
        api_key: The operator's key, if it is the only one; None lets everybody in.
        credentials: Recognises clients, instead of ``api_key``.
        max_body: Maximum bytes of a request's body.
        limits: Limits of time and of requests at once; by default those of :class:`Limits`.
        quota: What each tenant may use; by default without limit.
        libraries_at: Where libraries are kept: a directory, or a URL such as ``s3://BUCKET/NAME``; by default beside
            the memories.
        hosts: Names under which clients may reach the service; None allows all.
        origins: Origins of other sites whose pages may use it, such as ``https://app.example``.
        checkpointer: Stores conversations, which clients name by ``thread_id``.

    Raises:
        InputError: If an HTTP header cannot carry the key, an origin is none, or libraries cannot be kept there.
    """
    known = credentials or (OneKey(api_key) if api_key else Everybody())
    limits = limits or Limits()
    options = options or RunOptions()
    tenants = Tenants(registry or shared_registry, quota, options, libraries_at)
    guard = Guard(known, max_body, tenants.usage.count_request, limits.body_seconds)
    app = _service(tenants, options, guard, checkpointer, "/docs")
    metrics = Metrics()
    app.include_router(metrics_router(metrics, guard))
    app.add_api_route("/", _start, include_in_schema=False)
    app.add_middleware(LimitRequests, limits=limits, stopping=app.state.stopping)
    app.add_middleware(CountRequests, metrics=metrics)
    app.add_middleware(LogRequests)
    app.add_middleware(OwnOrigin, hosts=hosts, allowed=[*map(checked_origin, origins)])
    if origins:
        app.add_middleware(CORSMiddleware, allow_origins=[*origins], allow_methods=_METHODS, allow_headers=_HEADERS)
    return app


def _service(
    tenants: Tenants,
    options: RunOptions,
    guard: Guard,
    checkpointer: BaseCheckpointSaver[Any] | None,
    docs_path: str,
) -> FastAPI:
    app = FastAPI(
        title="memorag-graph",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=_run,
        responses=DOCUMENTED,
    )
    app.state.stopping = threading.Event()
    app.state.tenants = tenants
    answer_errors(app)
    questions = questions_app(tenants, options, guard, checkpointer)
    app.include_router(memories_router(tenants, options, guard))
    app.include_router(libraries_router(tenants, options, guard))
    app.include_router(library_documents_router(tenants, guard))
    app.include_router(health_router(tenants.registry("")))

    app.add_api_route(docs_path, _docs, include_in_schema=False)
    openai = completions.completions_app(tenants, options, guard)
    app.mount(_QUESTIONS, questions)
    app.mount(_OPENAI, openai)
    describe_together(app, {_QUESTIONS: questions, _OPENAI: openai})
    return app


def _docs() -> HTMLResponse:
    page = files("memorag_graph.serving").joinpath("docs.html").read_text(encoding="utf-8")
    return HTMLResponse(page)


def _start(request: Request) -> Response:
    """Say what is where: to people with the documentation, to programs as JSON."""
    if "text/html" in request.headers.get("accept", ""):
        return _docs()
    return JSONResponse({"name": "memorag-graph", "version": __version__, "endpoints": _PLACES})


@asynccontextmanager
async def _run(app: FastAPI) -> AsyncIterator[None]:
    """Give the app a large thread pool, because each waiting node occupies a thread, and end its work with it.

    Memories that are being built keep their finished notes, from which memorizing again resumes.
    """
    take_over = TakeOver(app.state.tenants)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="question") as executor:
        asyncio.get_running_loop().set_default_executor(executor)
        take_over.start()
        try:
            yield
        finally:
            app.state.stopping.set()
            await asyncio.to_thread(take_over.stop)
            await asyncio.to_thread(app.state.tenants.close)


app = _service(
    served.tenants,
    program_options({}),
    Guard(served.credentials, MAX_BODY, served.tenants.usage.count_request),
    checkpointer=None,
    docs_path="/memorag-docs",
)
"""The service as the environment configures it, to be served beside a LangGraph server's own endpoints; with tools for
agents, it is :data:`memorag_graph.mcp_server.langgraph_app.app`.

Models load with the first request. Limits and the check of origins are up to that server: LangGraph Studio is a page of
another site.
"""
