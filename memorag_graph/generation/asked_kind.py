"""The kind of thing that an English question asks for, as a person or a number, and whether a sentence tells one."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from memorag_graph.generation.asked_terms import held_terms
from memorag_graph.generation.names_in_text import words_of
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.numbers import number_in
from memorag_graph.text.opposites import DAYS, MONTHS

_BEGIN = r"^\W*(?:and |but )?(?:(?:in|on|at|for|from|to|of|with|since|until|under) )?"
_HOW = re.compile(r"\bhow \w+", re.IGNORECASE)
_WHAT_IS = r"(?:what|which) (?:(?:is|are|was|were) the (?:\w+ )?)?"
_DATE = rf"{'|'.join(MONTHS.split())}|{'|'.join(DAYS.split())}"
_YEAR = re.compile(
    r"(?<![\d.,])(?:1[0-9]\d\d|20\d\d)(?:s\b|(?![\d]|[.,]\d))|\bcentur(?:y|ies)\b|['’]\d\ds?\b", re.IGNORECASE
)
_TIME = re.compile(
    rf"{_YEAR.pattern}|\d\s?(?:BC|BCE|AD|CE|BP)\b|\b(?:{_DATE}|\w*days?|weeks?|months?|years?|decades?|hours?|minutes?"
    r"|morning|evening|afternoon|(?:mid)?night|noon|dusk|dawn|sun(?:set|rise)|today|tomorrow|yesterday|tonight|ago|spring"
    r"|summer|autumn|winter|after|before|during|while|until|since|once|when\w*|if|unless|upon|recently|later|then|soon|now"
    r"|immediately|currently|daily|weekly|monthly|yearly|always|never|times?|age[sd]?|era|period|war|early|late|beginning"
    r"|end|start|Easter|Christmas|quarter|season|moment|a\.?m|p\.?m|o'clock)\b",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"\b(?:hundreds?|thousands?|(?:m|b|tr)illions?|dozens?|half|halves|double[sd]?|twice|thirds?|quarters?|several|few"
    r"|many|none|no|not|nobody|nothing|any|all|each|every|both|couple|pair|single|majority|minority|neither|numerous"
    r"|multiple|free|enough|plenty|included?)\b|n['’]t\b|[$£€¥%]",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"\b(?:centuries|decades?|years?|months?|weeks?|days?|hours?|minutes?|ages|life\w*|forever|permanent\w*|always"
    r"|never|until|since|daily|weekly|monthly|yearly|annual\w*|regular\w*|rarely|seldom|sometimes|often|usually"
    r"|near\w*|close|next|short|walk|young|old|speed|quick\w*|slow\w*)\b",
    re.IGNORECASE,
)
"""Words that tell how long, old, far, fast or often without a number."""

_COLOUR = re.compile(
    r"\b(?:(?:red|green|blue|white|black|brown|grey|gray|yellow|orange|pink|purple|violet|scarlet|crimson|maroon"
    r"|turquoise|beige|cream|ivory|gold|golden|silver|bronze|navy|indigo|lilac|olive|teal|khaki|ochre|amber|ebony|emerald"
    r"|ruby|tan|blond|blonde|ginger|auburn|hazel|copper|mauve|cyan|magenta)(?:\w?ish)?|colou?r\w*|transparent|striped"
    r"|pale|dark|light|bright|painted|dyed|tinted|hues?|shades?)\b",
    re.IGNORECASE,
)

_SIZE = re.compile(
    r"\b(?:tiny|small\w*|little|large\w*|big\w*|huge|giant|vast|enormous|tall\w*|high\w*|low\w*|deep\w*|shallow\w*|wide\w*"
    r"|broad\w*|narrow\w*|thick\w*|thin\w*|heav\w+|light\w*|length|size|height|maximum|minimum|average|top|peak|best)\b",
    re.IGNORECASE,
)
"""Words that tell a size without a number."""

_PERSONS = re.compile(
    r"(?:accountant|agent|architect|artist|assistant|author|baker|boss|boy|brother|builder|buyer|captain|carer|caretaker"
    r"|chair(?:man|woman)?|child|citizen|clerk|client|coach|colleague|consultant|contractor|cook|customer|daughter|dealer"
    r"|designer|director|doctor|driver|editor|employee|employer|engineer|expert|farmer|father|firefighter|founder|friend"
    r"|gardener|girl|guard|guardian|guest|guide|head|husband|inspector|judge|keeper|king|landlord|lawyer|leader|librarian"
    r"|manager|mayor|mechanic|member|minister|mother|musician|neighbou?r|nurse|officer|operator|owner|parent|partner"
    r"|patient|person|pilot|player|politician|president|priest|prince|principal|producer|pupil|queen|reporter|resident"
    r"|scientist|seller|servant|sister|soldier|son|speaker|student|supervisor|supplier|teacher|tenant|trainer|treasurer"
    r"|uncle|user|visitor|volunteer|warden|winner|worker|writer)s?"
    r"|(?:police|fire|sales|chair|work|trades)?(?:man|men|woman|women|people|persons)|staff|police|council|board|committee"
    r"|team|office|department|company|companies|firm|bank|government|court|army|navy|crew|children|wife|wives|secretary"
    r"|secretaries|family|everyone|everybody|anyone|anybody|someone|somebody|nobody|university|church|supporters"
)
"""Words that name somebody by what they are."""

_BY = re.compile(r"\bby (?:(?:the|an?|his|her|its|their|our|my) )?(?!\w+ing\b)[a-z]{3,}")
_OPENING = re.compile(
    r"(?:(?:[A-Z][a-z]+ly|Later|Then|Nearby|Today|Now|In|On|At|During|By|After|Before|Since|From|Also|However|Between"
    r"|Until|With|For|When|As|While)\b[^,]{0,60},\s*)+"
)
"""What stands before the subject of a sentence."""

_PRONOUNS = frozenset({"he", "she", "they", "we", "i", "it", "who", "which", "this", "these", "that"})
_FURTHER = re.compile(
    r"\?.*\w|(?:,|\band\b) (?:\w+ )?(?:what|which|who\w*|when|where|why|how)\b", re.IGNORECASE | re.DOTALL
)
"""A further question, or what follows one, as where an answer from memory is compared with the evidence."""

_ROLES = (
    r"person|people|player|actor|actress|sculptor|artist|painter|architect|author|writer|director|company|firm"
    r"|contractor|man|woman|official|officer|scientist|composer|minister|leader|team|bank|supplier|manufacturer"
)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a question.

    Attributes:
        words: Those in lower case, and their terms.
        does: The terms of the first word of content behind the one that asks: what somebody did.
    """

    words: frozenset[str]
    does: frozenset[str]

    @classmethod
    def of(cls, question: str, behind: str) -> "_Words":
        """Read a question and the part of it behind the word that asks."""
        stop, words = function_words("en"), [word.lower() for word in words_of(question)]
        first = next((word for word in words_of(behind) if word.lower() not in stop), "")
        return cls(frozenset({*words, *held_terms(question, "en")}), frozenset(held_terms(first, "en")))


_Tells = Callable[[str, _Words], bool]


@cache
def _naming_nobody() -> frozenset[str]:
    """Return function words, months and days, which may have a capital."""
    return function_words("en") | frozenset(_DATE.lower().split("|"))


def _tells_person(text: str, asked: _Words) -> bool:
    """Return whether a sentence names somebody else than the question, says by whom, or has a subject that does it."""
    stop, words = _naming_nobody(), words_of(text)
    inner = [word for word in words[1:] if word[0].isupper() and word.lower() not in stop]
    if _BY.search(text) or any(word.lower() not in asked.words for word in inner):
        return True
    if any(_PERSONS.fullmatch(word) and word not in stop and word not in asked.words for word in words):
        return True
    subject = [word.lower() for word in words_of(_OPENING.sub("", text, count=1))]
    first = next((word for word in subject if word in _PRONOUNS or word not in stop), "")
    is_other = bool(first) and first not in _PRONOUNS and asked.words.isdisjoint({first, *held_terms(first, "en")})
    return is_other and not asked.does.isdisjoint(held_terms(text, "en"))


def _numbers(text: str, asked: _Words) -> Iterator[str]:
    """Yield the numbers of a text besides those of the question and years; "2000 guests" is a number."""
    stop = function_words("en")
    for word, following in pairwise([*words_of(text), ""]):
        number = number_in(word.split("-")[0]) or number_in(word)
        counts = following.islower() and following not in stop
        if number is not None and word.lower() not in asked.words and (counts or not _YEAR.fullmatch(word)):
            yield number


def _tells_measure(text: str, asked: _Words) -> bool:
    """Return whether a sentence tells a quantity."""
    return bool(_QUANTITY.search(text)) or any(_numbers(text, asked))


def _tells_number(text: str, asked: _Words) -> bool:
    """Return whether a sentence tells a quantity, or one of what is counted, as in "She has a dog"."""
    words = [word.lower() for word in words_of(text)]
    one = [words[at + 1 : at + 3] for at, word in enumerate(words) if word in ("a", "an")]
    is_one = any(not asked.does.isdisjoint(held_terms(word, "en")) for following in one for word in following)
    return is_one or _tells_measure(text, asked)


def _tells_year(text: str, asked: _Words) -> bool:
    return any(year.lower() not in asked.words for year in _YEAR.findall(text))


def _tells_time(text: str, asked: _Words) -> bool:
    told = any(word.lower() not in asked.words - {"when"} for word in _TIME.findall(text))
    return told or any(_numbers(text, asked))


def _tells_colour(text: str, asked: _Words) -> bool:
    return any(word.lower() not in asked.words for word in _COLOUR.findall(text))


_KINDS: tuple[tuple[str, re.Pattern[str], _Tells], ...] = tuple(
    (name, re.compile(_BEGIN + pattern, re.IGNORECASE), tells)
    for name, pattern, tells in (
        ("in which year", r"(?:what|which) years?\b", _tells_year),
        ("when", r"(?:when\b|(?:what|which) (?:day|date|month|time)\b)", _tells_time),
        ("how many", r"(?:how many\b|(?:what|which) (?:number|percentage|percent|share|proportion)\b)", _tells_number),
        ("how much", r"(?:how much\b|(?:what|which) (?:price|salary|sum|amount|fee|cost)\b)", _tells_number),
        (
            "how long",
            rf"(?:how (?:long|old|far|fast|often)|{_WHAT_IS}(?:age|distance|speed))\b",
            lambda text, asked: _tells_measure(text, asked) or bool(_MEASURE.search(text)),
        ),
        (
            "how large",
            r"(?:how (?:tall|high|deep|wide|thick|large|big|heavy)\b"
            rf"|{_WHAT_IS}(?:size|height|depth|width|length|weight|area|temperature|capacity|average|rate)\b)",
            lambda text, asked: _tells_measure(text, asked) or bool(_SIZE.search(text)),
        ),
        ("what colour", rf"{_WHAT_IS}colou?rs?\b", _tells_colour),
        ("who", rf"(?:who(?:se)?\b|(?:what|which) (?:{_ROLES})s?\b)", _tells_person),
    )
)


@dataclass(frozen=True, slots=True)
class AskedKind:
    """What a question asks for.

    Attributes:
        name: Its name, as "who" or "how old".
    """

    name: str
    _words: _Words
    _tells: _Tells

    @classmethod
    def of(cls, question: str) -> "AskedKind | None":
        """Return what an English question asks for; None if that is not known, or it asks for several things."""
        if _FURTHER.search(question):
            return None
        for name, pattern, tells in _KINDS:
            if found := pattern.search(question):
                how = _HOW.search(found[0])
                return cls(how[0].lower() if how else name, _Words.of(question, question[found.end() :]), tells)
        return None

    def is_told(self, text: str) -> bool:
        """Return whether a text tells something of the kind that the question does not hold."""
        return self._tells(text, self._words)
