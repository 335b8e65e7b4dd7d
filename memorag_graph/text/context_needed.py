"""Tell whether an English sentence cannot be understood without the one before, although it has no pronoun."""

import re

_GOES_ON = re.compile(
    r"(?:\w+ )?(?:that|those|such) [a-z]+\b"
    r"|(?:But|And|So|Nor|Or|Yet|Then|Thus|Hence|Therefore|However|Instead|Even so|Still|Also|Moreover|Otherwise|Besides"
    r"|Meanwhile|First,|Firstly|Second|Third|Fourth|Secondly|Thirdly|Finally|Lastly|That|Those|Such|Here|Since then"
    r"|In (?:addition|contrast|turn|that case)|The (?:year|month|week|day) (?:before|after)|For (?:example|instance)"
    r"|As a result|On the other hand|By contrast)\b"
)
"""How a sentence begins that goes on from another: "Even so", "Of that improvement"."""

_KIND = (
    "answer question problem result reason decision gap rule cost price sum figure number rest remainder money",
    "contract deal offer idea plan difference change effect matter point first second third last latter former other",
    "others same cheapest best worst",
)
_WHICH = re.compile(
    rf"The (?:\w+ )?(?:{'|'.join(' '.join(_KIND).split())})\b"
    r"(?! (?:of (?!that\b)|for|to|between|by|in|on|about|with|from|at|against)\b)"
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
