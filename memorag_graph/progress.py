"""Progress reports of long operations."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a long operation.

    Attributes:
        stage: ``"waiting"`` (for another process), ``"sections"``, ``"gists"``, ``"memory"``, ``"eviction"``,
            ``"chunks"``, ``"index"``; of a library ``"documents"`` or ``"memories"``.
        done: Units finished.
        total: All units.
        unit: Name of the unit, e.g. ``"tokens"``.
        note: The gist that was just generated; empty if there is none.
    """

    stage: str
    done: int
    total: int
    unit: str
    note: str = ""


ReportProgress = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Discard a progress report."""
