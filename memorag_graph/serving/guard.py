"""Check the API key and limit the size of a request before its body is read."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response, Security
from fastapi.params import Depends
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive

from memorag_graph.errors import InputError

_OWN_SITES = ("none", "same-origin")
"""``Sec-Fetch-Site`` of requests by the user or a page of this service (W3C, Fetch Metadata Request Headers)."""

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="memorag-graph"'}
_ADVICE = "send the API key as Authorization: Bearer KEY or X-API-Key: KEY, or enter it as the password in a browser"


class _BrowserPassword(HTTPBasic):
    """The password that a user entered in the browser.

    Browsers also add it to requests that other sites' pages make; those are ignored.
    """

    async def __call__(self, request: HTTPConnection) -> HTTPBasicCredentials | None:  # type: ignore[override]
        """Return the credentials; None if there are none, they are malformed or another site's page sent them."""
        if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return None
        try:
            return await super().__call__(request)
        except HTTPException:
            return None


_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False)
_BEARER = HTTPBearer(auto_error=False)
_PASSWORD = _BrowserPassword(scheme_name="HTTPBasic", auto_error=False, description="Any user name; key as password.")


class Guard:
    """Checks the API key and limits the request bodies of routes that use its route class.

    Unlike middleware, a route class does not compare paths, so the service can be mounted under any prefix.

    Args:
        api_key: Key that clients must send; None or empty disables authentication.
        max_body: Maximum bytes of a request's body.

    Raises:
        InputError: If an HTTP header cannot carry the key.
    """

    def __init__(self, api_key: str | None, max_body: int) -> None:
        if api_key and not (api_key.isascii() and api_key.isprintable() and api_key == api_key.strip()):
            raise InputError("api_key", "must be printable ASCII without spaces around it, to fit in an HTTP header")
        self._key = api_key.encode() if api_key else None
        self._max_body = max_body

    @property
    def security(self) -> list[Depends]:
        """Dependencies that declare the accepted credentials in the OpenAPI document; empty if no key is needed."""
        return [Security(scheme) for scheme in (_BEARER, _HEADER, _PASSWORD)] if self._key else []

    def route_class(self) -> type[APIRoute]:
        """Return the class of guarded routes."""
        guard = self

        class GuardedRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()

                async def guarded(request: Request) -> Response:
                    await guard._check(request)
                    return await handle(Request(request.scope, guard._limited(request.receive)))

                return guarded

        return GuardedRoute

    async def _check(self, request: Request) -> None:
        if self._key is not None and not hmac.compare_digest((await _sent_key(request)).encode(), self._key):
            raise HTTPException(401, _ADVICE, headers=_CHALLENGE)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._max_body:
            raise self._too_large()

    def _limited(self, receive: Receive) -> Receive:
        """Limit the bytes received, because chunked bodies do not declare their length."""
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_body:
                raise self._too_large()
            return message

        return limited

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the request is larger than {self._max_body:,} bytes; send less at once")


async def _sent_key(request: Request) -> str:
    if key := await _HEADER(request):
        return key
    if bearer := await _BEARER(request):
        return bearer.credentials
    basic = await _PASSWORD(request)
    return basic.password if basic else ""
