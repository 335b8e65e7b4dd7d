"""Find the passages of a library that answer a question: choose documents, then search their chunks as a memory's."""

from dataclasses import dataclass, replace

from langchain_core.embeddings import Embeddings

from memorag_graph.library.chosen_index import ChosenIndex
from memorag_graph.library.entry import Entry
from memorag_graph.library.prepared import CHUNK_TOKENS, TOKENS
from memorag_graph.library.route import Considered, languages_of, route
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.library.stores import Stores
from memorag_graph.retrieval.clue_weights import SILENT
from memorag_graph.retrieval.dense_index import embed_queries
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.rerank import Reranker
from memorag_graph.retrieval.retrieve import Evidence, Search, retrieve
from memorag_graph.settings import RunOptions
from memorag_graph.text.comparisons import compares
from memorag_graph.text.list_questions import asks_for_list

DOCUMENTS = 8
"""Documents whose chunks are searched."""

_FOR_LISTS = 20
_COMPARED = 5
_SHARE = 0.75
"""Share of the evidence that one document may fill before others get theirs."""

_AS_GOOD = 0.5
"""A document is compared only if its score is at least this share of the best one's."""


@dataclass(frozen=True, eq=False, slots=True)
class Passages:
    """What was found for a question.

    Attributes:
        evidence: The passages, by document and place.
        index: The index over the documents that were searched; None if there is none.
        searched: Their entries, the best first.
        considered: All documents that the question may be about, the best first.
    """

    evidence: list[Evidence]
    index: ChosenIndex | None
    searched: list[Entry]
    considered: list[Considered]


def find_passages(
    question: str,
    stores: Stores,
    snapshot: Snapshot,
    embeddings: Embeddings,
    options: RunOptions,
    reranker: Reranker | None = None,
    documents: int | None = None,
) -> Passages:
    """Find the passages that answer a question.

    A question that compares documents, or asks which of several something holds for, gets evidence from each of the
    best ones. For other questions the passages of all searched documents are ranked together, and one document fills at
    most three quarters of the evidence as long as others have something.

    Args:
        question: The question.
        stores: The library's stores.
        snapshot: The documents that may be chosen.
        embeddings: The embedding model.
        options: ``hits`` and ``evidence_tokens`` are read.
        reranker: Reorders the best chunks; None for none.
        documents: How many documents are searched; None to find that out from the question.

    Raises:
        LibraryError: If a text is missing or damaged.
        DiskError: If the index cannot be read.
    """
    weights = stores.meaning_weights(languages_of(snapshot))
    considered = route(question, embed_queries(embeddings, [question])[0], stores, snapshot, weights)
    is_comparison = compares(question)
    most = documents or (_COMPARED if is_comparison else _FOR_LISTS if asks_for_list(question) else DOCUMENTS)
    best = considered[:most]
    if is_comparison:
        best = [it for it in best if it.score >= _AS_GOOD * best[0].score]
    searched = [snapshot.entries[it.id] for it in best]
    index = ChosenIndex.over(question, searched, stores, embeddings, weights) if searched else None
    if index is None:
        return Passages([], None, [], considered)
    search = Search.from_options(options, CHUNK_TOKENS, reranker, SILENT)
    if is_comparison and len(searched) > 1:
        evidence = _from_each(question, index, search)
    else:
        evidence = _found(question, index, replace(search, document_share=_SHARE if len(searched) > 1 else 1.0))
    return Passages(evidence, index, searched, considered)


def _from_each(question: str, index: ChosenIndex, search: Search) -> list[Evidence]:
    """Return evidence from each document, an equal part of the budget of each."""
    parts = index.of_each_document()
    share = replace(search, token_budget=search.token_budget // len(parts))
    return [passage for part in parts for passage in _found(question, part, share)]


def _found(question: str, index: ChosenIndex, search: Search) -> list[Evidence]:
    return retrieve(
        index,
        [Query("question", question)],
        search,
        count_tokens=TOKENS.count,
        language_code=index.language_code,
        page_maps=index.page_maps,
    )
