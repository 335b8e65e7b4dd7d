"""The one place where pipelines call the package's retrieval, on the chunks that all pipelines share."""

from collections.abc import Sequence

from memorag_graph.evaluation.bench import Case, Workbench
from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.data import Span
from memorag_graph.retrieval.evidence import Query, retrieve


def retrieved(bench: Workbench, case: Case, queries: Sequence[Query], budget: int) -> list[Span]:
    """Return the evidence for queries, best first."""
    size = bench.options.retrieval_chunk_size
    evidence = retrieve(
        case.prepared.index,
        queries,
        hits=max(bench.options.hits, -(-budget // size)),  # a question alone must be able to fill the budget
        token_budget=budget,
        count_tokens=count_tokens,
        language_code=case.prepared.language.code,
    )
    return [(it.start, it.end) for it in sorted(evidence, key=lambda it: (-it.score, it.start))]
