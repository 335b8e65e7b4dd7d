"""Recognise the clients of an app that is no FastAPI app, by the same keys and tokens."""

from collections.abc import Callable

from fastapi import HTTPException, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from memorag_graph.errors import MemoragError
from memorag_graph.serving.credentials import Credentials
from memorag_graph.serving.error_responses import error_response, retry_after, status_of
from memorag_graph.serving.guard import authenticate


class RecogniseClients:
    """ASGI middleware that puts who sent a request in ``request.state.client``, or refuses the request.

    Args:
        app: The app.
        credentials: Recognises clients.
        count_request: Called with the tenant of each request; may refuse it.
        public: Paths that need no key.
    """

    def __init__(
        self,
        app: ASGIApp,
        credentials: Credentials,
        count_request: Callable[[str], None],
        public: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._credentials = credentials
        self._count_request = count_request
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in self._public:
            await self._app(scope, receive, send)
            return
        try:
            client = await authenticate(Request(scope), self._credentials, self._count_request)
        except HTTPException as error:
            await error_response(error.status_code, error.detail, headers=error.headers)(scope, receive, send)
        except MemoragError as error:
            refusal = error_response(status_of(error), str(error), headers=retry_after(error))
            await refusal(scope, receive, send)
        else:
            scope.setdefault("state", {})["client"] = client
            await self._app(scope, receive, send)
