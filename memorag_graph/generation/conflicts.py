"""Find sentences of the evidence that say nearly the same, but not the same: another figure, or a negation."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from types import MappingProxyType

from memorag_graph.generation.answer import Citation, Conflict
from memorag_graph.text.repeats import wording

_LEAST_SHARED = 4
"""Words that both sentences must have; shorter ones are alike by chance."""

_LEAST_SAME = 0.75
_LONGEST_DIFFERENCE = 4
_SUBJECT = 2
"""Words at the start that have to be the same: sentences about different things may be alike."""

_NEGATIONS = {
    *("not", "no", "never", "none", "cannot", "without"),
    *("nicht", "kein", "keine", "keinen", "keinem", "keiner", "nie", "niemals", "ohne"),
    *("ne", "pas", "aucun", "aucune", "jamais", "sans", "nunca", "ningún", "ninguna", "sin"),
    *("non", "mai", "senza", "não", "sem", "niet", "geen", "nooit", "не", "нет", "никогда", "без"),
}
"""In English, German, French, Spanish, Italian, Portuguese, Dutch and Russian."""


def conflicts(
    stated: Iterable[Citation],
    found: Sequence[Citation],
    question: str,
    headings: Mapping[Citation, str] = MappingProxyType({}),
) -> list[Conflict]:
    """Return the contradictions between sentences of an answer and others of the evidence.

    Two sentences contradict each other if they differ in one place only, by figures or a negation; not at the start,
    and not by a word of the question, which then tells which one is meant. Under different headings of one document,
    they are about different things.

    Args:
        stated: The sentences that the answer quotes.
        found: All sentences of the evidence, in order.
        question: The question.
        headings: The heading above each sentence that has one.
    """
    asked = set(_words(question.casefold()))
    words = {sentence: _words(sentence.quote) for sentence in found}
    seen: set[frozenset[Citation]] = set()
    contradictions = []
    for sentence in stated:
        own = words.get(sentence) or _words(sentence.quote)
        for other in found:
            pair = frozenset((sentence, other))
            if _is_apart(sentence, other, headings):
                continue
            if pair not in seen and (difference := _difference(own, words[other])) is not None:
                seen.add(pair)
                if not asked & {word.casefold() for word in difference[0] + difference[1]}:
                    contradictions.append(Conflict(sentence, other))
    return contradictions


def _is_apart(first: Citation, second: Citation, headings: Mapping[Citation, str]) -> bool:
    return first.source == second.source and headings.get(first, "") != headings.get(second, "")


def _words(text: str) -> list[str]:
    return [word for word in wording(text).split() if word != "|"]


def _difference(first: Sequence[str], second: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """Return the words in which two sentences differ, if that is one place of a few words; None if they do not."""
    if abs(len(first) - len(second)) > _LONGEST_DIFFERENCE:
        return None
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if matcher.quick_ratio() < _LEAST_SAME:
        return None
    places = [it for it in matcher.get_opcodes() if it[0] != "equal"]
    if len(places) != 1:
        return None
    _, start, end, other_start, other_end = places[0]
    mine, others = list(first[start:end]), list(second[other_start:other_end])
    if start < _SUBJECT or len(first) - len(mine) < _LEAST_SHARED or not _matters(mine, others):
        return None
    return mine, others


def _matters(mine: Sequence[str], others: Sequence[str]) -> bool:
    """Return whether one place with these words makes two sentences contradict each other."""
    if max(len(mine), len(others)) > _LONGEST_DIFFERENCE:
        return False
    has_figures = [any(character.isdecimal() for word in words for character in word) for words in (mine, others)]
    negated = [bool(_NEGATIONS & {word.casefold() for word in words}) for words in (mine, others)]
    return all(has_figures) or negated[0] != negated[1]
