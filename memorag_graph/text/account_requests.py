"""Whether a question asks for an account of something: a few sentences from all over a document, not one fact.

Known in English, German, French, Spanish, Italian, Portuguese, Dutch, Chinese and Japanese.
"""

import re

_BEGINNING = r"^\W*(?:[^,.?!]{1,60}, )?(?:(?:please|kindly|briefly|can you|could you|would you)\W+)*"
"""What may stand before a request: "In a few words, could you please"."""

_PATTERNS = (
    _BEGINNING + r"(?:summari[sz]e|describe how)\b",
    # the same words are nouns: "Trace id of the failed request?"
    _BEGINNING + r"(?:recap|recount|outline|sketch|trace) (?:the|this|these|all|its|his|her|their|our|your|my"
    r"|how|what|why|when|where|which|who)\b",
    _BEGINNING + r"(?:give|write|provide|present)(?: me| us)? (?:an?|the|your)(?: [\w-]+){0,2}"
    r" (?:account|overview|summary|outline|history|sketch|recap)(?=\W*$| (?:of|on|about|how|why|for)\b)",
    r"^\W*(?:bitte )?fass(?:e|t|en sie|(?= (?:bitte|kurz|mir|den|die|das|alles?)\b)) (?:.+ )?zusammen\b",
    r"^\W*(?:bitte )?(?:gib|geben sie) .*\b(?:überblick|zusammenfassung)|^\W*beschreib(?:e|en sie)?,? wie\b",
    r"^\W*(?:résume[rz]?|retrace[rz]?)\b|^\W*donne[rz]?\b.*\b(?:aperçu|résumé)\b|^\W*décri(?:s|vez) comment\b",
    r"^\W*(?:resum[ae]n?|resumir) (?:brevemente|el|la|los|las|lo|est[aeo]s?|sus?|qué|cómo|por qué)\b"
    r"|\b(?:da|dé|dame|deme) un resumen\b|^\W*describ[ae] cómo\b",
    r"^\W*riassum(?:i|ete|ere)\b|^\W*descriv(?:i|ete) come\b|^\W*(?:resuma|descreva como)\b",
    r"^\W*vat (?!\d)(?:.+ )?samen\b|^\W*beschrijf hoe\b",
    r"^\W*[请請]?[你您]?(?:[帮幫]我)?(?:[简簡][要单單短]地?|大致)?(?:概括|总结|總結|概述)(?![会會报報人的])",
    r"要約(?:して|しなさい|せよ)|(?:要約|概要)を(?:教えて|述べ|示して|説明して|書いて|まとめて)",
)
_ASKS = re.compile("|".join(_PATTERNS), re.IGNORECASE)


def asks_for_account(question: str) -> bool:
    """Return whether a question asks for an account, such as "Summarise how the fleet was changed."."""
    return bool(_ASKS.search(question))
