"""What a question asks for, by its words: a person, a figure, a year, or how something changes."""

import re

ASKS_WHO = re.compile(
    r"\b(?:who|whom|whose|wer|wen|wem|wessen|qui|quién|quiénes|chi|quem|кто|kim\w*|vem|hvem|kto)\b"
    r"|谁|誰|कौन|किस(?:ने|का|की|के)|^\W*من (?:هو|هي)|ใคร|ໃຜ|누구",
    re.IGNORECASE,
)

ASKS_FIGURE = re.compile(
    r"\b(?:when|how (?:many|much|long|old|far|high|tall|big|heavy|wide|deep|thick|fast|large)|what year"
    r"|what (?:is|was) the (?:\w+ )?(?:fine|fee|price|cost|toll|rent|deposit|fare|charge|penalty|salary)"
    r"|wann|wie (?:viele?|lange?|alt|hoch)|quand"
    r"|combien|cuándo|cuánt[oa]s?|quando|quant[oaie]s?|wanneer|hoeveel|когда|сколько)\b|什么时候|多少",
    re.IGNORECASE,
)

ASKS_YEAR = re.compile(
    r"\b(?:when|(?:what|which) years?|wann|welche[mns]? jahr\w*|quand|quelles? années?|cuándo|qué años?|quando"
    r"|(?:quale|che|que) an[no]o|quais anos|wanneer|welke? ja(?:ar|ren)|når|när|kiedy|когда|как\w+ год\w*|ne zaman)\b"
    r"|何年|いつ|哪(?:一|几)?年|什么时候|什麼時候|कब|متى",
    re.IGNORECASE,
)

ASKS_WHY = re.compile(
    r"\b(?:why|how come|what (?:made|makes|caused|causes|led|drove|prompted|brought about)"
    r"|what (?:is|was) the (?:reason|cause)|for what reason"
    r"|warum|weshalb|wieso|weswegen|pourquoi|por qué|por que|perché|waarom|varför|hvorfor|dlaczego"
    r"|почему|neden|niçin)\b|为什么|為什麼|क्यों|لماذا",
    re.IGNORECASE,
)

GIVES_CAUSE = re.compile(
    r"\b(?:because|owing to|due to|thanks to|the (?:reason|cause) (?:is|was)|(?:is|was|were|are) (?:\w+ )?based on"
    r"|attributable to|caused by|driven by|prompted by|result(?:s|ed)? (?:of|from)|stem(?:s|med) from|"
    r"weil|wegen|denn|parce qu\w+|à cause"
    r"|en raison|porque|debido a|perché|a causa|omdat|wegens|eftersom|fordi|ponieważ|потому что|из-за|çünkü)\b"
    r"|因为|因為|क्योंकि|لأن|بسبب",
    re.IGNORECASE,
)
"""Tells why something is so."""

ASKS_CHANGE = re.compile(
    r"\b(?:since|after|before|between|until|till|than|chang\w+|develop\w+|gr[eo]w\w*|r[io]se\w*|trend|seit"
    r"|zwischen|bis|entwickel\w+|depuis|après|avant|entre|jusqu\w*|evol\w+|évolu\w+|desde|después|antes|hasta"
    r"|cambi\w+|dopo|prima|fino|depois|até|sinds|tussen|после|между)\b"
    r"|\b(?:from|nach|vor|ab|na|voor|до|с)(?= (?:dem jahr )?\d)",
    re.IGNORECASE,
)
"""Questions whose years are not the only ones that matter."""
