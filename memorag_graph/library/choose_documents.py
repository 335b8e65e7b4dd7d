"""Choose the documents of a library that are searched for a question."""

import re
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
_OF_YEARS = 40
_FIGURES = re.compile(r"\d+")
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
    best = considered[:most]
    if is_comparison:
        best = [it for it in best if it.score >= _AS_GOOD * best[0].score]
    if not documents and (of_years := _of_years(question, considered, snapshot)):
        chosen = {it.id for it in (*best, *of_years)}
        best = [it for it in considered if it.id in chosen]
    return Chosen([snapshot.entries[it.id] for it in best], considered)


def _of_years(question: str, considered: Sequence[Considered], snapshot: Snapshot) -> list[Considered]:
    """Return the documents of several years, if a question follows something through these.

    Their names differ in figures alone. Of the series whose first is ranked best, the best of each year come first.
    """
    if (period := followed_period(question)) is None:
        return []
    series: dict[str, list[tuple[int, Considered]]] = {}
    for it in considered:
        name = snapshot.entries[it.id].name
        if year := named_year(name):
            series.setdefault(_FIGURES.sub("#", name), []).append((year, it))
    for dated in series.values():
        years = period.of({year for year, _ in dated})
        if len(years) >= FEWEST_YEARS:
            before = [sum(other == year for other, _ in dated[:at]) for at, (year, _) in enumerate(dated)]
            ranked = sorted((rank, at) for at, rank in enumerate(before) if dated[at][0] in years)
            return [dated[at][1] for _, at in ranked[:_OF_YEARS]]
    return []
