"""Find the sentence that names what another one speaks of, and the one that goes on where another says nothing new."""

import re
from collections.abc import Sequence
from itertools import islice

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.names_in_text import lowered, names_in
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.surroundings import SINGULAR_VERBS, Surroundings
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.back_references import begins_back, refers_back

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_OPENING = frozenset(range(1, 4))
"""Places of the first words of a sentence but the very first, whose capital may be that of the sentence."""

_ASKS_WHO = re.compile(r"\b(?:who|whom|whose|wer|wen|wem|wessen|qui|quién|quiénes|chi|quem|кто)\b|谁", re.IGNORECASE)
_ASKS_NAME = re.compile(
    r"\bname of\b|\bcalled\W*$|\bnamed\W*$|\bwie hei(?:ß|ss)|\bname (?:der|des|von)\b|s['’]appel|\bnom de\b|se llama"
    r"|\bnombre de\b|si chiama|\bnome d",
    re.IGNORECASE,
)
_GIVES_NAME = re.compile(
    r"\bname (?:is|was|ist|war)\b|\b(?:is|was) (?:called|named)\b|\bhei(?:ß|ss)|\bhieß|s['’]appel|\bnom est\b|se llama"
    r"|\bnombre es\b|si chiama|\bnome è\b",
    re.IGNORECASE,
)
_ASKS_FIGURE = re.compile(
    r"\b(?:when|how (?:many|much|long|old|far|high|tall|big)|what year|wann|wie (?:viele?|lange?|alt|hoch)|quand"
    r"|combien|cuándo|cuánt[oa]s?|quando|quant[oaie]s?|wanneer|hoeveel|когда|сколько)\b|什么时候|多少",
    re.IGNORECASE,
)


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


def goes_on(at: int, question: str, units: Sequence[Unit], belonging: Sequence[Surroundings], code: str) -> bool:
    """Return whether the next sentence tells what a sentence about the question only mentions.

    It begins with a word that refers back, in the same paragraph, and the sentence has no word but the question's, or
    lacks the name or the figure that the question asks for, which the next one has ("Her name is").
    """
    if at + 1 >= len(units) or belonging[at + 1].paragraph != belonging[at].paragraph:
        return False
    text, following = units[at].citation.quote, units[at + 1].citation.quote
    if not units[at + 1].is_quotable or not begins_back(following, code):
        return False
    asked = set(asked_terms(question, code))
    if asked >= set(asked_terms(text, code)):
        return True
    if _ASKS_NAME.search(question):
        return bool(_GIVES_NAME.search(following)) and not _GIVES_NAME.search(text)
    if _ASKS_WHO.search(question):
        known = {word.lower() for word in _WORD.findall(question)}
        return not _names(text, code) - known and bool(_names(following, code) - known)
    if _ASKS_FIGURE.search(question):
        return not _figures(text) - asked and bool(_figures(following) - asked)
    return False


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
