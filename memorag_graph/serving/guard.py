"""Who may ask, and how much they may send: checked before anything is read."""

import hmac
from collections.abc import Sequence

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memorag_graph.serving.errors import error_response


class Guard:
    """Asks for an API key and limits bodies, on some paths.

    Args:
        app: The app behind it.
        paths: Where the guarded paths begin; other apps may be served beside them.
        api_key: The key to show as ``Authorization: Bearer`` or ``X-API-Key``; None asks for none.
        max_body: Most bytes of a request's body.
    """

    def __init__(self, app: ASGIApp, paths: Sequence[str], api_key: str | None, max_body: int) -> None:
        self._app = app
        self._paths = tuple(paths)
        self._key = api_key.encode() if api_key else None
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that may be answered."""
        path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))  # the app may be mounted itself
        if scope["type"] != "http" or not path.startswith(self._paths):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if not self._is_known(headers):
            await error_response(401, "give the API key as Authorization: Bearer KEY or X-API-Key: KEY")(
                scope, receive, send
            )
        elif length.isdigit() and int(length) > self._max_body:
            await error_response(413, self._too_large)(scope, receive, send)
        else:
            await self._app(scope, self._limited(receive), send)

    @property
    def _too_large(self) -> str:
        return f"the request is larger than {self._max_body:,} bytes; send less at once"

    def _is_known(self, headers: Headers) -> bool:
        if self._key is None:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        shown = headers.get("x-api-key", "") or (token.strip() if scheme.lower() == "bearer" else "")
        return hmac.compare_digest(shown.encode(), self._key)

    def _limited(self, receive: Receive) -> Receive:
        """Count what comes; a body that does not tell its length may be too large as well."""
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_body:
                raise HTTPException(413, self._too_large)
            return message

        return limited
