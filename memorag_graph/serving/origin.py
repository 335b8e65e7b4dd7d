"""Refuse requests that pages of other sites make a browser send.

A page can reach a service on loopback in two ways: by its address, which the browser marks with the page's origin, and
by a name of the page's own that is later resolved to the loopback address (DNS rebinding), which shows in the host.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from memorag_graph.errors import InputError
from memorag_graph.serving.error_responses import error_response


def checked_origin(origin: str) -> str:
    """Return the origin of a site whose pages may use the service, such as ``https://app.example``.

    Raises:
        InputError: If it is none; all sites at once cannot be allowed.
    """
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
        raise InputError("allow_origin", f"{origin!r} must be one site without a path, such as https://app.example")
    return origin


class OwnOrigin:
    """ASGI middleware that refuses other hosts and origins.

    Args:
        app: The app.
        hosts: Names under which clients may reach the service; None allows all.
        allowed: Origins of other sites whose pages may use it.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None, allowed: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = hosts
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "http" and (reason := self._fault(Headers(scope=scope))):
            await error_response(403, reason)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _fault(self, headers: Headers) -> str:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._hosts is not None and _name(f"//{host}") not in self._hosts:
            return "this service has another name; use the address that it prints"
        if origin is not None and origin not in self._allowed and urlsplit(origin).netloc != host:
            return "pages of other sites may not use this service; its operator can allow one with --allow-origin"
        return ""


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
