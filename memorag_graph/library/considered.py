"""The documents that were considered for a question, and why."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass

from memorag_graph.library.choose_documents import Chosen
from memorag_graph.library.route import Ranking
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.library_records import ConsideredRecord
from memorag_graph.state import TraceRecord

_MOST_CONSIDERED = 20


@dataclass(frozen=True, slots=True)
class ConsideredDocument:
    """A document that was considered for a question, and why.

    Attributes:
        id: Number of its version in the catalogue.
        name: Its name.
        version: Number of its version.
        searched: Whether its chunks were searched for evidence.
        asked: Whether its memory was asked.
        cited: Whether the answer cites it.
        score: Score in the fused ranking of documents.
        places: Its place in each ranking that found it, from 1 on.
    """

    id: int
    name: str
    version: int
    searched: bool
    asked: bool
    cited: bool
    score: float
    places: Mapping[Ranking, int]

    def to_record(self) -> ConsideredRecord:
        """Return it as plain values."""
        return ConsideredRecord(**{**asdict(self), "places": dict(self.places)})  # type: ignore[typeddict-item]


def considered_documents(
    chosen: Chosen, snapshot: Snapshot, asked: Collection[int] = (), cited: Collection[str] = ()
) -> list[ConsideredDocument]:
    """Return the best of the documents that were considered.

    Args:
        chosen: What was chosen.
        snapshot: The documents that could be.
        asked: Ids of those whose memories were asked.
        cited: Names of those that the answer cites.
    """
    searched = {entry.id for entry in chosen.searched}
    found = [(it, snapshot.entries[it.id]) for it in chosen.considered[:_MOST_CONSIDERED]]
    return [
        ConsideredDocument(
            it.id,
            entry.name,
            entry.version,
            it.id in searched,
            it.id in asked,
            it.id in searched and entry.name in cited,
            round(it.score, 5),
            it.places,
        )
        for it, entry in found
    ]


def considered_trace(considered: Iterable[ConsideredDocument]) -> list[TraceRecord]:
    """Return a trace record for each document, which says what was done with it and why."""
    return [
        TraceRecord(node="route", what="considered", text=f"{it.name}, version {it.version}", reason=_reason(it))
        for it in considered
    ]


def _reason(document: ConsideredDocument) -> str:
    done = "memory asked" if document.asked else "searched" if document.searched else "others fit better"
    places = ", ".join(f"{name} {place}" for name, place in document.places.items())
    return f"{done}; place by {places}"
