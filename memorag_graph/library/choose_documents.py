"""Choose the documents of a library that are searched for a question."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.embeddings import Embeddings

from memorag_graph.documents.yearly_headings import FEWEST_YEARS, named_year
from memorag_graph.library.entry import Entry
from memorag_graph.library.route import Considered, languages_of, route
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.library.stores import Stores
from memorag_graph.retrieval.dense_index import embed_queries
from memorag_graph.text.asked_periods import followed_period
from memorag_graph.text.comparisons import compares
from memorag_graph.text.list_questions import asks_for_list

DOCUMENTS = 8
"""Documents whose chunks are searched."""

_FOR_LISTS = 20
_COMPARED = 5
_AS_GOOD = 0.5
"""A document is compared only if its score is at least this share of the best one's."""


@dataclass(frozen=True, eq=False, slots=True)
class Chosen:
    """The documents for a question.

    Attributes:
        searched: The entries of those whose chunks are searched, the best first.
        considered: All documents that the question may be about, the best first.
    """

    searched: list[Entry]
    considered: list[Considered]


def choose_documents(
    question: str, stores: Stores, snapshot: Snapshot, embeddings: Embeddings, documents: int | None = None
) -> Chosen:
    """Rank the documents that a question may be about, and choose the best.

    Args:
        question: The question.
        stores: The library's stores.
        snapshot: The documents that may be chosen.
        embeddings: The embedding model.
        documents: How many are searched; None to find that out from the question.

    Raises:
        DiskError: If the index cannot be read.
    """
    weights = stores.meaning_weights(languages_of(snapshot))
    considered = route(question, embed_queries(embeddings, [question])[0], stores, snapshot, weights)
    is_comparison = compares(question)
    most = documents or (_COMPARED if is_comparison else _FOR_LISTS if asks_for_list(question) else DOCUMENTS)
    best = considered[:most] if documents else _of_each_year(question, considered, snapshot) or considered[:most]
    if is_comparison:
        best = [it for it in best if it.score >= _AS_GOOD * best[0].score]
    return Chosen([snapshot.entries[it.id] for it in best], considered)


def _of_each_year(question: str, considered: Sequence[Considered], snapshot: Snapshot) -> list[Considered]:
    """Return the best document of each year, by their names, if a question follows something through years."""
    if (period := followed_period(question)) is None:
        return []
    years = {it.id: named_year(snapshot.entries[it.id].name) for it in considered}
    of_year = {years[it.id]: it for it in reversed(considered) if years[it.id] and years[it.id] in period}
    chosen = {it.id for it in of_year.values()}
    return [it for it in considered if it.id in chosen][:_FOR_LISTS] if len(chosen) >= FEWEST_YEARS else []
