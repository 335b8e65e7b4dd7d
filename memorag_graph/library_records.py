"""What a run of the graph over a library keeps in its state: plain values only."""

from collections.abc import Collection, Sequence

from typing_extensions import TypedDict  # Pydantic cannot read the schema of typing's own before Python 3.12


class ConsideredRecord(TypedDict):
    """A document of a library that was considered for a question, and why."""

    id: int
    """Number of its version in the catalogue."""
    name: str
    version: int
    searched: bool
    """Whether its chunks were searched."""
    asked: bool
    """Whether its memory was asked."""
    cited: bool
    """Whether the answer cites it."""
    score: float
    places: dict[str, int]
    """Its place in each ranking that found it, from 1 on."""


class CluesRecord(TypedDict):
    """What the memory of a document of a library recalled."""

    document: str
    spans: list[str]
    surrogates: list[str]
    draft: str


def extend_clues(clues: Sequence[CluesRecord], new: Sequence[CluesRecord] | None) -> list[CluesRecord]:
    """Add what further memories recalled; None starts a new turn."""
    return [] if new is None else [*clues, *new]


def with_cited(records: Sequence[ConsideredRecord], cited: Collection[str]) -> list[ConsideredRecord]:
    """Return the records with what the answer cites."""
    return [{**it, "cited": it["searched"] and it["name"] in cited} for it in records]
