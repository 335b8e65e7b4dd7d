"""Find evidence for a summary of whole documents: important sentences from every part."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.generation.quotable_sentences import Unit, units_of
from memorag_graph.generation.summary.parts import divide
from memorag_graph.generation.summary.salience import salience
from memorag_graph.generation.summary.selection import Selection
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.retrieval.selection import Counts
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.words import count_words

_WORDS_PER_TOKEN = 0.75
SUMMARY_USUAL_TOKENS = 256
"""Maximum tokens of a summary if nothing else is asked for."""

_WORDS_PER_PART = 40
_MOST_PARTS = 12
_ENDED = re.compile(r"[.!?:;…。！？：；।॥۔؟။።][\"'”’»)\]]*\s*$")
_FRAGMENT = re.compile(r"[\W_]*[a-zß-öø-ÿа-я]")
"""A sentence that begins in lower case: the rest of one that was cut by the lines of a file."""

_LEAST_WHOLE = 0.9
"""Least share of the sentences that begin as sentences, where others are left out; speech may not."""

_LEAST_PROSE = 0.2
"""Least share of the sentences that are prose, where records are no evidence for a summary."""


def summary_words(tokens: int | None) -> int:
    """Return about how many words a summary of so many tokens has; of 256 tokens by default."""
    return int((tokens or SUMMARY_USUAL_TOKENS) * _WORDS_PER_TOKEN)


def parts_for(words: int) -> int:
    """Return into how many parts documents are divided for a summary of so many words."""
    return max(1, min(words // _WORDS_PER_PART, _MOST_PARTS))


def cover(
    chunks: Sequence[Chunk],
    page_maps: Mapping[str, PageMap],
    token_budget: int,
    parts: int,
    *,
    count_tokens: Counts,
    language_code: str,
) -> list[Evidence]:
    """Return the most important sentences of documents, some from each part, in document order.

    Args:
        chunks: All chunks, in document order.
        page_maps: The pages and sections of each document, by its name.
        token_budget: Maximum tokens of all sentences together.
        parts: Maximum number of parts (:func:`parts_for`).
        count_tokens: Counts the tokens of the budget.
        language_code: ISO 639-1 code of the texts' language.
    """
    units = sentences_of_chunks(chunks, page_maps, language_code)
    if not units:
        return []
    lengths = [max(count_words(unit.citation.quote), 1) for unit in units]
    found = salience([unit.citation.quote for unit in units], language_code)
    sections = [(unit.citation.source, unit.citation.section) for unit in units]
    numbers = divide(found.held, lengths, sections, parts)
    ranked = Selection(found, lengths).select(numbers, summary_words(token_budget))
    chosen: list[int] = []
    left = token_budget
    for at in ranked:
        tokens = count_tokens(units[at].citation.quote)
        if tokens <= left:
            chosen.append(at)
            left -= tokens
    ranks = {at: rank for rank, at in enumerate(chosen)}
    return [
        replace(_evidence(units[at], page_maps), score=1 / (1 + ranks[at]), part=numbers[at] + 1)
        for at in sorted(chosen)
    ]


def sentences_of_chunks(chunks: Sequence[Chunk], page_maps: Mapping[str, PageMap], language_code: str) -> list[Unit]:
    """Return the sentences that a summary may quote, in document order.

    Records, such as rows, are among them only where there is hardly any prose.

    Args:
        chunks: All chunks, in document order.
        page_maps: The pages and sections of each document, by its name.
        language_code: ISO 639-1 code of the texts' language.
    """
    found: list[Unit] = []
    for previous, chunk, following in zip([None, *chunks], chunks, [*chunks[1:], None], strict=False):
        page_map = page_maps.get(chunk.source, NO_PAGES)
        passage = Evidence(chunk.source, chunk.start, chunk.end, chunk.text, 0.0, page_map=page_map)
        units = units_of([passage], language_code)
        first = 1 if previous and _cuts(previous, chunk) else 0
        last = len(units) - (1 if following and _cuts(chunk, following) else 0)
        reached = previous.end if previous and previous.source == chunk.source else 0  # chunks may overlap
        found += [unit for unit in units[first:last] if unit.is_quotable and unit.citation.start >= reached]
    whole = [unit for unit in found if not _FRAGMENT.match(unit.citation.quote)]
    found = whole if len(whole) >= _LEAST_WHOLE * len(found) else found
    prose = [unit for unit in found if not unit.is_record]
    return prose if len(prose) >= _LEAST_PROSE * len(found) else found


def _cuts(first: Chunk, second: Chunk) -> bool:
    """Return whether a sentence goes on from one chunk to the next."""
    is_near = first.source == second.source and second.start - first.end <= 1
    return is_near and not _ENDED.search(first.text)


def _evidence(unit: Unit, page_maps: Mapping[str, PageMap]) -> Evidence:
    it = unit.citation
    return Evidence(it.source, it.start, it.end, it.quote, 0.0, page_map=page_maps.get(it.source, NO_PAGES))
