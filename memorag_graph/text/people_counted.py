"""What texts call the people that an English question counts: "the most people travel" asks for passengers."""

import re

_CALLED = {
    r"travel\w*|sail\w*|fl[yi]\w*|flew|rid(?:e|ership)|rode|board\w*|cross\w*|carr(?:y|ied)": "passengers travellers",
    r"visit\w*|come|came|tour\w*": "visitors guests tourists",
    r"stay\w*|lodge\w*": "guests visitors",
    r"attend\w*|take part|took part|participat\w*": "participants attendees delegates visitors",
    r"work\w*|employ\w*|staff|headcount": "employees workers staff",
    r"join\w*|belong\w*|membership": "members",
    r"liv(?:e|ed|es)|resid\w*|inhabit\w*|population": "inhabitants residents",
    r"b(?:uy|ought)|order\w*|shop\w*": "customers buyers",
    r"watch\w*": "viewers spectators",
    r"stud(?:y|ied)|enrol\w*|learn\w*": "students pupils",
    r"us(?:e|ed)|log(?:ged)? in|sign(?:ed)? up": "users",
    r"borrow\w*": "borrowers",
    r"read": "readers",
}
"""Verbs, and what people are called who do so or to whom it is done."""


_GROUP = r"(?:workforce|headcount|staff|ridership|attendance|membership|enrol\w*ment|population)"
_GROUP_AT_MOST = re.compile(rf"\b{_GROUP}(?=\s(?:(?:at|reach\w*|peak\w*|the)\b|\w+est\b))", re.IGNORECASE)
"""A word for people together, whose size a question asks for: "When was the workforce at its largest?"."""


def counts_people(question: str, noun: str) -> bool:
    """Return whether a question for the most or the least counts people.

    Args:
        question: The question.
        noun: Of what it asks for the most, as far as that is known.
    """
    return bool(re.fullmatch(rf"people|{_GROUP}", noun) if noun else _GROUP_AT_MOST.search(question))


def called_people(question: str) -> list[str]:
    """Return what else the people of a question may be called, by its verbs; nothing if it has none that is known."""
    return [name for verbs in _verbs(question) for name in _CALLED[verbs].split()]


def tells_the_same(question: str, sentence: str) -> bool:
    """Return whether a sentence tells of its people what a question asks: "We carried 9,400 people" of travelling."""
    wanted = set(_verbs(question))
    return not wanted or not wanted.isdisjoint(_verbs(sentence))


def _verbs(text: str) -> list[str]:
    return [verbs for verbs in _CALLED if re.search(rf"\b(?:{verbs})\b", text, re.IGNORECASE)]
