"""Find the sentences of whole documents that a summary may quote."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.generation.quotable_sentences import Unit, units_of
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.retrieval.selection import Counts
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.code_fences import CodeFences
from memorag_graph.text.sentences import is_statement

_ENDED = re.compile(r"[.!?:;…。！？：；।॥۔؟။።][\"'”’»)\]]*\s*$")
_FRAGMENT = re.compile(r"[\W_]*[a-zß-öø-ÿа-я]")
"""A sentence that begins in lower case: the rest of one that was cut by the lines of a file."""

_LEAST_WHOLE = 0.9
"""Least share of the sentences that begin as sentences, where others are left out; speech may not."""

_LEAST_TOLD = 0.5
"""Least share of the sentences that are no items of a list such as "- hammer", where these are left out."""

_LEAST_PROSE = 0.2
"""Least share of the sentences that are prose, where records are no evidence for a summary."""

_WIDEST_INDENT = 12
"""Characters between the lines of an item of a list."""

_MARK = re.compile(r"(?:[-*•–+]|\(?\d{1,3}[.)])\s+")
_MARKUP = re.compile(r"</?[a-z][^<>\n]*>|!\[")
"""Tags of HTML and pictures in Markdown."""


def sentences_of_chunks(chunks: Sequence[Chunk], page_maps: Mapping[str, PageMap], language_code: str) -> list[Unit]:
    """Return the sentences that a summary may quote, in document order.

    Fenced code and markup are among them only where there is nothing else; records, such as rows, where there is hardly
    any prose. The sentences of a list are without its marks; its other items are among them where there is
    little else.

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
    fences = _fences(chunks)
    words = [unit for unit in found if not _is_markup(unit, fences)]
    found = list(map(_without_mark, words or found))
    told = [unit for unit in found if not _MARK.match(unit.citation.quote)]
    found = told if len(told) >= _LEAST_TOLD * len(found) else found
    whole = [unit for unit in found if not _FRAGMENT.match(unit.citation.quote)]
    found = whole if len(whole) >= _LEAST_WHOLE * len(found) else found
    prose = [unit for unit in found if not unit.is_record]
    return prose if len(prose) >= _LEAST_PROSE * len(found) else found


def as_evidence(
    units: Sequence[Unit],
    ranked: Sequence[int],
    parts: Sequence[int],
    page_maps: Mapping[str, PageMap],
    token_budget: int,
    count_tokens: Counts,
) -> list[Evidence]:
    """Return the best sentences within a budget as evidence, in their order.

    Args:
        units: The sentences of all documents, in the order that the evidence is to have.
        ranked: Positions of those that may be evidence, best first.
        parts: The number of each sentence's part, from 0 on.
        page_maps: The pages and sections of each document, by its name.
        token_budget: Maximum tokens of all together.
        count_tokens: Counts them.
    """
    ranks: dict[int, int] = {}
    for at in ranked:
        tokens = count_tokens(units[at].citation.quote)
        if tokens <= token_budget:
            ranks[at] = len(ranks)
            token_budget -= tokens
    cited = [(rank, at, units[at].citation) for at, rank in sorted(ranks.items())]
    return [
        Evidence(
            it.source,
            it.start,
            it.end,
            it.quote,
            1 / (1 + rank),
            page_map=page_maps.get(it.source, NO_PAGES),
            part=parts[at] + 1,
        )
        for rank, at, it in cited
    ]


def _fences(chunks: Sequence[Chunk]) -> dict[str, CodeFences]:
    pieces: dict[str, list[tuple[int, str]]] = {}
    for chunk in chunks:
        pieces.setdefault(chunk.source, []).append((chunk.start, chunk.text))
    return {source: CodeFences(each) for source, each in pieces.items()}


def _is_markup(unit: Unit, fences: Mapping[str, CodeFences]) -> bool:
    return fences[unit.citation.source].encloses(unit.citation.start) or bool(_MARKUP.search(unit.citation.quote))


def _without_mark(unit: Unit) -> Unit:
    """Return a sentence without the mark of its list: ``- It may be sold.``; what is no sentence keeps it."""
    mark = _MARK.match(unit.citation.quote)
    if mark is None or not is_statement(rest := unit.citation.quote[mark.end() :]):
        return unit
    return replace(unit, citation=replace(unit.citation, start=unit.citation.start + mark.end(), quote=rest))


def _cuts(first: Chunk, second: Chunk) -> bool:
    """Return whether a sentence goes on from one chunk to the next."""
    gap = second.start - first.end
    goes_on = gap <= 1 or (gap <= _WIDEST_INDENT and second.text.lstrip()[:1].islower())
    return first.source == second.source and goes_on and not _ENDED.search(first.text)
