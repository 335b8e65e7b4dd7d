"""Find titles that are longer lines without marks, such as "What the bridge gave us, and what it did not".

They are lines of their own without a full stop, in a text whose paragraphs end as sentences do. Where a text's headings
are known, there are no others, but for those within the parts about several years.
"""

import re
from collections.abc import Iterator, Sequence

from memorag_graph.documents.yearly_headings import are_yearly
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.records import is_record, speaker_of
from memorag_graph.text.sentences import ends_sentence, is_statement

LONGEST_HEADING = 80
"""Characters."""

_PARAGRAPH = re.compile(r"\S(?:.|\n(?!\s*\n))*")
_FEWEST_PARAGRAPHS = 3
_MOST_OF_THEM = 0.8
"""Share of the paragraphs that end as sentences do in a text that has such titles."""

_BEGINS_TITLE = re.compile(r"(?!\w{1,3}[.)]\s|(?:\S+\s){1,2}[–—-]\s)[\"'“‘«„]?[^\W_]")
"""No bullet, number of an item or label before a dash."""

_ASKS_NOTHING = re.compile(
    r"(?:how|what|why|where|who|wie|warum|weshalb|wo|comment|pourquoi|cómo|por qué|perché|hoe|waarom)\b[^?]*$",
    re.IGNORECASE,
)
"""A clause that begins as a question and is none, as "How a rule made in 2015 cost us money in 2022"; Italian "come" is
left out, as English lines such as "Come to the pier on 12 May" begin so."""

_YEAR = re.compile(r"(?<![\w.,:/-])[12]\d{3}(?![\w/]|[.,:-]\d)")

_TELLS = re.compile(r"[\d@]|://|\bwww\.")
"""A figure or an address, for which somebody may ask."""

Place = tuple[str, int, int]
"""A document's name, the first character and one past the last."""


def title_lines(evidence: Sequence[Evidence]) -> set[Place]:
    """Return the places of the titles in the evidence.

    Lines that follow each other are a list and no titles, and neither is what holds a figure or an address (but for the
    years of a clause such as "How a rule made in 2015 cost us money"), begins as the item of a list does, or is a
    record or a speaker's turn.
    """
    found: set[Place] = set()
    for source in {passage.source for passage in evidence}:
        passages = [passage for passage in evidence if passage.source == source]
        if all(not it.page_map.sections or are_yearly(it.page_map.sections) for it in passages):
            found |= {(source, start, start + len(text)) for start, text in _titles(_paragraphs(passages))}
    return found


def _paragraphs(passages: Sequence[Evidence]) -> list[tuple[int, str]]:
    """Return the paragraphs that begin in passages, with their first characters, in order."""
    found = {
        passage.start + paragraph.start(): paragraph[0].rstrip()
        for passage in passages
        for paragraph in _PARAGRAPH.finditer(passage.text)
        if paragraph.start() or passage.paragraph is None
    }
    return sorted(found.items())


def _titles(paragraphs: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    prose = [text for _, text in paragraphs if len(text) > LONGEST_HEADING]
    if len(prose) < _FEWEST_PARAGRAPHS or sum(map(ends_sentence, prose)) < _MOST_OF_THEM * len(prose):
        return
    lines = [False, *(_is_line(text) for _, text in paragraphs), False]
    for paragraph, before, here, after in zip(paragraphs, lines, lines[1:], lines[2:], strict=False):
        if here and not before and not after and not _tells(paragraph[1]):
            yield paragraph


def _is_line(text: str) -> bool:
    """Return whether a paragraph is a line of more words than other headings have, and no sentence."""
    return len(text) <= LONGEST_HEADING and "\n" not in text and is_statement(text) and not ends_sentence(text)


def _tells(text: str) -> bool:
    is_other = is_record(text) or speaker_of(text) is not None or not _BEGINS_TITLE.match(text)
    return is_other or bool(_TELLS.search(_YEAR.sub("", text) if _ASKS_NOTHING.match(text) else text))
