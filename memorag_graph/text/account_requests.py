"""Whether a question asks for an account of something: a few sentences from all over a document, not one fact.

Known in English, German, French, Spanish, Italian, Portuguese, Dutch, Chinese and Japanese.
"""

import re

_PATTERNS = (
    r"^\W*(?:(?:please|can you|could you|briefly)\W+)*(?:summari[sz]e|recap|recount|outline|sketch|trace)\b",
    r"\b(?:give|write|provide|present)\b(?: \w+){0,3} (?:account|overview|summary|outline|history|sketch|recap)\b",
    r"^\W*(?:please )?describe how\b",
    r"\bfass\w* .+ zusammen\b|\b(?:gib|geben sie)\b .*\b(?:überblick|zusammenfassung)",
    r"^\W*beschreiben? (?:sie )?,? ?wie\b|\bvat .+ samen\b|^\W*beschrijf hoe\b",
    r"^\W*(?:résume[rz]?|retrace[rz]?)\b|\bdonne[rz]? .*\b(?:aperçu|résumé)\b|^\W*décri(?:s|vez) comment\b",
    r"^\W*(?:resum[ae]n?|resumir)\b|\b(?:da|dé|dame|deme) un resumen\b|^\W*describ[ae] cómo\b",
    r"^\W*riassum(?:i|ete|ere)\b|^\W*descriv(?:i|ete) come\b|^\W*(?:resuma|descreva como)\b",
    r"概括|总结|概述|要約|概要",
)
_ASKS = re.compile("|".join(_PATTERNS), re.IGNORECASE)


def asks_for_account(question: str) -> bool:
    """Return whether a question asks for an account, such as "Summarise how the fleet was changed."."""
    return bool(_ASKS.search(question))
