"""Whether an English question asks where a figure is highest or lowest: "Which was the busiest year for freight?"."""

import re

_HIGHEST = (
    r"busiest|largest|highest|biggest|greatest|longest|heaviest|record|peak(?:ed)?|maximum"
    r"|most (?!of\b|recent|likely|important|famous|common|popular|notable|significant)"
    r"(?![a-z]+(?:ly|ed|ing|ive|ous|ant)\b)"
)
_LOWEST = r"fewest|smallest|lowest|shortest|lightest|quietest|minimum"
_ASKS = re.compile(r"\b(?:which|what|when|who|where|how)\b", re.IGNORECASE)
_WORDS = re.compile(rf"\b(?:(?P<highest>{_HIGHEST})|(?P<lowest>{_LOWEST}))", re.IGNORECASE)


def asked_extreme(question: str) -> int:
    """Return 1 for a question about where a figure is highest, -1 for lowest, 0 for others and those about both."""
    found = {1 if it["highest"] else -1 for it in _WORDS.finditer(question)} if _ASKS.search(question) else set()
    return found.pop() if len(found) == 1 else 0


def without_superlatives(question: str) -> str:
    """Return a question without the words for the most and the least, which the figures themselves do not hold."""
    return _WORDS.sub(" ", question)
