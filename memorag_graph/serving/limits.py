"""Limit how many requests compute at once, how many wait, and how long each may take."""

import asyncio
import math
import threading
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memorag_graph.cancellation import Cancellation
from memorag_graph.errors import InputError
from memorag_graph.serving.departure import Departure
from memorag_graph.serving.error_responses import error_response

_GRACE_SECONDS = 5.0
"""Between the time limit of the computation, which is checked between its steps, and that of the response."""

_RETRY_SECONDS = 5


@dataclass(frozen=True)
class Limits:
    """Limits of a service.

    Attributes:
        seconds: Longest computation of one request.
        running: Most requests that compute at once; their rows join one batch.
        queued: Most requests that wait for others; more are refused.
        body_seconds: Longest pause of a client that sends its body.

    Raises:
        InputError: If a limit is not positive.
    """

    seconds: float = 600.0
    running: int = 32
    queued: int = 128
    body_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("seconds", "running", "body_seconds"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(name, f"must be positive, not {value}")
        if self.queued < 0:
            raise InputError("queued", f"must not be negative, not {self.queued}")


class LimitRequests:
    """ASGI middleware that applies :class:`Limits` to requests that compute: those with a body.

    Args:
        app: The app.
        limits: The limits.
        stopping: Set when the service ends.
    """

    def __init__(self, app: ASGIApp, limits: Limits, stopping: threading.Event | None = None) -> None:
        self._app = app
        self._limits = limits
        self._stopping = stopping
        self._running = asyncio.Semaphore(limits.running)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        if self._running.locked() and self._waiting >= self._limits.queued:
            refusal = error_response(
                503, "too many requests are waiting; try again later", headers={"Retry-After": str(_RETRY_SECONDS)}
            )
            await refusal(scope, receive, send)
            return
        self._waiting += 1
        try:
            await self._running.acquire()
        finally:
            self._waiting -= 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._running.release()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request within the time limit and until its client leaves; what it started in threads ends then."""
        has_started = False

        async def watched(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        with Cancellation(self._limits.seconds, self._stopping).bound() as cancellation:
            client = Departure(receive, cancellation.cancel)
            try:
                async with asyncio.timeout(self._limits.seconds + _GRACE_SECONDS):
                    await self._app(scope, client.receive, watched)
            except TimeoutError:
                if has_started:  # a client that reads too slowly; the connection is closed
                    raise
                late = error_response(504, f"the request took longer than its limit of {self._limits.seconds:g} s")
                await late(scope, receive, send)
            except asyncio.CancelledError:  # the server stops
                if has_started:
                    raise
                await error_response(503, "the service is being stopped; try again later")(scope, receive, send)
            finally:
                client.stop()
                cancellation.cancel()
