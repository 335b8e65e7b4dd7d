"""What a question asks for, by its words: a person, a figure, or how something changes."""

import re

ASKS_WHO = re.compile(r"\b(?:who|whom|whose|wer|wen|wem|wessen|qui|quién|quiénes|chi|quem|кто)\b|谁", re.IGNORECASE)

ASKS_FIGURE = re.compile(
    r"\b(?:when|how (?:many|much|long|old|far|high|tall|big|heavy|wide|deep|thick|fast|large)|what year"
    r"|what (?:is|was) the (?:\w+ )?(?:fine|fee|price|cost|toll|rent|deposit|fare|charge|penalty|salary)"
    r"|wann|wie (?:viele?|lange?|alt|hoch)|quand"
    r"|combien|cuándo|cuánt[oa]s?|quando|quant[oaie]s?|wanneer|hoeveel|когда|сколько)\b|什么时候|多少",
    re.IGNORECASE,
)

ASKS_CHANGE = re.compile(
    r"\b(?:since|after|before|between|until|till|from|than|chang\w+|develop\w+|gr[eo]w\w*|r[io]se\w*|trend|seit|nach|vor"
    r"|zwischen|bis|ab|entwickel\w+|depuis|après|avant|entre|jusqu\w*|evol\w+|évolu\w+|desde|después|antes|hasta"
    r"|cambi\w+|dopo|prima|fino|depois|até|sinds|na|voor|tussen|после|до|между|с)\b",
    re.IGNORECASE,
)
"""Questions whose years are not the only ones that matter."""
