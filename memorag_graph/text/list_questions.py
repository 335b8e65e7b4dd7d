"""Whether a question asks for several things, each of which may stand in another place.

Known in English, German, French, Spanish, Italian, Portuguese, Dutch, Russian, Chinese and Japanese.
"""

import re

from memorag_graph.text.numbers import number_in

_PLURAL = (
    r"(?!(?:is|was|has|does|its|this)\b)\w*[^\W\dsui]s\b|people\b|persons?\b(?= (?:are|have|do|were)\b)|(?:wo)?men\b"
)
"""An English plural, as far as its ending tells."""

_PLURAL_VERB = (
    r"(?:are|were|have|do|live|work|own|play|speak|come|belong|study|teach|need|want|use|sell|make|hold|offer|supply"
    r"|run|sit|sign|lead|serve|manage|own|produce)\b"
)

_PATTERNS = (
    # English
    r"\b(?:list|name|enumerate|give|show|tell|find|identify|mention)\b(?: me)? (?:all|every|each)\b(?: of)?(?: the)?",
    rf"^\W*(?:please )?(?:name|give|show|tell|find|identify)(?: me)? the (?=(?:\w+ ){{0,2}}(?:{_PLURAL}))",
    r"^\W*(?:please )?(?:make |give (?:me )?)?(?:a |the )?(?:list|enumerate)\b(?: of)?(?: the)?",
    r"\bhow many\b|\b(?:total )?number of (?=\w+s (?:in|on|at|of|from|that|which|who|with|are|were|have)\b)",
    r"\bwhat are (?:all )?the\b|\bwho (?:are|were|all)\b(?: (?:all )?the\b)?",
    rf"^\W*who (?:else )?(?={_PLURAL_VERB})",
    r"^\W*who (?=(?:lives|works) (?:in|at|on|for)\b)",
    r"\bwhere (?:are|were|do) (?=.*\b(?:all|every|each)\b)",
    rf"\b(?:which|what) of (?:the|these|those|our|its|their)\b|\bwhich (?:(?:the|these|those|other) )*(?={_PLURAL})",
    rf"\bwhich (?=(?:\w+ ){{1,2}}(?:{_PLURAL}) {_PLURAL_VERB})|\bwhich (?=\w+ (?:are|were|have)\b)",
    rf"\bwhat (?=(?:\w+ )?(?:{_PLURAL}) (?:are|have|do)\b)",
    # German
    r"\bwelche (?=(?:\w+ ){1,2}(?:sind|waren|haben|hatten|werden|wurden|können|dürfen|müssen|sollen|wollen)\b)",
    r"\bwelche (?=\w+ (?:\w+ )?(?!(?:einen|ihren|seinen|jeden|gegen|neben|wegen|oben|unten)\b)[a-zäöü]{2,}en\b)",
    r"\bwie ?viele\b",
    r"^\W*(?:bitte )?(?:nennen?|listen?|zählen?|geben?|gib|zeigen?)\b(?: sie| mir)* (?:alle|die|sämtliche)\b",
    r"^\W*(?:nenne|liste)\b|\bwer (?:sind|waren|alles|hat alles)\b|\bwo (?=.*\b(?:alle|überall)\b)",
    # French, Spanish, Italian, Portuguese, Dutch
    r"\b(?:quels|quelles|énumère[rz]?|combien d(?:e|(?=['’])))\b"
    r"|^\W*(?:listez?|citez?|nommez?) (?:les|tous|toutes)\b"
    r"|\bqui sont\b|\boù (?:sont|se trouvent) (?=.*\btou(?:s|tes)\b)",
    r"\b(?:cuáles|cuántos|cuántas|enumera|quiénes)\b|\bqué (?=\w+s (?!es\b|tiene\b))"
    r"|^\W*(?:lista|nombra|di) (?:todos|todas|los|las)\b|\bdónde (?=.*\btod[oa]s\b)",
    r"\b(?:quali|quanti|quante|elenca)\b|\bchi sono\b|\bdove (?=.*\btutt[ie]\b)",
    r"\b(?:quais|quantos|quantas|enumere)\b|\bquem são\b|^\W*liste\b|\bonde (?=.*\btod[oa]s\b)",
    r"\bwelke (?=\w+(?:en|s)\b)|\bhoeveel (?=\w+(?:en|s)\b)|^\W*noem (?:alle|de)\b|\bwie zijn\b|\bwaar (?=.*\balle\b)",
    # Russian, Chinese, Japanese
    r"\b(?:какие|каких|каким)\b|\bсколько\b(?! (?:стоит|стоят|времени))|\b(?:перечисли(?:те)?|назови(?:те)? все)\b",
    r"哪些|列出|列举|有哪|有谁|几个|几家|几位|几名|多少(?=[个家位名艘人间辆本座张])|すべての|全ての|列挙|一覧|どれら|いくつ|何人|何社",
)  # fmt: skip
_ASKS = re.compile("|".join(_PATTERNS), re.IGNORECASE)

_PERHAPS = re.compile(
    r"^\W*who (?:else )?(?=(?!(?:is|was|has|does|this|its)\b)\w+s\b)"
    r"|\bwhich (?:\w+ ){1,2}"
    r"(?=(?:is|has)\b|(?!(?:was|does|this|its)\b)\w+[^\W\dsui]s\b(?! (?:is|has|does|was|did|are)\b))"
    r"|^\W*wer (?=(?!(?:ist|hat|wird|bist)\b)\w+t\b)"
    r"|\bwelche[rs]? \w+ (?=(?:ist|hat)\b|(?!(?:nicht|mit)\b)[a-zäöü]+t\b)"
    r"|^\W*qui (?=(?!(?:est|sont|a|êtes)\b)\w+e?t?\b)|\bquel(?:le)? \w+ (?=(?!(?:est|a)\b)\w+(?:e|t|d)\b)"
    r"|^\W*quién (?=(?!(?:es|fue|era)\b)\w+[ae]\b)|\bqué \w+ (?=(?!(?:es|fue|era|se)\b)\w+[ae]\b)"
    r"|^\W*chi (?=(?!(?:è|era|ha)\b)\w+[ae]\b)|\bquale \w+ (?=\w+[ae]\b)",
    re.IGNORECASE,
)
"""A question in the singular and the present, to which several places may answer: "Who buys wool?"."""

_COUNTS = re.compile(
    r"\bhow many (?:\w+ )??(?P<en>\w+)|\bwie ?viele (?P<de>\w+)|\bcombien (?:de |d['’])(?P<fr>\w+)"
    r"|\bcuánt[oa]s (?P<es>\w+)|\bquant[ie] (?P<it>\w+)|\bquant[oa]s (?P<pt>\w+)|\bhoeveel (?P<nl>\w+)",
    re.IGNORECASE,
)
_OF_ONE = re.compile(r"\bhow many (?:\w+ ){1,3}(?:does|did|has|had|is|was)\b", re.IGNORECASE)
_WORD = re.compile(r"[\w'’]+")
_STEM = 5
"""First letters in which "Person" and "Personen" agree."""

_WORDS_BETWEEN = 3
"""Words between a number and what it counts: "three small wooden boats"."""


def asks_for_list(question: str) -> bool:
    """Return whether a question asks for a list or a count."""
    return bool(_ASKS.search(question))


def may_ask_for_several(question: str) -> bool:
    """Return whether several places may each answer a question that asks for one: "Which depot holds oil?"."""
    return not asks_for_list(question) and bool(_PERHAPS.search(question))


def asked_about(question: str) -> str:
    """Return a question without the words that ask for a list: "List all ports." gives "ports."."""
    return _PERHAPS.sub(" ", _ASKS.sub(" ", question))


def says_count(question: str, text: str) -> bool:
    """Return whether a text says the number that a question asks for, so that nothing has to be counted.

    "The tank holds 400 litres" says how many litres the tank holds; "Vale lives in Porto since 1990" does not say how
    many employees live in Porto.
    """
    found = _COUNTS.search(question)
    if not found:
        return False
    noun = next(filter(None, found.groups())).lower()[:_STEM]
    words = [word.lower() for word in _WORD.findall(text)]
    asked = {word.lower() for word in _WORD.findall(question)}
    numbers = [at for at, word in enumerate(words) if number_in(word) is not None and word not in asked]
    named = [at for at, word in enumerate(words) if word.startswith(noun)]
    near = any(-1 <= here - at <= _WORDS_BETWEEN for at in numbers for here in named)
    return near or bool(numbers and _OF_ONE.search(question))
