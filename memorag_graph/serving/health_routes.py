"""Endpoints for those who watch the service: is it up, and can it answer?"""

import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from memorag_graph.errors import ForbiddenError
from memorag_graph.private_files import make_private_dir
from memorag_graph.registry import Registry
from memorag_graph.serving.guard import Guard, client_of
from memorag_graph.serving.metrics import Metrics
from memorag_graph.version import __version__


def health_router(registry: Registry) -> APIRouter:
    """Return the endpoints, which need no key and tell nothing about memories.

    Args:
        registry: The models and the store.
    """
    router = APIRouter(tags=["service"])

    @router.get("/health", summary="Check that the service is up")
    def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "version": __version__,
            "models": [Path(name).name for name in registry.models.loaded_models()],
        }

    @router.get("/ready", summary="Check that the service can answer: its store can be written")
    async def ready() -> dict[str, str]:
        try:
            await run_in_threadpool(_write, registry.store.root)
        except OSError:
            raise HTTPException(503, "the store cannot be written; see the log of the service") from None
        return {"status": "ready"}

    return router


def metrics_router(metrics: Metrics, guard: Guard) -> APIRouter:
    """Return the endpoint with the service's figures, for keys of the operator.

    Args:
        metrics: The figures.
        guard: Guards the endpoint.
    """
    router = APIRouter(tags=["service"], route_class=guard.route_class(), dependencies=guard.security)

    @router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
    def show(request: Request) -> Response:
        client = client_of(request)
        client.require("admin")
        if client.tenant:
            raise ForbiddenError("the figures are of all tenants; they need the operator's key")
        return metrics.response()

    return router


def _write(root: Path) -> None:
    make_private_dir(root)
    with tempfile.TemporaryFile(dir=root) as file:
        file.write(b"ready")
