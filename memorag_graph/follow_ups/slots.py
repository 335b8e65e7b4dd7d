"""Find the parts of a question that a follow-up may put something else in place of: years, places, names, things."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

SlotKind = Literal["year", "quarter", "month", "day", "part", "name", "number"]

_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December|Januar|Februar|März|Mai|Juni|"
    "Juli|Oktober|Dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|"
    "marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
_DAYS = "Mon|Tues|Wednes|Thurs|Fri|Satur|Sun"
_PARTS = (
    "article|section|clause|chapter|paragraph|part|annex|appendix|schedule|table|figure|page|item|rule|line|room|unit"
    "|lot"
)
_NAME = r"(?:[A-ZÀ-ÖØ-Þ][\w'’.&-]*\w|[A-Z])(?:\s+(?:of|and|&|de|la|le|van|von|der|den|du|the)(?=\s+[A-ZÀ-ÖØ-Þ]))?"
_SLOT = re.compile(
    r"(?P<quarter>\b(?:Q[1-4]|(?:first|second|third|fourth|last)\s+(?:quarter|half))(?:\s+of\s+(?:1[5-9]|20)\d\d)?)"
    rf"|(?P<part>\b(?i:{_PARTS})\s+(?:\d+(?:\.\d+)*[a-z]?|[A-Z])\b)"
    rf"|(?P<day>\b(?:{_DAYS})day\b)"
    rf"|(?P<month>\b(?:{_MONTHS})\b)"
    r"|(?P<year>(?<![\d.])(?:1[5-9]|20)\d\d(?:[-–/]\d\d(?:\d\d)?)?(?![\d.]*\d))"
    r"|(?P<number>\b\d+(?:\.\d+)*\b)"
    rf"|(?P<name>(?<![\w.])(?:{_NAME})(?:\s+(?:{_NAME}|\d+\b))*)"
)
_OWNED = re.compile(r"['’]s?$")
_ASKING = re.compile(
    r"(?:Who|Whom|Whose|What|Which|When|Where|Why|How|Is|Are|Was|Were|Do|Does|Did|Has|Have|Had|Can|Could|Will|Would|"
    r"Shall|Should|May|Might|Must|The|A|An|In|On|At|For|Of|From|By|To|With|And|But|So|Or|I|Tell|List|Name|Give|Show|"
    r"Describe|Explain|Summarize|Compare|Find|If|It|He|She|They|There|This|That|These|Those|Yes|No)\b"
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a text that names one of several.

    Attributes:
        kind: What it names.
        text: Its characters.
        start: Where it begins in the text.
        end: One past its last character.
    """

    kind: SlotKind
    text: str
    start: int
    end: int


def slots(text: str) -> list[Slot]:
    """Return the slots of a text, in order."""
    return list(_slots(text))


def _slots(text: str) -> Iterator[Slot]:
    at = 0
    while found := _SLOT.search(text, at):
        kind, start = found.lastgroup, found.start()
        at = found.end()
        asking = _ASKING.match(found[0]) if kind == "name" else None
        if asking:  # the first word of a sentence is no name, but one may follow
            rest = found[0][asking.end() :]
            start += asking.end() + len(rest) - len(rest.lstrip())
            if rest.strip().isdigit():
                at = start  # it is a year or a number
                continue
        owned = _OWNED.search(text[start:at])
        end = at - len(owned[0]) if owned else at
        if start < end:
            yield Slot(_kind(str(kind)), text[start:end], start, end)


def _kind(name: str) -> SlotKind:
    kinds: dict[str, SlotKind] = {
        "quarter": "quarter", "part": "part", "day": "day", "month": "month", "year": "year", "number": "number",
    }  # fmt: skip
    return kinds.get(name, "name")


_END = (
    "in|on|at|for|of|from|by|to|with|about|during|before|after|since|until|under|per|be|is|are|was|were|do|does|did|have|has|had|"
    "can|could|will|would|shall|should|may|might|must|and|or|that|which|who|take|get|make|work|run|say|says|cost|end|begin|start|"
    "rise|fall|change|increase|decrease|pay|paid|apply|develop|happen|mean|cover|include|contain|require|provide|need|mention|"
    "allow|deal|state|define|sink|sell|buy|own|give|name"
)
"""Words that end a thing: prepositions and common verbs."""

_WORD_OF_THING = rf"(?!(?:{_END})\b)[\w'’-]+"
_THING = re.compile(
    rf"\b(?:the|a|an|how\s+many)\s+(?!(?:same|other|first|last|next|previous)\b){_WORD_OF_THING}"
    rf"(?:\s+{_WORD_OF_THING}){{0,3}}",
    re.IGNORECASE,
)
_VERB_AT_END = re.compile(
    r"(?<=\w)\s+(?:\w*[^\We]ed|built|sold|born|made|held|paid|written|kept|found|lost|won|spent|taken|given|drawn|set|put|"
    r"sank|went|came|stood|fell|grew|ran|began|lay|live)$"
)
_HELPED = re.compile(r"\b(?:do|does|did)\s+$", re.IGNORECASE)
_AFTER_A_VERB = re.compile(r"\s+(?:about|on|against|to|with|from|the|an?|it|its|them|their)\b|\W*$", re.IGNORECASE)


def things(text: str) -> list[Slot]:
    """Return the things that a text speaks of with an article, such as "the notice period", in order.

    Their kind is "name"; a thing ends before a preposition or a verb.
    """
    found = []
    for thing in _THING.finditer(text):
        words = thing[0]
        if len(words.split()) > 2:
            does_something = _HELPED.search(text[: thing.start()]) and _AFTER_A_VERB.match(text[thing.end() :])
            words = words.rpartition(" ")[0] if does_something else _VERB_AT_END.sub("", words)
        found.append(Slot("name", words, thing.start(), thing.start() + len(words)))
    return found
