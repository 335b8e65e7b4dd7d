"""The queue of a library whose memories several servers make: a job for each text, and for a while one who has it.

Whoever takes a job holds it for some seconds at a time and says again and again that it is still at work. A job whose
holder was killed is free once these seconds are over. The queue only divides the work: which memories exist is told by
their files, and a lock beside these keeps two processes from making one memory.
"""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, Self

from memorag_graph.errors import LibraryBusyError, UnavailableError

_PASSING = (UnavailableError, LibraryBusyError)
"""What a queue's server says that may answer a little later."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A job that is not done.

    Attributes:
        is_held: Whether somebody is at work on it.
        fault: Why it could not be done; empty if nothing failed.
    """

    is_held: bool
    fault: str


class JobQueue(Protocol):
    """The jobs of one library, named by the SHA-256 of the texts whose memories are to be made.

    Each method raises :class:`~memorag_graph.errors.UnavailableError` if the queue's server does not answer, or
    :class:`~memorag_graph.errors.LibraryBusyError` if others change the same jobs all the time, and gives the same when
    it is done twice.
    """

    renewed_after: float
    """Seconds after which a holder has to say that it is still at work."""

    def offer(self, texts: Sequence[str]) -> None:
        """Add jobs, unless they are there; those that failed can be taken again."""

    def take(self, holder: str) -> str | None:
        """Return the first free job, held from now on by a holder; None if none is free."""

    def renew(self, text: str, holder: str) -> bool:
        """Hold a job for longer; return whether its holder still has it."""

    def give_back(self, text: str, holder: str) -> None:
        """Free a job that was not done."""

    def fail(self, text: str, holder: str, fault: str) -> None:
        """Say why a job cannot be done; nobody takes it until it is offered again."""

    def done(self, text: str, holder: str) -> None:
        """Remove a job, as the memory is made or nobody wants it any more.

        Where somebody else has the job, or it was offered anew, it stays: they find out what is missing.
        """

    def jobs(self) -> Mapping[str, Queued]:
        """Return the jobs that are not done."""


class HeldJob:
    """A job that is held until the end of a ``with`` block; then it is given back, unless it was done or failed.

    Where the queue's server does not answer how it ends, it is free when its time is over, and whoever takes it finds
    out whether the memory is missing.

    Args:
        queue: Its queue.
        text: Which it is.
        holder: Who has taken it.
    """

    def __init__(self, queue: JobQueue, text: str, holder: str) -> None:
        self.text = text
        self.is_lost = False
        self._queue = queue
        self._holder = holder
        self._ended = threading.Event()

    @classmethod
    def take(cls, queue: JobQueue) -> "HeldJob | None":
        """Return the first free job of a queue; None if none is free.

        Raises:
            UnavailableError: If the queue's server does not answer.
        """
        holder = uuid.uuid4().hex
        text = queue.take(holder)
        return None if text is None else cls(queue, text, holder)

    def done(self) -> None:
        """Say that it is done."""
        self._end(self._queue.done)

    def fail(self, fault: str) -> None:
        """Say why it cannot be done."""
        self._end(self._queue.fail, fault)

    def __enter__(self) -> Self:
        """Begin to say that it is being worked on."""
        threading.Thread(target=self._renew, name="lease of a job", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back, unless it has ended."""
        if not self._ended.is_set():
            self._end(self._queue.give_back)

    def _end(self, say: Callable[..., None], *more: str) -> None:
        self._ended.set()
        with suppress(*_PASSING):
            say(self.text, self._holder, *more)

    def _renew(self) -> None:
        while not self._ended.wait(self._queue.renewed_after):
            with suppress(*_PASSING):
                if not self._queue.renew(self.text, self._holder):
                    self.is_lost = True
                    return
