"""Whether a question compares things, which may stand in different documents.

Known in English, German, French, Spanish, Italian, Portuguese, Dutch, Russian, Chinese, Japanese and Arabic.
"""

import re

_COMPARES = re.compile(
    r"\b(?:compar(?:e|es|ed|ing|ison)|contrast|versus|vs\.?|differences? (?:between|among)|differs? (?:from|between))\b"
    r"|\bhow (?:do|does|did) .+ differ\b|\b(?:which|what|who) (?:one )?of (?:the|these|those|them)\b"
    r"|\b(?:each|any|both|all|most|some|none) of (?:the|these|those)\b|\bin (?:both|each|all|every) (?:of the )?\w+s?\b"
    r"|\bacross (?:the|all|these)\b|\bin common\b"
    r"|\bvergl(?:eich|ich)\w*|\bunterschied\w*|\bunterscheide[nt]\b|\bwelche[rs]? (?:von|der|dieser)\b"
    r"|\bcompare[rz]?\b|\bcompara(?:r|ison|ción|ção)?\b|\bdifférences? entre\b|\bdiferencias? entre\b"
    r"|\bdiferenças? entre\b|\bdifferenz[ae] tra\b|\bconfront(?:a|o|are)\b|\bvergelijk\w*|\bverschil\w* tussen\b"
    r"|\b(?:le)?quel(?:le)?s? (?:des|de ces|d['’]entre)\b|\bcuál(?:es)? de\b"
    r"|\bqua(?:l|le|li|is) (?:dei|delle|dos|das)\b"
    r"|\bсравни\w*|\bотлича\w+|\bразниц\w+|比较|对比|区别|差异|哪(?:个|一|份|篇)|比較|違い|どちら|どの"
    r"|قارن|الفرق|أي من",
    re.IGNORECASE,
)


def compares(question: str) -> bool:
    """Return whether a question compares things, or asks which of several something holds for."""
    return bool(_COMPARES.search(question))
