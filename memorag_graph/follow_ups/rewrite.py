"""Rewrite a question that depends on the conversation so that it stands alone, by what the last turn names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from memorag_graph.follow_ups.exchange import YEAR, Exchange
from memorag_graph.follow_ups.slots import Slot, slots, things
from memorag_graph.follow_ups.stands_alone import (
    ASKING_ONLY,
    COUNTING_ONLY,
    ENDS,
    PREPOSITION,
    RELATIVE_TIME,
    has_verb,
    opener,
    stands_alone,
)
from memorag_graph.generation.surroundings import NOUNS_ARE_CAPITALS

_OTHER_YEARS = (
    (
        re.compile(
            r"\b(?:in\s+)?(?:the\s+)?(?:year\s+(?:after(?:\s+that)?|later)|(?:next|following|subsequent)\s+(?:year|one))\b"
            r"|\b(?:a|one)\s+year\s+later\b",
            re.IGNORECASE,
        ),
        1,
    ),
    (
        re.compile(
            r"\b(?:in\s+)?(?:the\s+)?(?:year\s+(?:before(?:\s+that)?|earlier|prior)"
            r"|(?:previous|preceding|prior|last)\s+(?:year|one))\b|\b(?:a|one)\s+year\s+earlier\b",
            re.IGNORECASE,
        ),
        -1,
    ),
    (re.compile(r"\b(?:in\s+)?(?:that|the\s+same|this)\s+year\b", re.IGNORECASE), 0),
)
"""Words for another year, and how many years they are from the one that was spoken of."""

_BEFORE_A_YEAR = re.compile(
    r"(?:^\W*|\b(?:in|of|for|from|to|by|since|until|before|after|during|with|than|as|about|and|or|is|are|was|were|do|does|did|has|"
    r"have|had|will)\s+)$",
    re.IGNORECASE,
)
"""What a year follows without "in"."""

_PERSON = re.compile(r"\b(?P<own>his|her(?=\s+\w))\b|\b(?:he|him|she|her)\b", re.IGNORECASE)
_SEVERAL = re.compile(r"\b(?P<own>their)\b|\b(?:they|them)\b", re.IGNORECASE)
_THING = re.compile(r"\b(?P<own>its)\b|\bit\b|\b(?:this|that|these|those)\b(?=\s*(?:[?.!]|$))", re.IGNORECASE)
_THERE = re.compile(r"\bthere\b", re.IGNORECASE)
_POINTED = re.compile(r"\b(?:this|that|these|those)\s+(?P<noun>[\w-]+)", re.IGNORECASE)
_OF_EVENT = re.compile(r"\W*(?:when|where|why)\s+(?:is|was|did)\s+(?:that|this)\b(?:\s+happen)?\W*$", re.IGNORECASE)
_BARE = re.compile(r"^\W*(?P<word>why|when|where|how)(?:\s+(?:not|so|exactly))?\W*$", re.IGNORECASE)
_YES_NO = re.compile(
    r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|shall|should|may|must)\b", re.IGNORECASE
)
_HOW_IT_WAS = re.compile(r"^(?:why|when|where|how)\s+(?P<said>(?P<verb>\w+)\b.*)", re.IGNORECASE)
_BE = re.compile(r"(?:is|are|was|were)$", re.IGNORECASE)
_DONE = re.compile(
    r"\b(?:\w*[^\We](?:ed|ing)|built|sold|born|made|held|paid|written|kept|found|lost|won|spent|taken|given)\b"
)
_WHEN = re.compile(r"^(?:when|in\s+(?:which|what)\s+year)\b", re.IGNORECASE)
_WHICH_OF_SEVERAL = re.compile(
    r"^(?:which\s+(?=(?:[\w-]+\s+){0,2}?[\w-]+s\b)|what\s+(?=(?:[\w-]+\s+)?[\w-]+s\s+(?:are|were|do|did|have|had)\b))",
    re.IGNORECASE,
)
_WHO_OF_SEVERAL = re.compile(r"^who\s+(?!(?:is|was)\s+(?:the|an?)\b)", re.IGNORECASE)
_OWN = re.compile(r"(?:his|her|its|their)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:the|an?)\s+", re.IGNORECASE)
_BEHIND_THE = re.compile(r"\bthe\s+$", re.IGNORECASE)
_CHINESE_TAIL = re.compile(r"呢\s*[?？]?$")
_IN_BRACKETS = re.compile(r"(?P<said>.+?) \((?P<before>.+)\)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question that goes on from the last exchange.

    Attributes:
        rest: The question without words such as "And".
        last: The last exchange.
        begun: Whether it had such words.
        language_code: Language of the document.
    """

    rest: str
    last: Exchange
    begun: bool
    language_code: str


def rewritten(question: str, before: Sequence[Exchange], language_code: str) -> str:
    """Return a question that stands alone; the same if it does so already.

    Where nothing better is known, the last question follows in brackets.

    Args:
        question: The question.
        before: The exchanges before it, in order, at least one.
        language_code: Language of the document.
    """
    if stands_alone(question, language_code):
        return question
    begun = opener(question, language_code)
    rest = question[len(begun) :].strip()
    if rest.strip(ENDS):
        follow_up = FollowUp(rest, before[-1], bool(begun), language_code)
        for attempt in (_in_another_year, _counting, _with_another_like, _with_names, _asking_more):
            if (found := attempt(follow_up)) is not None:
                return found
    said = rest if rest.strip(ENDS) else question  # "And?" says no more than that
    return f"{_sentence(said).rstrip(ENDS)} ({_of_last(before[-1].question.strip(), language_code)})"


def _of_last(question: str, language_code: str) -> str:
    """Return the last question; if another follows it in brackets, the one of them that says what it is about."""
    nested = _IN_BRACKETS.match(question)
    if not nested:
        return question
    said = f"{nested['said']}?"
    return said if stands_alone(said, language_code) else nested["before"]


def _in_another_year(asked: FollowUp) -> str | None:
    """Resolve "the year after", counted from the year of the last question or answer."""
    rest, last = asked.rest, asked.last
    for pattern, step in _OTHER_YEARS:
        found = pattern.search(rest)
        if not found or last.year is None:
            continue
        year = str(int(last.year) + step)
        if rest.replace(found[0], "", 1).strip(f"{ENDS},").lower() in ("", "in", "for", "of"):
            return _dated(last, year)
        is_time = found[0].lower().startswith(("in ", "a ", "one ")) or not _BEFORE_A_YEAR.search(rest[: found.start()])
        named = f"in {year}" if is_time or not step else year
        dated = f"{rest[: found.start()]}{named}{rest[found.end() :]}"
        return _with_names(replace(asked, rest=dated)) or _sentence(dated)
    return None


def _with_another_like(asked: FollowUp) -> str | None:
    """Put what a fragment such as "And in Leeds?" names in the place of its like in the last question."""
    rest, question = _CHINESE_TAIL.sub("", ASKING_ONLY.sub("", asked.rest)), asked.last.question
    placed, is_year = PREPOSITION.match(rest), YEAR.fullmatch(rest.strip(ENDS))
    if has_verb(rest) or RELATIVE_TIME.search(rest) or COUNTING_ONLY.match(asked.rest):
        return None
    if not (asked.begun or placed or is_year or rest != asked.rest):
        return None
    named = [it for it in slots(rest) if it.kind != "name" or asked.language_code not in NOUNS_ARE_CAPITALS]
    for slot in named:
        question = _with_slot(question, slot, rest)
    if question != asked.last.question:
        return _sentence(question)
    thing = rest[placed.end() if placed else 0 :].strip(ENDS)
    word = placed[0].strip().lower() if placed else ""
    if YEAR.fullmatch(thing) and word in ("", "in"):
        return _dated(asked.last, thing)
    if placed:
        likes = [it for it in things(question) if question[: it.start].lower().split()[-1:] == [word]]
        return _exchanged(question, likes[0], thing) if likes else _appended(question, rest.strip(ENDS))
    return None if named else _with_another_thing(question, thing)


def _with_slot(question: str, slot: Slot, rest: str) -> str:
    """Return a question with a slot of a fragment in the place of the like that follows the same word, or the last."""
    likes = [it for it in slots(question) if it.kind == slot.kind or {it.kind, slot.kind} == {"part", "number"}]
    if not likes:
        return question
    before = rest[: slot.start].lower().split()[-1:]
    same = [it for it in likes if before and question[: it.start].lower().split()[-1:] == before]
    like = (same or likes)[-1]
    text = f"{like.text.split()[0]} {slot.text}" if (like.kind, slot.kind) == ("part", "number") else slot.text
    if _BEHIND_THE.search(rest[: slot.start]) and not _BEHIND_THE.search(question[: like.start]):
        text = f"the {text}"
    return _exchanged(question, like, text)


def _with_another_thing(question: str, thing: str) -> str | None:
    """Put a thing in the place of what a question asks about: of its object if it is answered by yes or no."""
    if _OWN.match(thing):
        return None
    is_yes_no = bool(_YES_NO.match(question))
    if is_yes_no and not _ARTICLE.match(thing):
        return _sentence(f"{question.rstrip(ENDS).rpartition(' ')[0]} {thing}?")
    likes = things(question)
    return _exchanged(question, likes[-1 if is_yes_no else 0], thing) if likes else None


def _with_names(asked: FollowUp) -> str | None:
    """Replace what refers back ("it", "his", "there", "that clause") by what the last turn names."""
    text, last = asked.rest, asked.last
    if COUNTING_ONLY.match(text):
        return None  # no place is meant by "were there"
    if (pointed := _POINTED.search(text)) and (named := last.named_as(pointed["noun"])):
        return _sentence(f"{text[: pointed.start()]}{named}{text[pointed.end() :]}")
    if _OF_EVENT.match(text):
        return None
    meanings: Sequence[tuple[re.Pattern[str], Callable[[bool], str | None]]] = (
        (_PERSON, lambda _: last.person()),
        (_SEVERAL, lambda _: last.several()),
        (_THING, lambda is_own: last.thing(owner=is_own)),
        (_THERE, lambda _: last.place()),
    )
    for pattern, meaning in meanings:
        found = pattern.search(text)
        is_own = bool(found and found.groupdict().get("own"))
        if found and (subject := meaning(is_own)):
            ending = ("'" if subject.endswith("s") else "'s") if is_own else ""
            text = f"{text[: found.start()]}{subject}{ending}{text[found.end() :]}"
    if text == asked.rest:
        return None
    return _sentence(text if has_verb(text) else f"What is {text}")


def _asking_more(asked: FollowUp) -> str | None:
    """Complete "Why?" by what the last question says, as "was the harbour closed" in "When was the harbour closed?"."""
    bare, said = _BARE.match(asked.rest), asked.last.question.strip(ENDS)
    if not bare:
        return None
    word = bare["word"].capitalize()
    if not _YES_NO.match(said):
        how = _HOW_IT_WAS.match(said)
        if not how or not _YES_NO.match(how["verb"]):
            return None
        said = how["said"]
        if word in ("Why", "How") and _BE.match(how["verb"]) and not _DONE.search(said):
            return None  # it says nothing that has a reason, as "is the museum" in "Where is the museum?"
    said = f"{said[0].lower()}{said[1:]}"
    return _sentence(f"{word} {_denied(said) if re.search('not', asked.rest, re.IGNORECASE) else said}?")


def _denied(said: str) -> str:
    """Put "not" behind the thing that something is said of, if it is known."""
    (verb, *_), subjects = said.split(), [*things(said), *slots(said)]
    end = next((it.end for it in subjects if it.start == len(verb) + 1), None)
    return said if end is None or " not " in said else f"{said[:end]} not{said[end:]}"


def _counting(asked: FollowUp) -> str | None:
    """Complete "How many were there?" by the things that the last question asks for."""
    count, question = COUNTING_ONLY.match(asked.rest), asked.last.question
    if not count:
        return None
    if question.lower().startswith("how many "):
        return question
    for pattern, words in ((_WHICH_OF_SEVERAL, "How many "), (_WHO_OF_SEVERAL, "How many people ")):
        if pattern.match(question):
            return _sentence(pattern.sub(words, question))
    several = asked.last.several() or ""
    verb = count["verb"] or "are"
    return f"How many {_ARTICLE.sub('', several)} {verb} there?" if _ARTICLE.match(several) else None


def _dated(last: Exchange, year: str) -> str:
    """Return the last question, asked of another year; what happened then, if it asks for a time."""
    if YEAR.search(last.question):
        return YEAR.sub(year, last.question)
    thing = last.thing() if _WHEN.match(last.question) else None
    return f"What happened to {thing} in {year}?" if thing else _appended(last.question, f"in {year}")


def _exchanged(question: str, slot: Slot, text: str) -> str:
    return _sentence(f"{question[: slot.start]}{text}{question[slot.end :]}")


def _appended(question: str, words: str) -> str:
    end = "." if question.strip().endswith(".") else "?"
    return _sentence(f"{question.strip().rstrip(ENDS)} {words}{end}")


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return f"{text[:1].upper()}{text[1:]}" if text.endswith(("?", "!", ".", "？")) else f"{text[:1].upper()}{text[1:]}?"
