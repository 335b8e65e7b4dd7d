"""Tell whether a question can be understood without the conversation before it.

The rules are for English; for other languages, openings such as "Und", pronouns at the beginning, and questions
without content words are known.
"""

import re

from memorag_graph.generation.asked_terms import asked_terms
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.back_references import begins_back
from memorag_graph.text.words import content_words

_OPENERS = {
    "en": r"and|but|so|or|also|what about|how about|same for|what of",
    "de": r"und|aber|oder|was ist mit|wie ist es mit|und was ist mit",
    "fr": r"et|mais|ou|qu['’]en est-il de",
    "es": r"¿?\s*(?:y|pero|o|qué tal|qué hay de)",
    "it": r"e|ma|o",
    "pt": r"e|mas|ou",
    "nl": r"en|maar|of",
    "ru": r"а|и|но|а как насчёт",
    "tr": r"peki|ya|ve",
    "zh": r"那么?|还有|另外",
}
OPENERS = {
    code: re.compile(rf"\W*(?:{words})(?:\b|(?<=[那么还有另外]))[\s,，]*", re.IGNORECASE)
    for code, words in _OPENERS.items()
}
"""How a question begins that goes on from the one before, by language."""

ENDS = " ?!.？！。"
"""What a question may end with besides its words."""

_LONGEST = 1000
"""Characters beyond which a question is taken to say what it is about."""

_CHINESE_TAIL = re.compile(r"呢[?？]?$")
_CHINESE_BACK = re.compile(r"它|他们?|她们?|这个|那个|该|其(?!他|它|中|余)|此")

_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|am|do|does|did|has|have|had|can|could|will|would|shall|should|(?-i:may)|might|must|"
    r"list|name|give|show|tell|describe|explain|summari[sz]e|compare|find)\b",
    re.IGNORECASE,
)
PREPOSITION = re.compile(
    r"\W*(?:in|on|at|for|of|from|by|to|with|without|about|during|before|after|since|until|under|per|as|für|im|am|bei|von|"
    r"mit|ohne|vor|nach|seit|bis|en|à|au|aux|pour|dans|de|avec|sans|avant|après|depuis|para|con|sin|desde|hasta)\s+",
    re.IGNORECASE,
)
"""A preposition at the beginning of a fragment."""

_ASKING = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", re.IGNORECASE)
ASKING_ONLY = re.compile(
    r"\W*(?:how\s+(?:many|much|often|long|old|far)|who|when|where|which\s+ones?)\s+"
    r"(?=(?:in|on|at|for|from|by|to|with|during|before|after|since|until)\s+(?:[^\W_]+\s*){1,3}\W*$)",
    re.IGNORECASE,
)
"""Words that ask, before nothing but a preposition and what it stands with, as in "How many in 2020?"."""

COUNTING_ONLY = re.compile(
    r"\W*how\s+many(?:\s+of\s+(?:them|these|those))?(?:\s+(?P<verb>are|were)\s+there)?(?:\s+in\s+(?:all|total)|\s+altogether)?"
    r"\W*$",
    re.IGNORECASE,
)
"""A question for a number that does not say of what."""

_ASKING_OF_PREPOSITION = re.compile(
    r"\W*(?:in|on|at|for|of|from|by|to|with|under|since|until|during|after|before)\s+(?:which|what|whom|when|how)\b"
    r"(?:\s+[^\W_]+){0,2}\W*$",
    re.IGNORECASE,
)
_PREPOSITIONS = re.compile(
    r"\b(?:in|on|at|for|of|from|by|to|with|under|since|until|during|after|before)\b", re.IGNORECASE
)
_HOW = re.compile(r"\bhow\s+\w+", re.IGNORECASE)
_MOST_FRAGMENT = 6
"""Most words of a fragment such as "In the second quarter?"."""

_DOCUMENT = (
    "document|text|report|contract|agreement|file|paper|book|novel|story|meeting|handbook|policy|manual|letter|article|"
    "chapter|section|lease|guide|transcript|page|e-?mail|page|presentation|spreadsheet|table"
)
_POINTING = re.compile(
    rf"\b(?:this|these|those)\b(?!\s+(?:{_DOCUMENT})s?\b)"
    r"|\b(?:about|after|before|of|for|with|in|by|to|from|since|does|is|was|did|like|than|at)\s+that\b(?!\s+(?:the|a|an|it|he|"
    r"she|they|we|you|there)\b)"
    r"|^\W*that\b(?=\s+\w+)"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )(?<!\bbeen )(?<!\bany )\bthere\b"
    r"(?!\s+(?:is|are|was|were|any|a|an|be|been)\b)"
    r"|\bthen\s*\W*$"
    r"|\b(?:first|second|third|fourth|last|next|previous|other|same|which|that|this|latter|former)\s+ones?\b"
    r"|\bthe\s+(?:former|latter|others?|same)\b(?!\s+\w)"
    r"|\b(?:who|what|where|which|anyone|anything|someone|something)\s+else\b(?!.*\b(?:besides|except|apart|than)\b)"
    r"|^\W*(?:tell me more|go on|continue|more|more details?|explain (?:further|more)|elaborate)\b[^?]{0,12}\W*$",
    re.IGNORECASE,
)
RELATIVE_TIME = re.compile(
    r"\bthe\s+(?:year|month|quarter|day|week|decade)\s+(?:before|after|prior|later)\b(?!\s+\w)"
    r"|\b(?:the\s+)?(?:next|previous|following|preceding|prior)\s+(?:year|month|quarter|day|week|one)\b"
    r"|\ba\s+(?:year|month|quarter|day|week)\s+(?:later|earlier)\b",
    re.IGNORECASE,
)
"""A time that is counted from another one."""

_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_PERSON = re.compile(r"\b(?:he|him|his|she|her|hers|himself|herself)\b", re.IGNORECASE)
_THING = re.compile(r"\b(?:it|its|they|them|their|theirs|itself|themselves)\b", re.IGNORECASE)
_INVERTED = re.compile(
    r"\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|(?-i:may))\s+(?:he|she|it|they)\b",
    re.IGNORECASE,
)
_ANYBODY = re.compile(
    r"\bthey\s+(?:all\s+)?(?:say|said|think|thought|decide|discuss|agree|mention|talk|want|plan|suggest|propose|conclude|feel)\b",
    re.IGNORECASE,
)
"""As in "What did they say about the price?": those of whom the document tells."""

_LAST_WORD = re.compile(r"\b(?:it|them|him|her)\W*$", re.IGNORECASE)
_EMPTY_IT = re.compile(
    r"\b(?:is|was|will|would|can|does|did|has)\s+it\s+(?:be\s+|been\s+|take\s+|cost\s+|have\s+been\s+|mean\s+)?(?:\w+\s+)?(?:to|that|for|if)\b"
    r"|\bit\s+(?:is|was|takes?|took|costs?)\s+(?:\w+\s+)?(?:to|that)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def stands_alone(question: str, language_code: str) -> bool:
    """Return whether a question can be understood by itself.

    Args:
        question: The question.
        language_code: Language of the document; English is understood in any.
    """
    if len(question) > _LONGEST:
        return True
    if any(OPENERS[code].match(question) for code in {"en", language_code} & OPENERS.keys()):
        return False
    if not _says_something(question, language_code):
        return False
    if language_code == "zh" and (_CHINESE_TAIL.search(question.strip()) or _CHINESE_BACK.search(question)):
        return False
    if language_code not in ("en", "zh") and begins_back(question, language_code):
        return False
    if COUNTING_ONLY.match(question) or _is_fragment(question) or _POINTING.search(question):
        return False
    if RELATIVE_TIME.search(question) and not _YEAR.search(question):
        return False
    return not _has_dangling_pronoun(question)


def opener(question: str, language_code: str) -> str:
    """Return the words with which a question goes on from the one before, such as "And what about "; or nothing."""
    rest, found = question, ""
    codes = sorted({"en", language_code} & OPENERS.keys())
    while matched := next((it for it in (OPENERS[code].match(rest) for code in codes) if it and it[0].strip()), None):
        found, rest = found + matched[0], rest[matched.end() :]
    return found


def _says_something(question: str, code: str) -> bool:
    """Return whether a question has words of its own, other than "Why?"."""
    stop = function_words(code) | function_words("en")
    return bool(content_words(_without_asking(question), stop)) and bool(asked_terms(question, code))


def _without_asking(text: str) -> str:
    """Return a text without words that ask or help a verb, and without prepositions."""
    for words in (_HOW, _VERB, _ASKING, _PREPOSITIONS):
        text = words.sub(" ", text)
    return text


def has_verb(text: str) -> bool:
    """Return whether a text asks or states something itself: it has a question word or a common verb."""
    return bool(_VERB.search(text) or _ASKING.search(text))


def _is_fragment(question: str) -> bool:
    if ASKING_ONLY.match(question) or _ASKING_OF_PREPOSITION.match(question):
        return True
    if len(_WORD.findall(question)) > _MOST_FRAGMENT or has_verb(question):
        return False
    return bool(PREPOSITION.match(question) or _YEAR.fullmatch(question.strip(ENDS)))


def _has_dangling_pronoun(question: str) -> bool:
    """Return whether a pronoun has nothing before it in the question that it may stand for."""
    if _EMPTY_IT.search(question) or _ANYBODY.search(question):
        return False
    first = min((found.start() for found in (_PERSON.search(question), _THING.search(question)) if found), default=None)
    if first is None:
        return False
    if not content_words(_without_asking(question[:first]), function_words("en")):
        return True
    is_clause = "," in question[:first] or re.search(r"\b(?:if|when|while|because|that|and)\b", question[:first], re.I)
    return bool(_LAST_WORD.search(question) or _INVERTED.search(question)) and not is_clause
