"""Find the sentence that names what another one speaks of, and the one that goes on where another says nothing new."""

import re
from collections.abc import Sequence
from itertools import islice, takewhile

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.names_in_text import lowered, names_in
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.surroundings import SINGULAR_VERBS, Surroundings
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.asking_words import ASKS_FIGURE, ASKS_WHO, ASKS_WHY, GIVES_CAUSE
from memorag_graph.text.back_references import begins_back, refers_back
from memorag_graph.text.numbers import number_in
from memorag_graph.text.opposites import DAYS, MONTHS

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_OPENING = frozenset(range(1, 4))
"""Places of the first words of a sentence but the very first, whose capital may be that of the sentence."""

_ASKS_NAME = re.compile(
    r"\b(?:names?|named|called|namen?|heißt|heißen|hieß|nom|appell\w+|nomme|nombre|llam\w+|nome|chiam\w+|chama\w*|naam"
    r"|heet|heette|namn|navn|heter|hette|hedder|hed|nazywa\w*|imię|зовут|звали|имя|называ\w+|adı|ismi|tên)\b"
    r"|नाम|اسم|叫|名字",
    re.IGNORECASE,
)
_ASKS_NAMES = re.compile(r"\b(?:names|namen|noms|nombres|nomi|nomes)\b", re.IGNORECASE)
_NAMES_IT = re.compile(
    r"\b(?:names? (?:is|was|are|were)|(?:is|was|are|were) (?:called|named)|heißt|hieß|name (?:ist|war|lautet)"
    r"|s['’]appel\w+|se nomm\w+|nom (?:est|était)|se llama\w*|nombre (?:es|era)|si chiama\w*|nome (?:è|é|era)"
    r"|chama(?:va)?-se|se chama(?:va)?|heet|heette|naam (?:is|was)|heter|hette|hedder|namn (?:är|var)|navn (?:er|var)"
    r"|nazywa\w* się|imię|зовут|звали|имя|называ\w+ся|adı|ismi|tên là)\b|नाम|اسمه|اسمها|يدعى|تدعى|名叫|叫|名字",
    re.IGNORECASE,
)
"""Tells a name: "His name is Max Roy"."""

_NAMED_IT = re.compile(r"\bbeen (?:called|named)\b(?! (?:to|for|in|into|on|upon|up|off|out|back|away)\b)")
"""Tells a former name: "She had been called Skarvik"; not "She had been called to Vik"."""

_DENIES = re.compile(
    r"(?:\b(?:not|n['’]t|never|nicht|nie|ne|pas|no|non|niet|inte|ikke|nie|не)\b|不)[^.。]{0,40}"
    rf"(?:{GIVES_CAUSE.pattern})",
    re.IGNORECASE,
)
"""Tells why something is not so: "They did not go because of the price"."""

_STEM = 5
"""First letters in which forms of a word agree."""

_DATES = frozenset(f"{MONTHS} {DAYS}".split())
"""Words with a capital that name nobody."""

_MOST_BETWEEN = 3
"""Sentences that may stand before the one that tells a name."""


_DEFINITE = re.compile(r"(?:(?:The|Der|Die|Das|Les?|La|El|Los|Las|Il|Lo|Gli|De|Het)\s|L['’])(?=[^\W\d_])")
"""A definite article at the start of a sentence."""


def subject_of(
    at: int, asked: Sequence[str], units: Sequence[Unit], belonging: Sequence[Surroundings], language_code: str
) -> int | None:
    """Return the position of the sentence that names what a sentence refers back to; None if it names it itself.

    Of those before it in its paragraph that do not refer back themselves, it is the one with most words of the question
    that the sentence lacks; then the one that names the paragraph's subject; then one that begins with a name; then the
    nearest. In a conversation, people refer to what nobody has named.

    Args:
        at: Position of the sentence.
        asked: The terms of the question.
        units: The sentences and records of the evidence.
        belonging: What each belongs to.
        language_code: Language of the document.
    """
    about, text = belonging[at], units[at].citation.quote
    if units[at].is_record or about.speaker or about.own_speaker or not refers_back(text, language_code):
        return None
    before = [it for it in about.subject if not refers_back(units[it].citation.quote, language_code)]
    lacking = set(asked) - set(held_terms(text, language_code))
    lower = lowered(unit.citation.quote for unit in units)

    def fits(position: int) -> tuple[int, bool, bool, int]:
        quote = units[position].citation.quote
        held = len(lacking.intersection(held_terms(quote, language_code)))
        names = about.is_named and position == about.subject[0]
        return held, names, _begins_with_name(quote, lower, language_code), position

    best = max(before, key=fits, default=None)
    if best is None or not (begins_back(text, language_code) or any(fits(best)[:3])):
        return None
    return best


def told_after(
    at: int, question: str, units: Sequence[Unit], belonging: Sequence[Surroundings], code: str
) -> int | None:
    """Return the position of the sentence that tells what a sentence about the question only mentions; None without.

    It is the next one, or the one among the next that tells the name that is asked for, as "Her name is Odile Caron",
    or the cause, as "They went because it was cheaper".
    """
    following = range(at + 1, min(at + 1 + _MOST_BETWEEN, len(units)))
    within = takewhile(lambda it: belonging[it].paragraph == belonging[at].paragraph, following)
    going_on = [position for position in within if _goes_on(at, position, question, units, code)]
    if going_on:
        return next((it for it in going_on if _adds(at, it, question, units, code)), going_on[0])
    if ASKS_WHY.search(question) and not GIVES_CAUSE.search(units[at].citation.quote):
        return _cause_after(at, units, belonging, code)
    asks_name = _ASKS_NAME.search(question)
    if not (asks_name or ASKS_WHO.search(question)) or _NAMES_IT.search(units[at].citation.quote):
        return None
    for position in range(at + 1, min(at + 1 + _MOST_BETWEEN, len(units))):
        text = units[position].citation.quote
        names_it = _NAMES_IT.search(text) or (asks_name and _NAMED_IT.search(text))
        refers = begins_back(text, code) or (names_it is not None and not names_it.start())
        if belonging[position].paragraph != belonging[at].paragraph or not refers:
            return None
        if names_it and units[position].is_quotable:
            return position
    return None


def before_name(
    positions: Sequence[int], question: str, units: Sequence[Unit], belonging: Sequence[Surroundings], code: str
) -> list[int]:
    """Return the position of the sentence after which the name is told that a question asks for; else all positions."""
    if _ASKS_NAME.search(question) and not _ASKS_NAMES.search(question):
        for at in positions:
            told = told_after(at, question, units, belonging, code)
            text = units[told].citation.quote if told is not None else ""
            if _NAMES_IT.search(text) or _NAMED_IT.search(text):
                return [at]
    return list(positions)


def _cause_after(at: int, units: Sequence[Unit], belonging: Sequence[Surroundings], code: str) -> int | None:
    """Return the position of the next sentence of the paragraph that refers back and tells why; None without."""
    for position in range(at + 1, min(at + 1 + _MOST_BETWEEN, len(units))):
        text = units[position].citation.quote
        if belonging[position].paragraph != belonging[at].paragraph:
            return None
        tells = GIVES_CAUSE.search(text) and not _DENIES.search(text)
        if tells and begins_back(text, code) and units[position].is_quotable:
            return position
    return None


def _goes_on(at: int, position: int, question: str, units: Sequence[Unit], code: str) -> bool:
    """Return whether a later sentence of the paragraph tells what a sentence about the question only mentions.

    The next one does if it refers back and the sentence has no word but the question's. Others do if the sentence lacks
    the name or the figure that the question asks for, and they have it and refer back ("Her name is") or hold a form of
    a word of the question: "The inspector was Harold Quint" for "Who inspected the boiler?".
    """
    text, following = units[at].citation.quote, units[position].citation.quote
    refers = begins_back(following, code) or (position == at + 1 and _is_of_the_same(following, code))
    asked, adds = set(asked_terms(question, code)), _adds(at, position, question, units, code)
    if not units[position].is_quotable or not (refers or adds or _shares_a_form(question, following, code)):
        return False
    if refers and position == at + 1 and asked >= set(asked_terms(text, code)):
        return True
    if ASKS_WHO.search(question):
        known = {word.lower() for word in _WORD.findall(question)} | _DATES
        return not _names(text, code) - known and bool(_names(following, code) - known)
    if ASKS_FIGURE.search(question):
        has_figure = _figures(following) - asked or any(map(number_in, _WORD.findall(following)))
        return not _figures(text) - asked and bool(has_figure)
    return False


def _adds(at: int, position: int, question: str, units: Sequence[Unit], code: str) -> bool:
    """Return whether a later sentence holds words of the question that the first one lacks."""
    first, later = (set(held_terms(units[it].citation.quote, code)) for it in (at, position))
    return not set(asked_terms(question, code)).isdisjoint(later - first)


def _is_of_the_same(text: str, code: str) -> bool:
    """Return whether a sentence begins with "The" and names nothing, so that it goes on about what was named before."""
    return bool(_DEFINITE.match(text)) and not _names(text, code)


def _shares_a_form(question: str, text: str, code: str) -> bool:
    """Return whether a text holds a form of a content word of a question, as "inspector" of "inspected"."""
    stop = function_words(code)
    stems = {
        word.lower()[:_STEM] for word in _WORD.findall(question) if len(word) >= _STEM and word.lower() not in stop
    }
    return any(stem in word.lower() for word in _WORD.findall(text) for stem in stems)


def _begins_with_name(text: str, lower: frozenset[str], language_code: str) -> bool:
    """Return whether one of the first words is a name; the first itself only before a verb."""
    words = [word.lower() for word in islice(_WORD.findall(text), 2)]
    stop = function_words(language_code) - SINGULAR_VERBS
    places = {name.at for name in names_in(text, lower, language_code) if name.form == "word"}
    return bool(places & _OPENING) or (0 in places and len(words) > 1 and words[1] not in stop)


def _names(text: str, language_code: str) -> set[str]:
    """Return the names of a sentence, in lower case."""
    return {it.word.lower() for it in names_in(text, frozenset(), language_code) if it.form == "word" and it.at}


def _figures(text: str) -> set[str]:
    return {word for word in _WORD.findall(text) if any(map(str.isdecimal, word))}
