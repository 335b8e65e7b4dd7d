"""Who may ask, and how much they may send: checked before anything is read."""

import base64
import hmac
from collections.abc import Sequence

from fastapi import HTTPException
from starlette._utils import get_route_path  # what its router goes by
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memorag_graph.serving.error_responses import error_response

_OWN_SITES = ("none", "same-origin")
"""What browsers call requests that the user or a page of the service makes (W3C, "Fetch Metadata Request Headers")."""


class Guard:
    """Asks for an API key and limits bodies, on some paths.

    Args:
        app: The app behind it.
        paths: Where the guarded paths begin; other apps may be served beside them.
        api_key: The key to show as ``Authorization: Bearer``, ``X-API-Key`` or a browser's password; None: no key.
        max_body: Most bytes of a request's body.
    """

    def __init__(self, app: ASGIApp, paths: Sequence[str], api_key: str | None, max_body: int) -> None:
        self._app = app
        self._paths = tuple(paths)
        self._key = api_key.encode() if api_key else None
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that may be answered."""
        if scope["type"] != "http" or not self._guards(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if not self._is_known(headers):
            advice = "give the API key as Authorization: Bearer KEY or X-API-Key: KEY, or in a browser as the password"
            await error_response(401, advice)(scope, receive, send)
        elif length.isdigit() and int(length) > self._max_body:
            await error_response(413, self._too_large)(scope, receive, send)
        else:
            await self._app(scope, self._limited(receive), send)

    def _guards(self, scope: Scope) -> bool:
        return get_route_path(scope).startswith(self._paths)  # the app may be mounted itself

    @property
    def _too_large(self) -> str:
        return f"the request is larger than {self._max_body:,} bytes; send less at once"

    def _is_known(self, headers: Headers) -> bool:
        if self._key is None:
            return True
        shown = headers.get("x-api-key", "") or _shown(headers)
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


def _shown(headers: Headers) -> str:
    """Return the key of an Authorization header: a bearer's, or the password that a browser was given.

    A browser sends the password with every request, also with those of another site's pages; they do not count.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    if scheme.lower() != "basic" or headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        return ""
    try:
        return base64.b64decode(token, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
