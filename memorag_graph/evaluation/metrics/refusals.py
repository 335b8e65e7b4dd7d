"""Whether an answer refuses, and whether it is in the right language."""

import re

from memorag_graph.evaluation.metrics.citation_marks import without_marks
from memorag_graph.text.languages import detect_language
from memorag_graph.text.words import count_words

FEWEST_WORDS = 8
"""Shorter texts do not tell their language."""

_SAYS = r"(?:say|state|mention|contain|hold|provide|include|specify|give|answer|address|discuss|tell)"
_SOURCE = r"(?:document|passages?|texts?|context|evidence|excerpts?|sources?|information|transcript)"
_REFUSAL = re.compile(
    rf"\b{_SOURCE}\b(?:\s+\w+){{0,3}}?\s+(?:do(?:es)?|did)(?:\s+not|n['’]t)\s+(?:\w+\s+)?{_SAYS}\b"
    r"|\b(?:can(?:\s*not|['’]t)|could(?:\s+not|n['’]t)|(?:am|is)\s+(?:unable|not\s+able)\s+to)\s+(?:be\s+)?"
    r"(?:answer(?:ed)?|determined?|found|find)\b"
    rf"|\b(?:there\s+is|contains?|provides?|gives?)\s+no\s+(?:\w+\s+)?(?:information|mention|evidence|answer)\b"
    rf"|\bnot\s+(?:mentioned|stated|specified|given|contained)\s+(?:\w+\s+){{0,3}}{_SOURCE}\b"
    r"|(?:文|段落|资料).{0,4}(?:没有|未)(?:提到|提及|说明|给出)|无法(?:回答|确定)",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 60


def is_refusal(answer: str) -> bool:
    """Tell whether an answer says that it cannot be given: it is empty, or its first sentence says so.

    Refusals are known by their words in English and Chinese; in other languages only an empty answer counts.
    """
    said = without_marks(answer).strip()
    first = re.split(r"(?<=[.!?。！？])\s*", said, maxsplit=1)[0]
    return not said or (count_words(said) <= _LONGEST_REFUSAL and bool(_REFUSAL.search(first)))


def in_wrong_language(answer: str, *expected: str) -> float | None:
    """Return 1 where an answer is in none of the expected languages (ISO 639-1), 0 where it is; None if too short."""
    said = without_marks(answer)
    return float(detect_language(said).code not in expected) if count_words(said) >= FEWEST_WORDS else None
