"""Split evidence into sentences and records, and choose those that an answer may quote."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.contents_lines import contents_lines
from memorag_graph.generation.fragments import joined_fragments
from memorag_graph.generation.title_lines import LONGEST_HEADING, Place, title_lines
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.clauses import is_unmarked
from memorag_graph.text.numbers import number_in
from memorag_graph.text.records import is_record, is_table_rule, label_of, speaker_of
from memorag_graph.text.sentences import Sentence, is_brief_statement, is_statement, split_sentences
from memorag_graph.text.words import content_words, count_words, is_figure

_FEWEST_WORDS = 4
_LONGEST = 480
_LONGEST_RECORD = 2000
_SHORTEST = 160
_PIECE = re.compile(
    rf"\S.{{0,{_LONGEST - 1}}}\Z"
    rf"|\S.{{{_SHORTEST},{_LONGEST - 2}}}[;,:，；：、]"
    rf"|\S.{{0,{_LONGEST - 1}}}(?=\s)"
    rf"|\S{{{_LONGEST}}}",
    re.DOTALL,
)
"""A piece of a long sentence; it ends after a clause if possible, or else between words."""

_ITEM = re.compile(r"(?:[-*•–+]|\(?\w{1,3}[.)])\s+\S")
_MARKED_HEADING = re.compile(r"#{1,6}\s|(=+)\s.*\s\1$")
_NUMBERED = re.compile(r"\d{1,3}(?:\.\d{1,3})*[.)]?\s+[^\W\d_a-z]")
_SHORT_WORD = 3
"""Letters of the words that titles write small."""

_ABOVE = 2000
"""Maximum characters between the row that names a table's columns and the rows below."""

_MARKS_OF_HEADING = 10
"""Characters around a heading: its marks, the blank line after it."""

_FEWEST_LINES = 2
"""Labelled lines right below a name."""

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence or record of the evidence.

    Attributes:
        citation: Where it stands.
        is_quotable: Whether it can answer; headings and fragments cannot.
        is_heading: Whether it is a line that heads what follows.
        begins_paragraph: Whether it is the first of its paragraph, row or line.
        is_record: Whether it is a record (:mod:`memorag_graph.text.records`).
        title: The title of its document; empty if that is not known.
    """

    citation: Citation
    is_quotable: bool
    is_heading: bool
    begins_paragraph: bool
    is_record: bool = False
    title: str = ""


def units_of(evidence: Sequence[Evidence], language_code: str) -> list[Unit]:
    """Return the sentences and records of numbered passages, in order.

    Sentences of more than 480 characters and records of more than 2,000 are cut in pieces.
    """
    found: list[Unit] = []
    titles = title_lines(evidence)
    for number, passage in enumerate(evidence, start=1):
        continues = number > 1 and _continues(evidence[number - 2], passage)
        found += _of_passage(number, passage, language_code, continues, titles)
    places = _contents_and_heads(found) | _table_headers(found, evidence)
    return [replace(unit, is_quotable=unit.is_quotable and at not in places) for at, unit in enumerate(found)]


def sentences_of(evidence: Sequence[Evidence], language_code: str) -> list[Citation]:
    """Return the citations of :func:`units_of`."""
    return [unit.citation for unit in units_of(evidence, language_code)]


def quotation(number: int, passage: Evidence, sentence: Sentence) -> Citation:
    """Cite a sentence of a passage."""
    start, end = passage.start + sentence.start, passage.start + sentence.end
    return Citation(number, passage.source, start, end, sentence.text, **passage.page_map.place(start))


def is_item(text: str) -> bool:
    """Return whether a text is an item of a list, as "- hammer" or "2. hammer"."""
    return bool(_ITEM.match(text))


def is_quotable(text: str) -> bool:
    """Return whether a text can answer by itself.

    It is a sentence, a record such as ``Phone: 0151 440 9981``, an item of a list, or a line of several words that
    holds a figure, as "Makes seven jars."; headings and fragments are not.
    """
    if _MARKED_HEADING.match(text):
        return is_record(text.lstrip("# "))
    if is_statement(text) or is_brief_statement(text) or (is_record(text) and bool(content_words(text, ()))):
        return True
    words = count_words(text)
    counts = words >= _FEWEST_WORDS - 1 and text.endswith(".") and any(map(number_in, text.rstrip(".").split()))
    return counts or (words > 1 and is_item(text)) or (words >= _FEWEST_WORDS and _has_figure(text))


def _contents_and_heads(units: Sequence[Unit]) -> set[int]:
    """Return the positions of the lines of tables of contents and of running heads."""
    repeated = Counter(_without_numbers(unit) for unit in units if unit.begins_paragraph)
    heads = {at for at, unit in enumerate(units) if repeated[_without_numbers(unit)] > 1 and _is_title(unit)}
    return heads | contents_lines([it.citation.quote for it in units], [it.citation.section or "" for it in units])


def _table_headers(units: Sequence[Unit], evidence: Sequence[Evidence]) -> set[int]:
    """Return the positions of rows that only name the columns of the rows below them."""
    known = [
        {
            tuple(_cells(header))
            for start, end, header in it.page_map.tables
            if start - _ABOVE < it.end and end > it.start
        }
        for it in evidence
    ]
    found = set()
    for at, unit in enumerate(units):
        below = units[at + 1].citation.quote if at + 1 < len(units) else ""
        if unit.is_record and "|" in unit.citation.quote:
            is_header = tuple(_cells(unit.citation.quote)) in known[unit.citation.number - 1]
            if is_header or is_table_rule(below):
                found.add(at)
    return found


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def _without_numbers(unit: Unit) -> str:
    return _NUMBER.sub("", unit.citation.quote)


def _is_title(unit: Unit) -> bool:
    """Return whether a unit is written as a title, so that it is a running head where it stands on several pages."""
    words = [word for word in unit.citation.quote.split() if len(word) > _SHORT_WORD and word[0].isalpha()]
    short = not unit.is_record and len(unit.citation.quote) <= LONGEST_HEADING
    return short and len(words) > 1 and all(word[0].isupper() for word in words)


def _continues(before: Evidence, passage: Evidence) -> bool:
    """Return whether a passage begins in the paragraph in which the one before it ends."""
    in_order = before.source == passage.source and before.end <= passage.start
    return in_order and passage.paragraph is not None and before.end > passage.paragraph


def _of_passage(
    number: int, passage: Evidence, language_code: str, continues: bool, titles: Collection[Place]
) -> Iterator[Unit]:
    """Yield the units of a passage, whose first may continue the paragraph of the passage before."""
    text = passage.text
    if passage.part:  # a sentence of a whole document (:mod:`memorag_graph.generation.summary.sentences`)
        yield Unit(quotation(number, passage, Sentence(0, len(text), text)), True, False, not continues)
        return
    headings = {start for start, _ in passage.page_map.sections}
    found = split_sentences(text, language_code)
    whole = list(joined_fragments(text, found, {start - passage.start for start in headings}))
    title = _title_of(passage)
    for at, sentence in enumerate(whole):
        after = text[sentence.end : whole[at + 1].start] if at + 1 < len(whole) else ""
        before = text[whole[at - 1].end if at else 0 : sentence.start]
        begins = (not at and not continues) or sentence.is_record or before.count("\n") > 1
        alone = begins and (after.count("\n") > 1 or at + 1 == len(whole))
        alone |= begins and at + 1 < len(whole) and _heads(sentence, whole[at + 1])
        place = passage.source, passage.start + sentence.start, passage.start + sentence.end
        heads = place in titles or _is_heading(sentence, alone, place[1] in headings)
        heads |= begins and _names_lines(sentence, text, whole[at + 1 : at + 1 + _FEWEST_LINES])
        speaks = speaker_of(sentence.text) is not None and (not at or "\n" in before)
        named = heads and place[1] >= len(title) and is_record(sentence.text.lstrip("# "))  # "## Phone: 0151 440 9981"
        quotable = named if heads else is_quotable(sentence.text)
        quotable |= sentence.is_record and not heads and len(content_words(sentence.text, ())) > 1
        for piece in _cut(sentence):
            cited = quotation(number, passage, piece)
            yield Unit(cited, quotable, heads, begins or speaks, sentence.is_record and not heads, title)
            begins = speaks = False


def _title_of(passage: Evidence) -> str:
    """Return the title of a document: a heading at its start under which nothing stands but other headings."""
    (start, title), (following, _), *_ = (*passage.page_map.sections, (0, ""), (-1, ""))
    return title if start == 0 and 0 <= following <= len(title) + _MARKS_OF_HEADING else ""


def _is_heading(sentence: Sentence, alone: bool, is_known: bool) -> bool:
    """Return whether a line is a heading: marked, known to the page map, or short and a paragraph of its own."""
    if len(sentence.text) > LONGEST_HEADING or "\n" in sentence.text:
        return False
    if is_known or _MARKED_HEADING.match(sentence.text):
        return True
    if sentence.is_record or is_statement(sentence.text) or is_brief_statement(sentence.text):
        return False
    return alone and not (is_unmarked(sentence.text[0]) and _has_figure(sentence.text))


def _heads(sentence: Sentence, following: Sentence) -> bool:
    """Return whether a numbered line such as "4 The year 2020" stands above a sentence, not above the next number."""
    return bool(_NUMBERED.match(sentence.text)) and not following.text[0].isdecimal() and is_statement(following.text)


def _names_lines(sentence: Sentence, text: str, below: Sequence[Sentence]) -> bool:
    """Return whether a line without a label stands right above labelled ones, as the name above what is told of it."""
    if len(below) < _FEWEST_LINES or len(sentence.text) > LONGEST_HEADING or is_record(sentence.text):
        return False
    labelled = all(it.is_record and label_of(it.text) is not None and "\n" not in it.text for it in below)
    gaps = [text[one.end : other.start].count("\n") for one, other in pairwise([sentence, *below])]
    return labelled and not is_statement(sentence.text) and not is_item(sentence.text) and set(gaps) == {1}


def _has_figure(text: str) -> bool:
    return any(map(is_figure, content_words(text)))


def _cut(sentence: Sentence) -> Iterator[Sentence]:
    whole = sentence.is_record and speaker_of(sentence.text) is None
    if len(sentence.text) <= (_LONGEST_RECORD if whole else _LONGEST):
        yield sentence
        return
    for piece in _PIECE.finditer(sentence.text):
        text = piece[0].rstrip()
        start = sentence.start + piece.start()
        yield Sentence(start, start + len(text), text)
