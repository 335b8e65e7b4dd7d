"""The gate of the demo: requests of unknown visitors get the page to log in, and nothing else."""

import asyncio
import logging
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from memorag_graph.errors import DiskError, ForbiddenError, InputError, MemoragError
from memorag_graph.serving.credentials import Principal
from memorag_graph.ui.login_page import login_page
from memorag_graph.ui.visitors import SESSION, Visitors

LOG_IN, LOG_OUT, HEALTH = "/login", "/logout", "/_stcore/health"
_PUBLIC = (LOG_IN, LOG_OUT, HEALTH)
_OWN_SITES = ("none", "same-origin")
"""``Sec-Fetch-Site`` of requests by the user or a page of this demo (W3C, Fetch Metadata Request Headers)."""

_MOST_BYTES = 20_000
"""Of the form to log in; a token may be long."""

_POLICY_VIOLATION = 1008
_UNKNOWN = "This key or token is not known here, or was revoked. Ask whoever runs the demo for one."
_UNREADABLE = "The demo cannot read its keys. Whoever runs it finds the reason in its log."
_OTHER_SITE = "The page of another site sent this. Log in here."
_LOGGED_OUT_ELSEWHERE = "The page of another site sent this. Log out in the demo itself."

_log = logging.getLogger(__name__)


class Gate:
    """ASGI middleware that lets known visitors in; a visit ends with its key or token.

    Args:
        app: The app.
        visitors: Recognises visitors.
    """

    def __init__(self, app: ASGIApp, visitors: Visitors) -> None:
        self._app = app
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in _PUBLIC:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            visitor = await _found(self._visitors, connection)
        except MemoragError as error:
            await self._refuse(scope, receive, send, _told(error))
            return
        if visitor is None:
            await self._refuse(scope, receive, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, _unkept(send))
        else:
            await self._app(scope, self._watched(connection, receive, send), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, response: Response | None = None) -> None:
        if scope["type"] == "websocket":
            await WebSocketClose(_POLICY_VIOLATION)(scope, receive, send)
            return
        request = Request(scope)
        if response is None and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            response = RedirectResponse(_with_query(LOG_IN, request), 303, headers={"Cache-Control": "no-store"})
        await (response or PlainTextResponse(_UNKNOWN, 401))(scope, receive, send)

    def _watched(self, connection: HTTPConnection, receive: Receive, send: Send) -> Receive:
        """Close an open connection when its visitor's key or token ends.

        The page connects again at once, and a proxy then sends its next token.
        """

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not await self._is_known(connection):
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}
            return message

        return watched

    async def _is_known(self, connection: HTTPConnection) -> bool:
        try:
            return await _found(self._visitors, connection) is not None
        except MemoragError as error:
            _log.warning("a visit ends: %s", error)
            return False


def login_routes(visitors: Visitors) -> list[Route]:
    """Return the pages to log in and out.

    Args:
        visitors: Recognises visitors.
    """

    async def log_in(request: Request) -> Response:
        if request.method == "GET":
            return login_page()
        if not _is_own(request):
            return login_page(_OTHER_SITE, 403)
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            return login_page("This is too long to be a key or token.", 413)
        secret = str((await request.form()).get("key", "")).strip()
        try:
            session = await asyncio.to_thread(visitors.admit, secret)
        except MemoragError as error:
            return _told(error)
        if session is None:
            return login_page(_UNKNOWN, 401)
        visitors.leave(request.cookies.get(SESSION, ""))
        response = RedirectResponse(_with_query("/", request), 303)
        response.set_cookie(SESSION, session, httponly=True, samesite="lax", secure=_is_secure(request))
        return response

    async def log_out(request: Request) -> Response:
        if not _is_own(request):
            return PlainTextResponse(_LOGGED_OUT_ELSEWHERE, 403)
        visitors.leave(request.cookies.get(SESSION, ""))
        response = RedirectResponse(LOG_IN, 303)
        response.delete_cookie(SESSION, httponly=True, samesite="lax", secure=_is_secure(request))
        return response

    return [Route(LOG_IN, log_in, methods=["GET", "POST"]), Route(LOG_OUT, log_out, methods=["POST"])]


def _unkept(send: Send) -> Send:
    """Have the browser keep no page, so that nobody goes back to one after the visitor has logged out."""

    async def unkept(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return unkept


async def _found(visitors: Visitors, connection: HTTPConnection) -> Principal | None:
    return await asyncio.to_thread(visitors.find, connection.headers, connection.cookies)


def _told(error: MemoragError) -> Response:
    """Return the page that tells why a visitor cannot be recognised, without the names of files of the server."""
    if isinstance(error, InputError | DiskError):
        _log.error("the keys cannot be read: %s", error)
        return login_page(_UNREADABLE, 503)
    return login_page(str(error), 403 if isinstance(error, ForbiddenError) else 503)


def _is_own(request: Request) -> bool:
    """Return whether a form was sent from the demo's own page; browsers tell only trustworthy addresses the site."""
    if site := request.headers.get("sec-fetch-site"):
        return site in _OWN_SITES
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _is_secure(request: Request) -> bool:
    """Return whether a request came by https, also by way of a proxy that is trusted to say so.

    The server reads ``X-Forwarded-Proto`` of proxies on this machine and of those in ``FORWARDED_ALLOW_IPS``.
    """
    return request.url.scheme == "https"


def _with_query(path: str, request: Request) -> str:
    """Return a path of the demo with the query of a request, which names what is shown."""
    return f"{path}?{request.url.query}" if request.url.query else path
