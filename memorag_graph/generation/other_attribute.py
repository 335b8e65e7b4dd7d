"""Find what a question asks of a thing, where the evidence tells only its counterpart: "When did she die?", "born in".

So does a question for a telephone number, an address for e-mail or a weight, where nothing looks like one.
"""

import re

from memorag_graph.generation.names_in_text import words_of
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.asking_words import ASKS_WHO

_COUNTERPARTS = tuple(
    (re.compile(rf"\b(?:{first})\b", re.IGNORECASE), re.compile(rf"\b(?:{second})\b", re.IGNORECASE))
    for first, second in (
        (r"born|births?|birthday|geboren|geburt\w*|naissance|née?|nació|nacimiento", r"die[sd]?|dying|deaths?"
         r"|gestorben|starb\w*|stirbt|tod(?:es\w*)?|mort\w*|mourut|murió|muerte"),
        (r"arriv\w+|check[- ]?ins?|ankunft|anreise|ankomm\w+|arrivée|llegada|llega\w*", r"leav\w+|left|depart\w*"
         r"|check[- ]?outs?|abfahrt|abreise|abfähr\w*|départ|partida|salida|sale"),
        (r"buy\w*|bought|purchas\w+|gekauft|kauft\w*|acheté\w*|compr\w+", r"sell\w*|sold|verkauft\w*|vend\w+"),
    )
)  # fmt: skip
"""Words for the one and for the other in English, German, French and Spanish; the last pair tells of one deal."""

_KINDS = (
    (
        re.compile(r"\b(?:(?:tele)?phone|mobile|fax|telefon\w*|handy\w*|téléphone|teléfono)\b", re.IGNORECASE),
        re.compile(r"\d(?:[ ./()-]{0,2}\d){4}"),
    ),
    (
        re.compile(
            r"\be-?mail\b|\badresse électronique\b|\bcourriel\b|\bcorreo electrónico\b|\bмейл\b|\bэлектронн\w+ почт\w+",
            re.IGNORECASE,
        ),
        re.compile(r"\w@\w|\(at\)|\[at\]"),
    ),
    (
        re.compile(r"\b(?:weight|weighs?|gewicht|poids|peso)\b", re.IGNORECASE),
        re.compile(
            r"\b(?:[km]?g|kilo\w*|\w*gram(?:me)?s?|t|tons?|tonnes?|tonnen|lbs?|pounds?|oz|ounces?|stones?|cwt"
            r"|hundredweight|zentner|pfund|weigh\w*|wiegt|wog|pèse\w*|pes[ao]\w*)\b|\d(?:[km]?g|t|lbs?|oz)\b",
            re.IGNORECASE,
        ),
    ),
)
"""Words that ask for something of a kind, and what it looks like."""

_OF_KIND = frozenset({"number", "numbers", "no", "phone", "address", "addresses", "account", "limit"})
"""Words behind one that asks for something, which still ask for it: "the phone number", "the weight limit"."""

_ASKS_WHAT = re.compile(r"\W*(?:what|which|wie|welche\w*|quel\w*|cuál)\b", re.IGNORECASE)


def other_attribute(question: str, evidence: ScoredEvidence, best: int) -> list[str]:
    """Return the words of a question for what the evidence does not tell of the thing that its best unit is about.

    Args:
        question: The question.
        evidence: The scored evidence.
        best: Position of the unit that would answer best.
    """
    about, unit = evidence.belonging[best], evidence.units[best]
    own = unit.citation
    if not unit.is_record and (about.speaker or about.own_speaker):  # the label of a record looks like a speaker
        return []
    units = list(zip(evidence.units, evidence.belonging, strict=True))
    beside = [it.citation.quote for it, its in units if its.paragraph == about.paragraph]
    paragraph = own.quote if unit.is_record else "\n".join(beside)
    asks_party = ASKS_WHO.search(question) is not None  # who bought is told by to whom it was sold
    for pair in _COUNTERPARTS[:-1] if asks_party else _COUNTERPARTS:
        for asked, told in (pair, pair[::-1]):
            found = asked.search(question)
            if found and not told.search(question) and told.search(own.quote) and not asked.search(paragraph):
                return [found[0]]
    document = "\n".join(it.citation.quote for it, _ in units if it.citation.source == own.source)
    for asked, kind in _KINDS:
        found = asked.search(question) if _ASKS_WHAT.match(question) else None
        if found and _is_asked_for(question[found.end() :], evidence.language_code) and not kind.search(document):
            return [found[0]]
    return []


def _is_asked_for(following: str, language_code: str) -> bool:
    """Return whether a word is what is asked for, not the kind of something else, as in "the mobile radio system"."""
    (first, *_) = words_of(following) or [""]
    return not first or first.lower() in function_words(language_code) | _OF_KIND
