"""Check an answer from memory: quote the passages nearest to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from langchain_core.embeddings import Embeddings

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Evidence

FROM_MEMORY = (
    "This answer comes from memory and was not verified. Check it against the quoted passages, the nearest in the "
    "document."
)
"""Notice of an answer from memory."""

_QUOTATIONS = 3


def check_queries(question: str, answer: str) -> list[Query]:
    """Return the queries that find the passages for an answer from memory, which may be empty."""
    return [Query("question", question), *([Query("draft", answer)] if answer else [])]


def quote_nearest(
    question: str,
    answer: str,
    evidence: Sequence[Evidence],
    embeddings: Embeddings,
    prompts: Prompts,
    rarity: Callable[[str], Mapping[str, float]],
) -> tuple[list[Citation], float]:
    """Return the quotations nearest to a question and its answer from memory, and the confidence that they match.

    Args:
        question: The question.
        answer: The answer from memory.
        evidence: Passages in document order, at least one.
        embeddings: Embeds the answer and the sentences.
        prompts: The prompts of the document's language.
        rarity: Returns how rare each term of a text is in the document.

    Returns:
        The quotations, numbered from 1 in document order; and the confidence, 0 to 1.
    """
    both = f"{question} {answer}"
    quoted = ExtractiveGenerator(embeddings=embeddings, sentences=_QUOTATIONS).invoke(
        {
            "question": both,
            "task_type": "memorag",
            "evidence": evidence,
            "outline": [],
            "draft": "",
            "prompts": prompts,
            "rarity": rarity(both),
        }
    )
    citations = [replace(citation, number=number) for number, citation in enumerate(quoted.citations, start=1)]
    return citations, quoted.confidence
