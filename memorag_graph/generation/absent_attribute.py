"""Find what a question asks about a thing of the evidence, where nothing there tells it: "Who manages Alba North?".

A sentence that holds the names of a question, and no other word of it, may still answer in other words ("boss" for
"Manager"). So a question is taken for one without an answer only where other signs tell: a record whose labels mean
something else, or a question for the person in a role, where no person is named, or for a measure, as "How deep is the
canal?", where nothing tells any.
"""

import re
from collections.abc import Iterator, Sequence

from langchain_core.embeddings import Embeddings

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.confidence import compare
from memorag_graph.generation.names_in_text import lowered, names_in, words_of
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.back_references import begins_back
from memorag_graph.text.code_notes import is_code_note
from memorag_graph.text.numbers import number_in
from memorag_graph.text.records import is_record, label_of

_READ = "en"
"""The language whose meaning the embedding model tells, so that records that mean something else are known.

In German, French and Spanish, records were as similar to questions that they do not answer as to those that they do.
"""

_LEAST_MEANING, _LEAST_MEANING_OF_CELL = 0.12, 0.25
"""How far above chance a record without its names, or its best cell, is similar to a question if it may answer that.

Of 32 questions that six records do not answer, both are below in 25; of 36 that they answer in other words, in 3, all
of which ask who, where the record names a person.
"""

_ROLE = r"(?P<role>[\w' -]{3,40}?) "
_ASKS_ROLE = {
    "en": re.compile(
        rf"^\W*who(?:'s|’s| is| was| are| were) (?:the |an? )?{_ROLE}(?:of|at|for|in) ", re.IGNORECASE
    ),
    "fr": re.compile(
        rf"^\W*qui (?:est|était|sont|étaient) (?:les? |la |l['’]|une? )?{_ROLE}(?:de |d['’]|du |des |à |chez |dans )",
        re.IGNORECASE,
    ),
    "es": re.compile(
        rf"^\W*quién(?:es)? (?:es|era|fue|son|eran) (?:el |la |los |las |una? )?{_ROLE}(?:de|del|en) ", re.IGNORECASE
    ),
}  # fmt: skip
"""Questions for the person in a role, in languages in which a capital inside a sentence tells a name."""

_BY_SOMEBODY = {
    "en": re.compile(r"\bby (?:the|an?|his|her|its|their|our) [a-z]"),
    "fr": re.compile(r"\bpar (?:l['’]|(?:les?|la|une?|son|sa|ses|leurs?|des) )[^\W\d_A-Z]"),
    "es": re.compile(r"\bpor (?:el|la|los|las|una?|su|sus) [^\W\d_A-Z]"),
}
_NAMED_PLACE = r"(?:[A-ZÀ-Ý][\w'’-]*[\s,]*(?:(?:and|et|y)\s+)?)+"
_PLACE = {
    "en": re.compile(rf"\b(?:in|at|from|near|on|to|of|since|until|by|around|via)\s+(?:the\s+)?{_NAMED_PLACE}"),
    "fr": re.compile(rf"\b(?:à|au|aux|en|dans|vers|depuis|près de)\s+(?:la\s+|l['’])?{_NAMED_PLACE}"),
    "es": re.compile(rf"\b(?:en|desde|hacia|hasta|cerca de)\s+(?:el\s+|la\s+)?{_NAMED_PLACE}"),
}
_MAY_BE_VERB = {
    "en": re.compile(r"(?:[a-z]+(?:s|ed)|led|ran|became|took|made)$"),
    "fr": re.compile(r"[^\W\dA-Z]"),
    "es": re.compile(r"[^\W\dA-Z]"),
}
"""A word that may be a verb in the singular; French and Spanish nouns at the start of a sentence have an article."""

_MONTH_OR_DAY = re.compile(
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|March|April|May|June|July|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?"
    r"|Dec(?:ember)?|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?)$"
)
_LABEL = re.compile(r"(?:^|(?<=[|\n]))\s*[^|:\n]{1,60}:")
_CELL_END = re.compile(r"[|\n;]")
_ASKS_WHO = re.compile(r"\bwho(?:m|se)?\b", re.IGNORECASE)
_PERSON = re.compile(r"(?:[^\W\d_a-z](?:[\w'’-]+|\.)?\s?){2,4}")
"""A value that may be the name of a person."""

_ASKS_FIGURE = re.compile(
    r"\bhow (?:deep|high|tall|wide|heavy|thick)\b|\bhow much (?:do|does|did)\b.*\b(?:cost|weigh)\b"
    r"|^\W*what(?:'s|’s| is| was| are| were) (?:the )?(?:\w+['’]s? )?(?:annual |yearly |monthly |average |total )?"
    r"(?:salary|wage|income|depth|height|width|weight|fee|rent|population)\b",
    re.IGNORECASE,
)
"""Asks for a measure, which takes a figure to tell."""

_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_QUANTITY = re.compile(
    r"\b(?:hundreds?|thousands?|millions?|billions?|dozens?|half|double|twice|several|few|many|free|none|no|nothing|all"
    r"|every|each|both|couple|pair|single|same|equal\w*|more|less|most|least|very|too|enough|so|as|about)\b|[€$£¥%]",
    re.IGNORECASE,
)
"""Words that may tell a measure without a figure."""

_SAME_LETTERS = 5
"""First letters in which words have to agree to be forms of one: "manager", "management"."""


def absent_attribute(
    question: str, evidence: ScoredEvidence, positions: Sequence[int], embeddings: Embeddings
) -> list[str]:
    """Return the words of a question that tell what is asked of the things that it names, where nothing tells that.

    Args:
        question: The question.
        evidence: The scored evidence.
        positions: Positions of the units that would answer, best first.
        embeddings: The embedding model.
    """
    code = evidence.language_code
    if code not in _ASKS_ROLE:
        return []
    if (figure := _ASKS_FIGURE.search(question)) and not _tells_figure(evidence, positions[0]):
        return [" ".join(re.findall(r"\w+", figure[0])[-1:])]
    quotes = [unit.citation.quote for unit in evidence.units]
    names = {it.word for it in names_in(question, lowered([question, *quotes]), code) if it.form == "word" and it.at}
    rest = [word for word in words_of(question) if word not in names]
    asked = set(asked_terms(" ".join(rest), code))
    wanted = [word for word in rest if asked.intersection(held_terms(word, code))]
    best = positions[0]
    about = evidence.belonging[best]
    if not names or not wanted or about.speaker or about.own_speaker or _stands(wanted, evidence):
        return []
    unit = evidence.units[best]
    if unit.is_record or is_record(unit.citation.quote):
        has_labels = _CELL_END.search(unit.citation.quote) or label_of(unit.citation.quote) is not None
        if code != _READ or not has_labels or is_code_note(unit.citation.quote):
            return []  # of a line of a log or of code, the words say little
        names_person = bool(_ASKS_WHO.search(question)) and _has_person(unit.citation.quote, names)
        return wanted if not names_person and _means_other(rest, unit.citation.quote, names, embeddings) else []
    role = _ASKS_ROLE[code].match(question)
    told = any(
        _BY_SOMEBODY[code].search(text) or _names_person(text, names, code)
        for text in _of_paragraph(evidence, about.paragraph)
    )
    return role["role"].split() if role and not told else []


def _tells_figure(evidence: ScoredEvidence, best: int) -> bool:
    """Return whether a sentence with the best one's words of the question, or what refers to it, may tell a measure.

    In a conversation, people tell measures in many turns, so that it always may.
    """
    parts, units = evidence.scores.parts, evidence.units
    alike = [at for at in range(len(units)) if (parts[at] >= parts[best]).all()]
    for at in alike:
        about = evidence.belonging[at]
        quotes = [units[at].citation.quote]
        if at + 1 < len(units) and begins_back(units[at + 1].citation.quote, evidence.language_code):
            quotes.append(units[at + 1].citation.quote)
        if about.speaker or about.own_speaker or any(map(_has_measure, quotes)):
            return True
    return not parts[best].any()


def _has_measure(text: str) -> bool:
    numbers = (number_in(word) for word in words_of(text))
    return bool(_QUANTITY.search(text)) or any(it is not None and not _YEAR.fullmatch(it) for it in numbers)


def _stands(wanted: Sequence[str], evidence: ScoredEvidence) -> bool:
    """Return whether a form of one of the words stands in the evidence or above it."""
    code = evidence.language_code
    starts = {word.lower()[:_SAME_LETTERS] for word in wanted}
    terms = {term for word in wanted for term in held_terms(word, code)}
    for unit, about in zip(evidence.units, evidence.belonging, strict=True):
        text = f"{unit.citation.quote} {about.words}"
        if not terms.isdisjoint(held_terms(text, code)):
            return True
        if any(word.lower()[:_SAME_LETTERS] in starts for word in words_of(text)):
            return True
    return False


def _means_other(rest: Sequence[str], record: str, names: set[str], embeddings: Embeddings) -> bool:
    """Return whether the meaning of a record without its names is far from that of the question without them."""
    cells = [" ".join(it for it in cell.split() if it.strip(".,;:") not in names) for cell in _CELL_END.split(record)]
    compared = compare(embeddings, f"{' '.join(rest)}?", [" | ".join(cells), *filter(None, cells)])
    above = (compared.similarity - compared.chance) / max(1 - compared.chance, _LEAST_MEANING)
    return float(above[0]) < _LEAST_MEANING and float(above[1:].max(initial=0.0)) < _LEAST_MEANING_OF_CELL


def _has_person(record: str, names: set[str]) -> bool:
    """Return whether a value of a record may be the name of a person that the question does not name."""
    values = (_LABEL.sub("", cell).strip() for cell in _CELL_END.split(record))
    return any(_PERSON.fullmatch(it) and names.isdisjoint(words_of(it)) for it in values)


def _of_paragraph(evidence: ScoredEvidence, paragraph: int) -> Iterator[str]:
    for unit, about in zip(evidence.units, evidence.belonging, strict=True):
        if about.paragraph == paragraph:
            yield unit.citation.quote


def _names_person(text: str, names: set[str], language_code: str) -> bool:
    """Return whether a text may name a person: it has a capital that is not that of a place, a label or the start.

    A word at the start counts, too, if it may be a name before its verb, as in "Ann leads it".
    """
    first, *inner = words_of(_PLACE[language_code].sub(" ", _LABEL.sub(" ", text))) or [""]
    is_word = first in names or first.lower() in function_words(language_code)
    if not is_word and first[:1].isupper() and inner and _MAY_BE_VERB[language_code].match(inner[0]):
        return True
    return any(word[0].isupper() and word not in names and not _MONTH_OR_DAY.match(word) for word in inner)
