"""Whether a question asks for several things, each of which may stand in another place.

Known in English, German, French, Spanish, Italian, Portuguese, Dutch, Russian and Chinese.
"""

import re

_ASKS = re.compile(
    r"\b(?:list|name|enumerate|give|show|tell)\b(?: me)? (?:all|every|each)\b|^\W*(?:list|enumerate)\b|\bhow many\b"
    r"|\b(?:what|who) are (?:all )?the\b"
    r"|\bwhich (?:(?:of )?(?:the|these|those|other) )*(?!(?:is|was|has|does|its|this)\b)\w*[^\W\dsu]s\b"
    r"|\bwelche (?:\w+ )?\w+(?:en|er|e|s)\b|\bwie viele\b|^\W*(?:nenne|liste)\b"
    r"|\b(?:quels|quelles|combien|énumère[rz]?|cuáles|cuántos|cuántas|enumera|quali|quanti|quante|elenca|quais|quantos"
    r"|quantas|welke|hoeveel)\b"
    r"|какие|сколько|перечисл|哪些|列出|多少个|几个|有哪",
    re.IGNORECASE,
)


def asks_for_list(question: str) -> bool:
    """Return whether a question asks for a list or a count."""
    return bool(_ASKS.search(question))
