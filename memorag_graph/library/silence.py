"""A server that does not answer is asked now and then by one caller, while all others are told so at once."""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

PAUSE_SECONDS = 3.0
"""For how long a server that has just not answered is not asked."""

_silences: "dict[str, Silence]" = {}


@dataclass(frozen=True, slots=True)
class Silent:
    """That a server does not answer.

    Attributes:
        since: When it first did not.
        address: Where it was asked last.
        reason: Why there was no answer.
    """

    since: str
    address: str
    reason: str


class Silence:
    """Whether a server answers, as those who ask it find out. Safe to use from several threads."""

    def __init__(self) -> None:
        self._now: Silent | None = None
        self._pause_ends = 0.0
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Whether it did not answer when it was last asked."""
        return self._now is not None

    def pause(self) -> Silent | None:
        """Return what to tell a caller who is not to ask now; None lets it ask, and begins a pause for the others."""
        with self._lock:
            now = time.monotonic()
            if self._now is not None and now < self._pause_ends:
                return self._now
            self._pause_ends = now + PAUSE_SECONDS
            return None

    def go_on(self, address: str, reason: str) -> Silent:
        """Note that it has not answered, begin a pause, and return what to tell."""
        with self._lock:
            since = self._now.since if self._now else datetime.now(UTC).isoformat(timespec="seconds")
            self._now = Silent(since, address, reason)
            self._pause_ends = time.monotonic() + PAUSE_SECONDS
            return self._now

    def end(self) -> None:
        """Note that it has answered."""
        with self._lock:
            self._now = None


def silence_of(server: str) -> Silence:
    """Return the silence of a server, the same for all of this process who ask it."""
    return _silences.setdefault(server, Silence())
