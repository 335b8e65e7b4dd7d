"""Detect refusals and answers in the wrong language."""

import re

from memorag_graph.evaluation.metrics.citation_marks import without_marks
from memorag_graph.text.languages import detect_language
from memorag_graph.text.words import count_words

FEWEST_WORDS = 8
"""The language of shorter texts is not detected reliably."""

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
    """Return whether an answer is a refusal: it is empty, or its first sentence refuses.

    Refusals are recognized in English and Chinese; in other languages only an empty answer counts.
    """
    said = without_marks(answer).strip()
    first = re.split(r"(?<=[.!?。！？])\s*", said, maxsplit=1)[0]
    return not said or (count_words(said) <= _LONGEST_REFUSAL and bool(_REFUSAL.search(first)))


def in_wrong_language(answer: str, *expected: str) -> float | None:
    """Return 1 if an answer is in none of the expected languages (ISO 639-1), else 0; None if it is too short."""
    said = without_marks(answer)
    return float(detect_language(said).code not in expected) if count_words(said) >= FEWEST_WORDS else None
