"""Give up a computation when its time is over or nobody waits for it.

A :class:`Cancellation` is bound to the current context, which LangGraph and asyncio copy into the threads and tasks of
a run. Long work asks :func:`check` between its steps.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import TYPE_CHECKING

from memorag_graph.errors import CancelledRunError, TimeLimitError

if TYPE_CHECKING:
    from memorag_graph.progress import Progress, ReportProgress


class Cancellation:
    """Tells work that runs in other threads whether to go on.

    Args:
        seconds: Time limit from now on; None means no limit.
        stopping: Set when the program ends; gives up the work of all who share it.
        around: A wider one, which gives up this work, too.

    Example:
        >>> with Cancellation(seconds=60).bound():
        ...     check()  # raises TimeLimitError after a minute
    """

    def __init__(
        self,
        seconds: float | None = None,
        stopping: threading.Event | None = None,
        around: "Cancellation | None" = None,
    ) -> None:
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds
        self._stopping = stopping or threading.Event()
        self._cancelled = False
        self._around = around

    @classmethod
    def within_current(cls) -> "Cancellation":
        """Return one for a part of the current context's work."""
        return cls(around=_current.get())

    def cancel(self) -> None:
        """Make every further check fail."""
        self._cancelled = True

    def check(self) -> None:
        """Return if the work is to go on.

        Raises:
            CancelledRunError: If it was cancelled.
            TimeLimitError: If its time is over.
        """
        if self._around is not None:
            self._around.check()
        if self._cancelled:
            raise CancelledRunError("the run was cancelled")
        if self._stopping.is_set():
            raise CancelledRunError("the service is being stopped; try again later")
        if self._end is not None and time.monotonic() > self._end:
            raise TimeLimitError(f"the run took longer than its limit of {self._seconds:g} s; ask for less at once")

    @contextmanager
    def bound(self) -> Iterator["Cancellation"]:
        """Bind to the current context."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)


_current: ContextVar[Cancellation | None] = ContextVar("memorag_cancellation", default=None)


def check() -> None:
    """Check the current context's cancellation, if there is one."""
    current = _current.get()
    if current is not None:
        current.check()


def detached() -> Cancellation:
    """Return a cancellation with the time limit of the current one, which goes on if that is cancelled."""
    current = _current.get()
    return copy(current) if current else Cancellation()


def checking(report: "ReportProgress") -> "ReportProgress":
    """Return a report of progress that gives up the work once the current context is cancelled.

    It may be called from threads that do not share the context.
    """
    current = _current.get()
    if current is None:
        return report

    def checked(progress: "Progress") -> None:
        current.check()
        report(progress)

    return checked
