"""Notice that a client left while its request is served."""

import asyncio
from collections.abc import Callable

from starlette.types import Message, Receive

_LEFT: Message = {"type": "http.disconnect"}


class Departure:
    """Receives a request for an app, and waits for the client's departure from the end of the body on.

    A framework that answers as a whole does not look whether anybody still waits.

    Args:
        receive: The server's function.
        on_departure: Called once if the client leaves before :meth:`stop`.
    """

    def __init__(self, receive: Receive, on_departure: Callable[[], None]) -> None:
        self._receive = receive
        self._on_departure = on_departure
        self._left = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        """Return the request's next message."""
        if self._watch is not None:
            await self._left.wait()
            return _LEFT
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._leave()
        elif not message.get("more_body"):
            self._watch = asyncio.create_task(self._wait())
        return message

    def stop(self) -> None:
        """Stop waiting."""
        if self._watch is not None:
            self._watch.cancel()

    async def _wait(self) -> None:
        if (await self._receive())["type"] == "http.disconnect":
            self._leave()

    def _leave(self) -> None:
        self._left.set()
        self._on_departure()
