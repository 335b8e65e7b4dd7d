"""The one place where pipelines call the package's retrieval, on the chunks that all pipelines share."""

from collections.abc import Sequence

from memorag_graph.evaluation.bench import Case, Workbench
from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.data import Span
from memorag_graph.retrieval.evidence import Search, retrieve
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.query import WEIGHTS, Query


def retrieved(bench: Workbench, case: Case, queries: Sequence[Query], budget: int) -> list[Span]:
    """Return the evidence for queries as the graph's node ``retrieve`` finds it, best first."""
    options = bench.options
    search = Search(
        hits=options.hits,
        token_budget=budget,
        chunk_tokens=options.retrieval_chunk_size,
        question_share=options.question_share,
        weights={**WEIGHTS, **options.query_weights},
        reranker=bench.registry.reranker(options.reranker),
    )
    evidence = retrieve(
        MemoryIndex(case.prepared.index, case.prepared.keywords),
        queries,
        search,
        count_tokens=count_tokens,
        language_code=case.prepared.language.code,
    )
    return [(it.start, it.end) for it in sorted(evidence, key=lambda it: (-it.score, it.start))]
