"""Recognise the client and limit the size of a request before its body is read."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import HTTPException, Request, Response, Security
from fastapi.params import Depends
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive

from memorag_graph.errors import DiskError, InputError
from memorag_graph.serving.credentials import Credentials, Everybody, Principal
from memorag_graph.serving.json_body import read_json

_log = logging.getLogger(__name__)

_OWN_SITES = ("none", "same-origin")
"""``Sec-Fetch-Site`` of requests by the user or a page of this service (W3C, Fetch Metadata Request Headers)."""

_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="memorag-graph"'}
_ADVICE = "send an API key or a token as Authorization: Bearer KEY or X-API-Key: KEY, or as the password in a browser"

_IDENTIFYING = ThreadPoolExecutor(32, thread_name_prefix="identify")
"""Reads files of keys and asks issuers; threads of its own, so that long jobs keep nobody from being recognised."""


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
_BEARER = HTTPBearer(auto_error=False, description="A key, or a token of the configured OpenID Connect issuer.")
_PASSWORD = _BrowserPassword(scheme_name="HTTPBasic", auto_error=False, description="Any user name; key as password.")


class Guard:
    """Recognises clients and limits the bodies of the routes that are made with its route class.

    Unlike middleware, a route class does not compare paths, so the service can be mounted under any prefix.

    Args:
        credentials: Recognises clients.
        max_body: Maximum bytes of a request's body.
        count_request: Called with the tenant of each request; may refuse it.
        body_seconds: Longest pause of a client that sends its body.
    """

    def __init__(
        self,
        credentials: Credentials,
        max_body: int,
        count_request: Callable[[str], None],
        body_seconds: float = 30.0,
    ) -> None:
        self._count_request = count_request
        self._credentials = credentials
        self._max_body = max_body
        self._body_seconds = body_seconds

    @property
    def security(self) -> list[Depends]:
        """Dependencies that declare the accepted credentials in the OpenAPI document; empty if no key is needed."""
        schemes = () if isinstance(self._credentials, Everybody) else (_BEARER, _HEADER, _PASSWORD)
        return [Security(scheme) for scheme in schemes]

    def route_class(self, check_body: Callable[[Any], None] | None = None) -> type[APIRoute]:
        """Return the class of guarded routes.

        Args:
            check_body: Called with the parsed JSON body before a framework reads it; may refuse it. Routes then read
                JSON whatever content type is declared; without it, forms are left to the framework.
        """
        guard = self

        class GuardedRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()

                async def guarded(request: Request) -> Response:
                    await guard._check(request)
                    limited = Request(request.scope, guard._limited(request.receive))
                    is_form = request.headers.get("content-type", "").lower().startswith(_FORMS)
                    if (check_body or not is_form) and (body := await limited.body()):
                        value = read_json(body)
                        if check_body:
                            check_body(value)
                    return await handle(limited)

                return guarded

        return GuardedRoute

    async def _check(self, request: Request) -> None:
        request.state.client = await authenticate(request, self._credentials, self._count_request)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._max_body:
            raise self._too_large()

    def _limited(self, receive: Receive) -> Receive:
        """Count the bytes received, because chunked bodies do not declare their length, and limit the pauses."""
        read, is_complete = 0, False

        async def limited() -> Message:
            nonlocal read, is_complete
            if is_complete:  # what follows is the client's disconnection, whenever that is
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._body_seconds)
            except TimeoutError:
                raise HTTPException(408, f"nothing was received for {self._body_seconds:g} s; send it again") from None
            read += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if read > self._max_body:
                raise self._too_large()
            return message

        return limited

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the request is larger than {self._max_body:,} bytes; send less at once")


async def authenticate(request: Request, credentials: Credentials, count_request: Callable[[str], None]) -> Principal:
    """Return who sent a request, and count it; the same for every door.

    Raises:
        HTTPException: 401 if nobody known did, 503 if that cannot be told.
        ForbiddenError: If a token is valid but allows nothing here.
        UnavailableError: If the issuer of tokens cannot be reached.
        QuotaError: If the tenant has used up its requests or tokens.
    """
    secret = await sent_key(request)

    def identify() -> Principal | None:
        client = credentials.identify(secret)
        if client:
            count_request(client.tenant)
        return client

    try:
        client = await asyncio.get_running_loop().run_in_executor(_IDENTIFYING, identify)
    except (InputError, DiskError):  # its message names files of the server
        _log.exception("the keys or quotas cannot be read")
        raise HTTPException(503, "the service cannot read its keys or quotas; see its log") from None
    if client is None:
        raise HTTPException(401, _ADVICE, headers=_CHALLENGE)
    return client


def client_of(request: Request) -> Principal:
    """Return who sent a guarded request."""
    client: Principal = request.state.client
    return client


async def sent_key(request: Request) -> str:
    """Return the key that a request carries; empty if it carries none."""
    if key := await _HEADER(request):
        return key
    if bearer := await _BEARER(request):
        return bearer.credentials
    basic = await _PASSWORD(request)
    return basic.password if basic else ""
