"""A question of a conversation with its answer, and what it is about: people, things, places, numbered parts."""

import re
from dataclasses import dataclass

from memorag_graph.follow_ups.slots import Slot, slots, things
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.numbers import number_in

YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")

_TITLED = re.compile(
    r"\b(?:Dr|Mr|Mrs|Ms|Prof|Professor|Captain|Sir|Lady|Lord|Doctor|President|Judge|Colonel|General|King|Queen)\.?"
    r"(?:\s+[A-Z][\w-]+)+"
)
_WHO = re.compile(r"\W*(?:who|whose|whom|which|what company)\b", re.IGNORECASE)
_BEFORE_A_PLACE = re.compile(r"\b(in|at|near|from|to|on)\s+(?:the\s+)?$", re.IGNORECASE)
_BEFORE_A_PART = re.compile(r"\b(?:in|at|near|of|from|to)\s+(?:the\s+)?$", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:how\s+many|the|an?)\s+", re.IGNORECASE)
_COUNTED = re.compile(r"how\s+many\b", re.IGNORECASE)
_TAIL = re.compile(r"\s+(?:of|for)\s+(?:the\s+)?(?:[A-Z][\w-]+(?:\s+[A-Z][\w-]+)*|[a-z][\w-]+)")
_BEGINS_A_SENTENCE = re.compile(r"(?:^|[.!?:;\]]\s*|\n\s*)[\"'“‘(]*$")
_SINGULAR = re.compile(r"['’]s\b|\s+(?:is|was|has)\b")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question of the conversation, standing alone, and its answer."""

    question: str
    answer: str

    @property
    def year(self) -> str | None:
        """The last year that the question names, or else the answer."""
        known = YEAR.findall(self.question) or YEAR.findall(self.answer)
        return str(known[-1]) if known else None

    def person(self) -> str | None:
        """Return the person that it is about: named by the question, or the one whom the question asks for."""
        titled = _TITLED.search(self.question) or _TITLED.search(self.answer)
        if titled:
            return titled[0]
        told = _of_people(self.answer)
        named = [*(it for it in self._found() if it in told), *_names(self.question), *told]
        return named[0].text if named else None

    def several(self) -> str | None:
        """Return those that it is about: a firm that the answer names, or things in the plural."""
        found = self._found()
        if len(found) == 1:
            return found[0].text
        plural = [it for it in things(self.question) if _is_plural(it.text)]
        return _with_tail(plural[0], self.question) if plural else None

    def thing(self, *, owner: bool = False) -> str | None:
        """Return the thing that it is about.

        Args:
            owner: Whether what the thing belongs to is meant, as by "its weight" after "the speed of the X200".
        """
        counted, about = _divided(things(self.question))
        about = [it for it in about if not _is_plural(it.text)] or about
        names = [it for it in _names(self.question) if not _BEFORE_A_PART.search(self.question[: it.start])]
        if names and (not about or names[0].start < about[0].start):
            return names[0].text
        if not about:
            return self._beside_a_count() if counted else next((it.text for it in [*names, *_names(self.answer)]), None)
        tail = _tail(self.question, about[0].end)
        if owner and tail:
            return tail.split(maxsplit=1)[1]
        return _with_tail(about[0], self.question)

    def place(self) -> str | None:
        """Return the place that it names, with its preposition, such as "in Leeds"."""
        for text in (self.question, self.answer):
            for slot in _names(text):
                if placed := _BEFORE_A_PLACE.search(text[: slot.start]):
                    word = placed[1].lower()
                    return f"{'in' if word in ('from', 'to') else word} {slot.text}"
        return None

    def named_as(self, noun: str) -> str | None:
        """Return what it names with a noun, such as "clause 7" for "that clause"."""
        if noun.lower() == "year":
            return self.year
        for text in (self.question, self.answer):
            for slot in slots(text):
                if slot.kind == "part" and slot.text.lower().startswith(noun.lower().rstrip("s")):
                    return slot.text
            for thing in things(text):
                if thing.text.lower().endswith(f" {noun.lower()}") and len(thing.text.split()) > 2:
                    return thing.text
        return None

    def _beside_a_count(self) -> str | None:
        """Return the one thing besides what is counted: that the question names, or else the answer, if it is one."""
        if named := _names(self.question):
            return named[0].text
        told = [it for it in things(self.answer) if not _is_plural(it.text)]
        found = [*(it.text for it in _names(self.answer)), *(_with_tail(it, self.answer) for it in told)]
        return found[0] if len(found) == 1 else None

    def _found(self) -> list[Slot]:
        """Return what the answer names where the question asks who."""
        if not _WHO.match(self.question):
            return []
        asked = {it.text for it in _names(self.question)}
        return [it for it in _names(self.answer) if it.text not in asked]


def _names(text: str) -> list[Slot]:
    return [it for it in slots(text) if it.kind == "name" and not _only_begins_a_sentence(it.text)]


def _only_begins_a_sentence(name: str) -> bool:
    """Return whether a name has none but numbers and function words, such as "Twelve" or "Because"."""
    return all(number_in(it) or it.lower() in function_words("en") for it in name.split())


def _divided(found: list[Slot]) -> tuple[list[Slot], list[Slot]]:
    """Return the things whose number is asked for, and the others."""
    counted = [it for it in found if _COUNTED.match(it.text)]
    return counted, [it for it in found if it not in counted]


def _of_people(text: str) -> list[Slot]:
    """Return the names that may be people's, the surest first: a word that only begins a sentence may be any noun."""
    doubtful = [it for it in _names(text) if " " not in it.text and _BEGINS_A_SENTENCE.search(text[: it.start])]
    sure = [it for it in _names(text) if it not in doubtful]
    return [*sure, *(it for it in doubtful if not it.text.endswith("s") or _SINGULAR.match(text[it.end :]))]


def _with_tail(thing: Slot, question: str) -> str:
    """Return a thing with what it is a part of, such as "the roof of the mill"."""
    return f"{_ARTICLE.sub('the ', thing.text)}{_tail(question, thing.end)}"


def _tail(question: str, end: int) -> str:
    """Return the words behind a thing that say what it is a part of; nothing if there are none."""
    tail = _TAIL.match(question[end:])
    if not tail:
        return ""
    whole = [it for it in things(question) if end < it.start < end + len(tail[0])]
    return question[end : whole[0].end] if whole else tail[0]


def _is_plural(thing: str) -> bool:
    return bool(_COUNTED.match(thing)) or (thing.endswith("s") and not thing.endswith("ss"))
