"""Figures of a service for Prometheus, without texts, questions, names or keys."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """Counts the requests of one app."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "memorag_requests", "Requests by endpoint and status.", ["endpoint", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "memorag_request_seconds", "Seconds of a request.", ["endpoint"], buckets=_SECONDS, registry=self._registry
        )
        self.running = Gauge("memorag_requests_running", "Requests that are being served.", registry=self._registry)

    def response(self) -> Response:
        """Return all figures in Prometheus' text format."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


class CountRequests:
    """ASGI middleware that counts requests by endpoint, never by path: paths hold the ids of memories.

    Args:
        app: The app.
        metrics: Where to count.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and count a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with self._metrics.running.track_inprogress():
            try:
                await self._app(scope, receive, watched)
            finally:
                endpoint = getattr(scope.get("route"), "path", "unknown")
                self._metrics.requests.labels(endpoint, status).inc()
                self._metrics.seconds.labels(endpoint).observe(time.perf_counter() - began)
