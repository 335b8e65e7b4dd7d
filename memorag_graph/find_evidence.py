"""Find the evidence of a memory: by search, over whole documents, or near an answer from memory."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from memorag_graph.open_memory import OpenMemory
from memorag_graph.retrieval.clue_weights import CAREFUL, ClueWeights
from memorag_graph.routing import route
from memorag_graph.serialization import Update
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.retrieval.query import Query
    from memorag_graph.retrieval.rerank import Reranker
    from memorag_graph.retrieval.retrieve import Evidence


def is_about_whole(request: str, opened: OpenMemory) -> bool:
    """Return whether a request for a summary names nothing in particular that the documents are about."""
    return route(request).task == "summarize" or not opened.index.share_known(request)


def search(
    opened: OpenMemory,
    options: RunOptions,
    queries: "Sequence[Query]",
    reranker: "Reranker | None",
    clues: ClueWeights = CAREFUL,
    question: str = "",
) -> "list[Evidence]":
    """Return the best passages for queries, in document order; before them, what each year tells where that is asked.

    Args:
        opened: The memory.
        options: How to search.
        queries: The question and clues.
        reranker: Reorders the best chunks; None for none.
        clues: How much clues count, unless the options say it.
        question: The question, which may ask to follow something through years.
    """
    from memorag_graph.generation.summary.over_years import follow_years
    from memorag_graph.retrieval.retrieve import Search, retrieve

    count, code = opened.model.language_model.count, opened.memory.prompts.language.code
    of_years, options = follow_years(
        opened.index, opened.page_maps, options, question, count_tokens=count, language_code=code
    )
    found = retrieve(
        opened.index,
        queries,
        Search.from_options(options, opened.memory.settings.retrieval_chunk_size, reranker, clues),
        count_tokens=count,
        language_code=code,
        page_maps=opened.page_maps,
    )
    return [*of_years, *found]


def cover_documents(opened: OpenMemory, options: RunOptions) -> "list[Evidence]":
    """Return the most important sentences of all documents, some from each part, for a summary of the chosen length."""
    from memorag_graph.generation.summary.cover import cover, summary_words

    tokens = options.for_summary().max_new_tokens
    return cover(
        opened.index.chunks,
        opened.page_maps,
        max(options.evidence_tokens, tokens),
        summary_words(tokens),
        embeddings=opened.index.embeddings,
        count_tokens=opened.model.language_model.count,
        language_code=opened.memory.prompts.language.code,
    )


def quote_nearest_to(
    opened: OpenMemory, options: RunOptions, question: str, answer: str, reranker: "Reranker | None"
) -> Update:
    """Return the citations, and the confidence, of the passages against which an answer from memory can be checked."""
    from memorag_graph.generation.memory_answer import check_queries, quote_nearest

    evidence = search(opened, options, check_queries(question, answer), reranker)
    if not evidence:
        return {}
    citations, confidence = quote_nearest(
        question, answer, evidence, opened.index.embeddings, opened.prompts(options), opened.rarity
    )
    return {"citations": [asdict(citation) for citation in citations], "confidence": confidence}
