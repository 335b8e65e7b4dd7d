"""Find evidence for a summary of whole documents: important sentences from every part."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from langchain_core.embeddings import Embeddings

from memorag_graph.documents import PageMap
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.summary.expository import explains, weights
from memorag_graph.generation.summary.parts import divide
from memorag_graph.generation.summary.salience import salience
from memorag_graph.generation.summary.selection import Selection
from memorag_graph.generation.summary.sentences import as_evidence, sentences_of_chunks
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.retrieval.selection import Counts
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.words import count_words

_WORDS_PER_TOKEN = 0.75
SUMMARY_USUAL_TOKENS = 256
"""Maximum tokens of a summary if nothing else is asked for."""

_WORDS_PER_PART = 40
_MOST_PARTS = 12
_SENTENCES_PER_SECTION = 1.5
_WORDS_PER_SECTION = 20
"""Least words for each part of a document that explains, whose parts are its sections."""


def summary_words(tokens: int | None) -> int:
    """Return about how many words a summary of so many tokens has; of 256 tokens by default."""
    return int((tokens or SUMMARY_USUAL_TOKENS) * _WORDS_PER_TOKEN)


def cover(
    chunks: Sequence[Chunk],
    page_maps: Mapping[str, PageMap],
    token_budget: int,
    words: int,
    *,
    embeddings: Embeddings,
    count_tokens: Counts,
    language_code: str,
) -> list[Evidence]:
    """Return the most important sentences of documents, some from each part, in document order.

    Args:
        chunks: All chunks, in document order.
        page_maps: The pages and sections of each document, by its name.
        token_budget: Maximum tokens of all sentences together.
        words: Words of the summary: the shorter it is, the fewer parts can have their say.
        embeddings: Compares the sentences of documents that explain with the whole.
        count_tokens: Counts the tokens of the budget.
        language_code: ISO 639-1 code of the texts' language.
    """
    units = sentences_of_chunks(chunks, page_maps, language_code)
    if not units:
        return []
    quotes = [unit.citation.quote for unit in units]
    lengths = [max(count_words(quote), 1) for quote in quotes]
    found = salience(quotes, language_code)
    more, per_part = np.zeros(len(units)), float(_WORDS_PER_PART)
    for places in _of_sources(units):
        own = [quotes[at] for at in places]
        if explains(own, len({units[at].citation.section for at in places}), language_code):
            more[places] = weights(own, found.sentences[places], embeddings, language_code)
            per_part = max(_SENTENCES_PER_SECTION * sum(lengths) / len(lengths), _WORDS_PER_SECTION)
    found = replace(found, sentences=found.sentences + more)
    sections = [(unit.citation.source, unit.citation.section) for unit in units]
    numbers = divide(found.held, lengths, sections, max(1, min(int(words / per_part), _MOST_PARTS)))
    ranked = Selection(found, lengths).select(numbers, summary_words(token_budget))
    return as_evidence(units, ranked, numbers, page_maps, token_budget, count_tokens)


def _of_sources(units: Sequence[Unit]) -> list[list[int]]:
    """Return the positions of the sentences of each document."""
    found: dict[str, list[int]] = {}
    for at, unit in enumerate(units):
        found.setdefault(unit.citation.source, []).append(at)
    return list(found.values())
