"""Tell whether an English sentence cannot be understood without the one before, although it has no pronoun."""

import re

_GOES_ON = re.compile(
    r"(?:(?:Of|In|On|At|From|For|By|With|After|Before|To|About|Against|Under) (?:that|those|such)|That|Those) [a-z]+\b"
    r"|(?:But|And|So|Nor|Or|Yet|Thus|Hence|Therefore|However|Even so|Moreover|Otherwise|Meanwhile|Then|Here|Such"
    r"|Since then|As a result|In (?:addition|contrast|turn|that case)|The (?:year|month|week|day) (?:before|after)"
    r"|For (?:example|instance)|On the other hand|By contrast)\b"
    r"|(?:Instead|Still|Also|Besides|Firstly|Secondly|Thirdly|Finally|Lastly|First|Second|Third|Fourth),"
)
"""How a sentence begins that goes on from another: "Even so", "Of that improvement"."""

_KIND = (
    "answer question problem result reason decision gap rule cost price sum figure number rest remainder money",
    "contract deal offer idea plan difference change effect matter point first second third last latter former other",
    "others same cheapest best worst",
)
_WHICH = re.compile(
    rf"The (?:\w+ )?(?:{'|'.join(' '.join(_KIND).split())}) (?:(?:of|for) that )?"
    r"(?:is|was|are|were|has|had|have|came|comes|went|goes|will|would|may|might|can|could|did|does)\b"
)
"""Something named by its kind alone, as in "The answer was a further write-off."; "The price of fuel" says which."""

_POINTS_BACK = re.compile(
    r"\b(?:of|for|from|by|with|to|than|after|about|against|like|do|did|does) (?:that|those|so|it|them)[.,;:]"
)
"""As in "Surcharges recovered half of that."."""

_OPENING_CLAUSE = re.compile(
    r"(?:Having|Being|After|Before|Since|When|While|Although|Though|If|As|Once|Until)\b[^,A-Z]*,"
    r" (?:it|he|she|they|this)\b|(?:I|We|You|People) \w+ (?:it|him|her|them)\b"
    r"|(?:In|For|By|During|Within|At|On) [^,A-Z]{,40}\b(?:it|he|she|they) "
)
"""Words without a name before a pronoun that stands for one: "Having made a profit, it lost half of it."."""


def needs_context(sentence: str) -> bool:
    """Return whether an English sentence goes on from one that is not known, or names something by its kind alone."""
    return bool(
        _GOES_ON.match(sentence)
        or _WHICH.match(sentence)
        or _POINTS_BACK.search(sentence)
        or _OPENING_CLAUSE.match(sentence)
    )
