"""The one place where pipelines call the package's retrieval, on the chunks that all pipelines share."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.dataset import Span
from memorag_graph.evaluation.workbench import Case, Workbench
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.no_index import NoIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Search, retrieve

RetrievalPart = Literal["dense", "bm25", "share"]
"""What retrieval is made of: search by meaning, search by words, the share that the question is guaranteed, and what
the memory points at."""


def retrieved(
    bench: Workbench, case: Case, queries: Sequence[Query], budget: int, parts: Collection[str]
) -> list[Span]:
    """Return the evidence for queries as the graph's node ``retrieve`` finds it, best first.

    Args:
        bench: Models and settings.
        case: The question and its document.
        queries: The question and clues.
        budget: Most tokens of evidence.
        parts: The parts of retrieval that are used.
    """
    options = bench.options
    reranker = bench.registry.models.reranker(options.reranker)
    search = replace(
        Search.from_options(options, options.retrieval_chunk_size, reranker),
        token_budget=budget,
        question_share=options.question_share if "share" in parts else 0.0,
    )
    evidence = retrieve(
        index_of(case, parts),
        queries,
        search,
        count_tokens=count_tokens,
        language_code=case.prepared.language.code,
    )
    return [(it.start, it.end) for it in sorted(evidence, key=lambda it: (-it.score, it.start))]


def index_of(case: Case, parts: Collection[str]) -> MemoryIndex:
    """Return the index over the shared chunks that goes with some parts of retrieval."""
    prepared = case.prepared
    return MemoryIndex(
        prepared.index if "dense" in parts else NoIndex(prepared.chunks),
        prepared.keywords if "bm25" in parts else None,
    )
