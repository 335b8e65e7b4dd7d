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
) -> "list[Evidence]":
    """Return the best passages for queries, in document order.

    Args:
        opened: The memory.
        options: How to search.
        queries: The question and clues.
        reranker: Reorders the best chunks; None for none.
        clues: How much clues count, unless the options say it.
    """
    from memorag_graph.retrieval.retrieve import Search, retrieve

    return retrieve(
        opened.index,
        queries,
        Search.from_options(options, opened.memory.settings.retrieval_chunk_size, reranker, clues),
        count_tokens=opened.model.language_model.count,
        language_code=opened.memory.prompts.language.code,
        page_maps=opened.page_maps,
    )


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


def cover_asked_years(
    opened: OpenMemory, options: RunOptions, question: str
) -> "tuple[Sequence[Evidence], RunOptions]":
    """Return what the part of each year tells, if a question follows something through years, and how to search then.

    It takes half of the evidence; the other half is searched for, as with any question, and tells whether the
    documents are about it.
    """
    from memorag_graph.text.asked_periods import followed_period

    if (period := followed_period(question)) is None:
        return [], options
    from memorag_graph.generation.summary.over_years import cover_years

    half = options.evidence_tokens // 2
    found = cover_years(
        opened.index.chunks,
        opened.page_maps,
        half,
        question,
        period,
        embeddings=opened.index.embeddings,
        count_tokens=opened.model.language_model.count,
        language_code=opened.memory.prompts.language.code,
    )
    return found, options.model_copy(update={"evidence_tokens": half}) if found else options


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
