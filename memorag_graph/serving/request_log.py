"""One line of JSON for each request: who, what, how long; never a document's text, a question or a key."""

import json
import logging
import time
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("memorag_graph.requests")

REQUEST_ID = "x-request-id"
"""Response header with the id that the log line has, too."""


class LogRequests:
    """ASGI middleware that logs each request when it ends.

    Args:
        app: The app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and log a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began, request_id = 500, time.perf_counter(), uuid.uuid4().hex

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", []), (REQUEST_ID.encode(), request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            client = scope.get("state", {}).get("client")
            line = {
                "request": request_id,
                "method": scope["method"],
                "endpoint": getattr(scope.get("route"), "path", "unknown"),
                "status": status,
                "seconds": round(time.perf_counter() - began, 3),
                "tenant": client.tenant if client else None,
                "key": client.name if client else None,
            }
            _log.info(json.dumps(line))
