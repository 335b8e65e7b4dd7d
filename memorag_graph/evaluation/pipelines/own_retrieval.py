"""Call the package's retrieval on the chunks that all pipelines share."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.dataset import Span
from memorag_graph.evaluation.workbench import Case, Workbench
from memorag_graph.retrieval.clue_weights import CAREFUL, ClueWeights
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.no_index import NoIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Search, retrieve

RetrievalPart = Literal["dense", "bm25", "share"]
"""Parts of retrieval: dense search, BM25, and the budget share guaranteed to the question."""


def retrieved(
    bench: Workbench,
    case: Case,
    queries: Sequence[Query],
    budget: int,
    parts: Collection[str],
    clues: ClueWeights = CAREFUL,
) -> list[Span]:
    """Return the evidence for queries as the graph's node ``retrieve`` does, best first.

    Args:
        bench: Models and settings.
        case: The question and its document.
        queries: The question and clues.
        budget: Maximum tokens of evidence.
        parts: Parts of retrieval to use.
        clues: How much clues count.
    """
    options = bench.options
    reranker = bench.registry.models.reranker(options.reranker)
    search = Search.from_options(options, options.retrieval_chunk_size, reranker, clues)
    share = search.question_share if "share" in parts else 0.0
    search = replace(search, token_budget=budget, question_share=share)
    evidence = retrieve(
        index_of(case, parts),
        queries,
        search,
        count_tokens=count_tokens,
        language_code=case.prepared.language.code,
    )
    return [(found.start, found.end) for found in sorted(evidence, key=lambda found: (-found.score, found.start))]


def index_of(case: Case, parts: Collection[str]) -> MemoryIndex:
    """Return the index of the shared chunks for some parts of retrieval."""
    prepared = case.prepared
    if {"dense", "bm25"} <= set(parts):
        return prepared.both
    return MemoryIndex(
        prepared.index if "dense" in parts else NoIndex(prepared.chunks),
        prepared.keywords if "bm25" in parts else None,
    )
