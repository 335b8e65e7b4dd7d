"""Whether an English question asks where a figure is highest or lowest: "Which was the busiest year for freight?"."""

import re
from dataclasses import dataclass

_QUALITY = (
    r"(?!common|likely|popular|recent|\w+(?:ly|ed|ing|ive|ous|ant|ent|al|ic|able|ible|ful|ior|ary|ern|ate|ar)\b)[a-z-]+"
)
_COUNTED = (
    r"(?:[a-z-]+[^\W\dsui]s|people|staff|men|women|children|money|freight|cargo|traffic|coal|oil|gas|fish|rain|snow"
    r"|power|energy|electricity|water|waste|fuel|revenue|income|profit)\b"
)
_MOST = (
    r"(?:(?<=the )|(?<=had )|(?<=has )|(?<=have )|(?<=carry )|(?<=carried ))most"
    rf"(?=\s(?:{_QUALITY}\s)??{_COUNTED}|\s(?:and|or)\s(?:[a-z]+\s){{0,3}}fewest\b)"
)
"""As in "the most foot passengers" or "the most and which the fewest"; not "most people" or "the most senior men"."""

_AT_ITS = r"(?:at|reach(?:ed)?) (?:its|their|an?|the)"
_HIGHEST = (
    r"busiest|largest|highest|biggest|greatest|longest|heaviest|record(?= number\b| high\b)|peaked"
    rf"|{_AT_ITS} (?:peak|maximum)|{_MOST}"
)
_LOWEST = rf"fewest|smallest|lowest|shortest|lightest|quietest|{_AT_ITS} minimum"
_ASKS = re.compile(r"\b(?:which|what|when|who|where|how)\b", re.IGNORECASE)
_WORDS = re.compile(rf"\b(?:(?P<highest>{_HIGHEST})|(?P<lowest>{_LOWEST}))(?![\w-])", re.IGNORECASE)

_SEVERAL = r"(?:two|three|four|five|six|seven|eight|nine|ten|few|\d{1,2})"
_BEFORE_SEVERAL, _AFTER_SEVERAL = re.compile(rf"\s{_SEVERAL}\b"), re.compile(rf"\b{_SEVERAL}\s$")
"""As in "the three largest customers", which no one figure tells."""

_END = (
    r"(?:of|in|on|at|for|from|to|by|with|about|among|between|during|since|than|per|and|or|but|that|which|who|when|where"
    r"|is|was|are|were|be|been|did|do|does|has|have|had|can|could|will|would|should|may|must|ever|it|they|we|the)\b"
)
_NOUN_COUNTED = re.compile(rf"\s(?:{_QUALITY}\s)??(?P<noun>{_COUNTED})", re.IGNORECASE)
"""As "passengers" in "the most foot passengers"."""

_NOUN = re.compile(rf"\s(?P<noun>(?!{_END})[a-z-]+(?:\s(?!{_END})[a-z-]+){{0,2}})", re.IGNORECASE)
"""As "operating profit" in "the highest operating profit in"."""

_COUNTS = re.compile(r"\b(?:most|fewest|busiest|quietest|numbers?|counts?|total|traffic|volumes?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Superlative:
    """That a question asks for the most or the least.

    Attributes:
        ways: 1 for the most, -1 for the least; both for a question for the one and the other.
        noun: Of what, where that follows at once: "operating profit" of "the highest operating profit in"; else empty.
        counts: Whether things are counted, as in "the most ships", and not measured, as in "the largest ship".
        word: The word for the most or the least, in lower case.
    """

    ways: tuple[int, ...]
    noun: str
    counts: bool
    word: str = ""


def asked_superlative(question: str) -> Superlative | None:
    """Return what a question asks the most or the least of; None for other questions, and for several."""
    found = list(_WORDS.finditer(question)) if _ASKS.search(question) else []
    ways = tuple(dict.fromkeys(1 if it["highest"] else -1 for it in found))
    of_several = any(
        _AFTER_SEVERAL.search(question[: it.start()]) or _BEFORE_SEVERAL.match(question, it.end()) for it in found
    )
    if not ways or of_several:
        return None
    noun = next(filter(None, (_noun_after(it, question) for it in found)), "")
    return Superlative(ways, noun, _COUNTS.search(question) is not None, found[0][0].lower())


def _noun_after(word: re.Match[str], question: str) -> str:
    """Return the noun that stands right after a word for the most or the least; empty if there is none."""
    pattern = _NOUN_COUNTED if word[0].lower() in ("most", "fewest") else _NOUN
    noun = pattern.match(question, word.end())
    return noun["noun"].lower() if noun else ""


def without_superlatives(question: str) -> str:
    """Return a question without the words for the most and the least, which the figures themselves do not hold."""
    return _WORDS.sub(" ", question)
