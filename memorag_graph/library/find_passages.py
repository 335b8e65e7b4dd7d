"""Find the passages of a library that answer a question: choose documents, then search their chunks as a memory's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.embeddings import Embeddings

from memorag_graph.clues.clue_filter import Dropped, searchable
from memorag_graph.generation.summary.over_years import follow_years
from memorag_graph.library.choose_documents import Chosen, choose_documents
from memorag_graph.library.chosen_index import ChosenIndex
from memorag_graph.library.cut import CHUNK_TOKENS, TOKENS
from memorag_graph.library.entry import Entry
from memorag_graph.library.route import Considered
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.library.stores import Stores
from memorag_graph.retrieval.clue_weights import SILENT, ClueWeights
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.rerank import Reranker
from memorag_graph.retrieval.retrieve import Evidence, Search, retrieve
from memorag_graph.settings import RunOptions
from memorag_graph.text.comparisons import compares

_SHARE = 0.75
"""Share of the evidence that one document may fill before others get theirs."""


@dataclass(frozen=True, eq=False, slots=True)
class Passages:
    """What was found for a question.

    Attributes:
        evidence: The passages, by document and place.
        index: The index over the documents that were searched; None if there is none.
        searched: Their entries, the best first.
        considered: All documents that the question may be about, the best first.
        dropped: The clues that were not searched for.
    """

    evidence: list[Evidence]
    index: ChosenIndex | None
    searched: list[Entry]
    considered: list[Considered]
    dropped: tuple[Dropped, ...] = ()


def find_passages(
    question: str,
    stores: Stores,
    snapshot: Snapshot,
    embeddings: Embeddings,
    options: RunOptions,
    reranker: Reranker | None = None,
    documents: int | None = None,
) -> Passages:
    """Choose the documents of a question and find its passages in them, without clues.

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
    chosen = choose_documents(question, stores, snapshot, embeddings, documents)
    return search_chosen([Query("question", question)], chosen, stores, embeddings, options, reranker)


def search_chosen(
    queries: Sequence[Query],
    chosen: Chosen,
    stores: Stores,
    embeddings: Embeddings,
    options: RunOptions,
    reranker: Reranker | None = None,
    clues: ClueWeights = SILENT,
) -> Passages:
    """Find the passages of chosen documents for a question and clues.

    A question that compares documents, or asks which of several something holds for, gets evidence from each of them.
    For other questions the passages of all documents are ranked together, and one document fills at most three quarters
    of the evidence as long as others have something. Before them stands what each year tells, where a question follows
    something through years.

    Args:
        queries: The question first, and clues, each to be found in its document.
        chosen: The documents.
        stores: The library's stores.
        embeddings: The embedding model.
        options: ``hits``, ``evidence_tokens``, ``question_share`` and ``query_weights`` are read.
        reranker: Reorders the best chunks; None for none.
        clues: How much clues count, unless the options say it.

    Raises:
        LibraryError: If a text is missing or damaged.
        DiskError: If the index cannot be read.
    """
    question, searched = queries[0].text, chosen.searched
    weights = stores.meaning_weights(dict.fromkeys(entry.language for entry in searched))
    words = "\n".join(query.text for query in queries)
    index = ChosenIndex.over(words, searched, stores, embeddings, weights) if searched else None
    if index is None:
        return Passages([], None, [], chosen.considered)
    kept, dropped = searchable(queries, index.share_known, index.nearness, clues.astray)
    of_years, options = follow_years(
        index, index.page_maps, options, question, count_tokens=TOKENS.count, language_code=index.language_code
    )
    search = Search.from_options(options, CHUNK_TOKENS, reranker, clues)
    if compares(question) and len(searched) > 1:
        evidence = _from_each(kept, index, search)
    else:
        evidence = _found(kept, index, replace(search, document_share=_SHARE if len(searched) > 1 else 1.0))
    return Passages([*of_years, *evidence], index, searched, chosen.considered, tuple(dropped))


def _from_each(queries: Sequence[Query], index: ChosenIndex, search: Search) -> list[Evidence]:
    """Return evidence from each document, an equal part of the budget of each."""
    parts = index.of_each_document()
    share = replace(search, token_budget=search.token_budget // len(parts))
    return [passage for part in parts for passage in _found(_of_part(queries, part), part, share)]


def _of_part(queries: Sequence[Query], part: ChosenIndex) -> list[Query]:
    """Return the question and the clues of a document."""
    return [query for query in queries if query.document in ("", part.chunks[0].source)]


def _found(queries: Sequence[Query], index: ChosenIndex, search: Search) -> list[Evidence]:
    return retrieve(
        index,
        queries,
        search,
        count_tokens=TOKENS.count,
        language_code=index.language_code,
        page_maps=index.page_maps,
    )
