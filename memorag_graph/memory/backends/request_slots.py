"""Limit the requests to a server, with questions before gists, and send fewer while the server is busy."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from memorag_graph.cancellation import check
from memorag_graph.errors import InputError, ModelUnavailableError

_BUSY = frozenset({429, 503})
_WAITING_PER_SLOT = 32
_LOOK = 0.5
"""Seconds after which a waiting request looks whether anybody still wants it."""


class RequestSlots:
    """Slots for requests to one server. Thread-safe.

    When the server says that it is busy, half as many requests run at once; with each answer the limit rises again.

    Args:
        at_once: Maximum requests at once.

    Raises:
        InputError: If the maximum is not positive.
    """

    def __init__(self, at_once: int) -> None:
        if isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1:
            raise InputError("at_once", f"must be a whole number from 1 up, not {at_once!r}")
        self.at_once = at_once
        self._room = float(at_once)
        self._running = 0
        self._questions = 0
        self._waiting = 0
        self._changed = threading.Condition()

    @property
    def room(self) -> int:
        """Requests that may run at once now."""
        return int(self._room)

    @contextmanager
    def taken(self, *, later: bool = False) -> Iterator[None]:
        """Take a slot for a block.

        Args:
            later: Whether all waiting requests that are not later come first.

        Raises:
            ModelUnavailableError: If too many requests wait already.
            CancelledRunError: If the run was cancelled while it waited.
            TimeLimitError: If the time of the run was over before.
        """
        self._enter(later=later)
        try:
            yield
        except ModelUnavailableError as error:
            if error.status_code in _BUSY:
                self._resize(self._room / 2)
            raise
        else:
            self._resize(self._room + 1 / self._room)
        finally:
            self._leave()

    def _enter(self, *, later: bool) -> None:
        with self._changed:
            if self._waiting >= _WAITING_PER_SLOT * self.at_once:
                raise ModelUnavailableError(
                    f"{self._waiting} requests wait for the server already; try again later, or raise at_once"
                )
            self._waiting += 1
            self._questions += not later
            try:
                while not self._changed.wait_for(lambda: self._may_run(later=later), _LOOK):
                    check()
                self._running += 1
            finally:
                self._waiting -= 1
                self._questions -= not later
                self._changed.notify_all()  # the last waiting question lets later requests in

    def _may_run(self, *, later: bool) -> bool:
        return self._running < self.room and not (later and self._questions)

    def _leave(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def _resize(self, room: float) -> None:
        with self._changed:
            self._room = min(max(room, 1.0), float(self.at_once))
