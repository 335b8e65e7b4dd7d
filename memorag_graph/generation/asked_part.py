"""Find what stands in the numbered part that a question asks for: "What does § 12 Abs. 2 say?"."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from memorag_graph.documents.numbered_headings import CHINESE, NAMES
from memorag_graph.documents.numerals import canonical, is_roman, readings
from memorag_graph.documents.part_references import Reference, asked_parts
from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.text.words import is_unspaced

_NUMBER = r"\d{1,4}[a-z]?(?:\.\d{1,3}){0,4}|[ivxlc]{1,8}|[a-z]"
_LABEL = re.compile(
    rf"[\s#>*_]{{0,8}}(?:(?P<name>{'|'.join(NAMES)}|§{{1,2}}|abs\.|al\.)\s{{0,3}}(?P<named>{_NUMBER})(?=\s?(?:[.:)–—-]|$))"
    rf"|(?P<chinese>{CHINESE})|\((?P<bracketed>{_NUMBER})\)|(?P<dotted>{_NUMBER})[.)、](?=\s|$))",
    re.IGNORECASE,
)
_OF_HEADING = re.compile(
    rf"[\s#>*_]{{0,8}}(?:(?P<name>{'|'.join(NAMES)}|§{{1,2}})\s{{0,3}}(?P<named>{_NUMBER})"
    rf"|(?P<plain>\d{{1,3}}(?:\.\d{{1,3}}){{0,4}}))(?!\w)",
    re.IGNORECASE,
)
_PHRASES = re.compile(
    "规定了?|规定|规範|什么|什麼|怎么|如何|内容|是|说了?|讲了?|写了?|写的?|的|了|吗|呢|請|请|有哪些|关于"
    "|には|では|とは|何が?を?|なに|書いて|あります?か?|定めて|います?か?|規定して|規定|内容|は|の|を|が|ですか|教えて|ください"
)
"""Words of questions in Chinese and Japanese that say only that a part is asked for."""


_SAYS_ABOUT = re.compile(
    r"\bsays? (?:about|on)\b|\bsagt\b.*\b(?:über|zu[rm]?)\b|\bsteht\b.*\büber\b|\bdit\b.*\b(?:sur|des|du)\b"
    r"|\b(?:dice|diz)\b.*\b(?:sobre|su|acerca)\b|\bzegt\b.*\bover\b|\bговорит\w*\b.*\bоб?\b",
    re.IGNORECASE,
)
_SHORT_PART = 4
"""Sentences of a part that are quoted whole."""

_NUMBERED = ("(1)", "(a)", "1.", "a.")
"""Forms of labels without a name."""

_SAME_NAME = 3
"""Letters by which the names of parts are compared: "Art. 7" and "Article 7"."""


class Label(NamedTuple):
    """The number that a line begins with.

    Attributes:
        form: How it is written: the name before it, "(1)", "(a)", "1." or "a.".
        number: The number, canonical.
    """

    form: str
    number: str


def label(text: str, *, is_heading: bool = False) -> Label | None:
    """Return the number that a line begins with; None if it begins with none."""
    found = (_OF_HEADING.match(text) if is_heading else None) or _LABEL.match(text)
    if found is None:
        return None
    groups = found.groupdict()
    if chinese := groups.get("chinese"):
        return Label(chinese[-1], canonical(chinese[1:-1].strip()))
    written = next(text for key, text in groups.items() if text and key not in ("name", "chinese"))
    number = canonical(written)
    kind = "1" if number[0].isdecimal() else "a"
    if name := groups.get("name"):
        return Label(name.lower(), number)
    return Label(f"({kind})" if groups.get("bracketed") else f"{kind}.", number)


def asked_part(question: str, units: Sequence[Unit], language_code: str) -> tuple[list[int], list[str]]:
    """Return the positions of what stands in the part that a question asks for, and what part of it is missing.

    Both are empty if it asks for something else, or for several parts. A part goes on to the next number of its form;
    a short one is meant whole where the question is what it says about something.

    Args:
        question: The question.
        units: The sentences and records of the evidence, in order.
        language_code: Language of the document.
    """
    parts = asked_parts(question)
    asks_only = len(parts) == 1 and _asks_only(question, parts[0], language_code)
    if len(parts) != 1 or not (asks_only or _SAYS_ABOUT.search(question)):
        return [], []
    part = parts[0]
    positions = _of_section(part, units) or _of_labels(part.number, range(len(units)), units)
    for number in part.inner:
        labels = [it for it in (label(units[at].citation.quote) for at in positions[1:]) if it]
        opening = label(units[positions[0]].citation.quote, is_heading=True) if positions else None
        is_own = opening is not None and opening.form not in _NUMBERED and opening.number in readings(part.number)
        within = _of_labels(number, positions[is_own:], units)
        if not within and positions and labels:
            return [], [part.name]
        positions = within or positions
    found = [at for at in positions if units[at].is_quotable]
    return (found if asks_only or len(found) <= _SHORT_PART else []), []


_SAYING = re.compile(
    r"\b(?:stands?|written|reads?|regulates?|covers?|provides?|deals?|subject|about|contains?|concerns?|governs?"
    r"|requires?|states?|contents?"
    r"|bestimmt|behandelt|enthält|legt|fest|schreibt|sieht|vor|inhalt|gegenstand|traite|régit|contient|concerne|objet"
    r"|trata|regula|contiene|dispone|prevé|prevede|disciplina|stabilisce|trata|regula)\b",
    re.IGNORECASE,
)
"""Words of questions that ask what a part says: "Which subject does Rule 2 deal with?"."""


def _asks_only(question: str, part: Reference, language_code: str) -> bool:
    """Return whether a question has no other words of content than those of the part."""
    rest = question.replace(part.name, " ")
    if any(map(is_unspaced, rest)):
        return not any(map(str.isalpha, _PHRASES.sub("", rest)))
    return set(asked_terms(_SAYING.sub(" ", question), language_code)) <= set(held_terms(part.name, language_code))


def _of_section(part: Reference, units: Sequence[Unit]) -> list[int]:
    """Return the units of the section whose title has a part's number, or of the sections within it."""
    places = [(it.citation.source, it.citation.section or "") for it in units]
    titles = {place: label(place[1], is_heading=True) for place in dict.fromkeys(places)}
    wanted = readings(part.number)
    fitting = [place for place, own in titles.items() if own and own.number in wanted]
    if not fitting:
        return []
    best = min(fitting, key=lambda place: not place[1].lower().startswith(part.name.lower()[:_SAME_NAME]))
    own = [at for at, place in enumerate(places) if place == best]
    if any(units[at].is_quotable for at in own):
        return own
    opened, after = titles[best], list(titles)[list(titles).index(best) + 1 :]
    inner = list(takewhile(lambda place: (it := titles[place]) and opened and it.form != opened.form, after))
    return [at for at, place in enumerate(places) if place == best or place in inner]


def _of_labels(number: str, positions: Sequence[int], units: Sequence[Unit]) -> list[int]:
    """Return the positions from the first unit with a number to the next number of its form."""
    wanted = readings(number)
    found: list[int] = []
    opened: Label | None = None
    for at in positions:
        own = label(units[at].citation.quote, is_heading=units[at].is_heading)
        if opened is None:
            if own and own.number in wanted:
                opened, found = own, [at]
        elif units[at].citation.source != units[found[0]].citation.source or (own and _ends(own, opened)):
            break
        else:
            found.append(at)
    return found


def _ends(own: Label, opened: Label) -> bool:
    """Return whether a number ends the part with another: it has the same form, and is no finer division."""
    if own.form != opened.form or own.number.count(".") > opened.number.count("."):
        return False
    return not is_roman(own.number) or is_roman(opened.number) or ord(own.number[0]) == ord(opened.number[0]) + 1
