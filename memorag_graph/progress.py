"""How long work tells what it has done."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """A report from within long work.

    Attributes:
        stage: ``"waiting"`` (for another process), ``"sections"``, ``"gists"``, ``"memory"``, ``"eviction"``,
            ``"chunks"`` or ``"index"``.
        done: Units finished.
        total: Units in all.
        unit: What is counted, such as ``"tokens"``.
        note: A gist that was just written; empty where there is none.
    """

    stage: str
    done: int
    total: int
    unit: str
    note: str = ""


ReportProgress = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Report to nobody."""
