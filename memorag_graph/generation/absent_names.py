"""Find the names of a question that stand nowhere in the evidence, though names of their kind do.

That a name is missing says little by itself: speakers seldom name themselves, and names are spelled, translated and
shortened in many ways. But where the evidence speaks of "Cabinet A" and "Cabinet B", or says the same of several other
people, it would name the one that is asked for.
"""

from collections.abc import Container, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from memorag_graph.generation.inflected_names import inflected_names
from memorag_graph.generation.names_in_text import Name, names_in, others, words_of
from memorag_graph.generation.surroundings import NOUNS_ARE_CAPITALS
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.numbers import YEAR

_LEAST_ALIKE = 0.75
"""Similarity from which two words may be spellings of one name."""

_SAME_LETTERS = 0.9
"""Share of the same letters, in any order, from which words with the same first letter may be."""

_STEM = 5
"""First letters that forms of one name have in common."""

_SHORTEST = 4
"""Letters of a word that may stand for a form of it."""

_LONGEST_ACRONYM = 6
_FEWEST_OTHERS = 2
"""Different names in the place of the missing one that make a kind."""

_SERIAL_FIGURES = 3

_SUBJECT_FIRST = ("tr", "az")
"""Languages whose questions begin with what is asked about, not with a word such as "who"."""

_MOST_CAPITALS = 0.6
"""Share of a question's words with capitals from which these tell nothing."""


def missing_names(question: str, texts: Sequence[str], lower: frozenset[str], language_code: str) -> list[Name]:
    """Return the names of a question of which no text holds a word, in any spelling or as an acronym.

    Args:
        question: The question.
        texts: All sentences, headings and names of files.
        lower: Words that are no names (:func:`memorag_graph.generation.names_in_text.lowered`).
        language_code: Language of the texts.
    """
    words = words_of(question)
    if sum(word[0].isupper() for word in words[1:]) > _MOST_CAPITALS * len(words):
        return []
    inflected = inflected_names(question, texts, language_code)
    may_begin = language_code in _SUBJECT_FIRST
    wanted = [it for it in names_in(question, lower, language_code) if it.at or it.form != "word" or may_begin]
    held = {word for text in texts for word in words_of(text)}
    wanted = [it for it in wanted if it.word not in inflected and not _is_owned(it, held, language_code)]
    known = {word.casefold() for word in held} | {term for text in texts for term in terms(text, language_code)}
    initials = {it for text in texts for it in _initials(text)} if wanted else set()
    return [it for it in wanted if not _is_held(it, known, initials, language_code)]


def _is_owned(name: Name, held: Container[str], language_code: str) -> bool:
    """Return whether a word is a noun with a capital behind the genitive of a name: "Gandhis Vorgehensweise"."""
    owner = name.before.capitalize().removesuffix("s")
    return language_code in NOUNS_ARE_CAPITALS and name.before.endswith("s") and owner in held


def _is_title(kind: str, texts: Sequence[str]) -> bool:
    """Return whether a word stands with a capital before a name and alone, as "President": then it may mean anyone."""
    if not kind:
        return False
    found = [(word, after) for text in texts for word, after in pairwise([*words_of(text), ""]) if word.lower() == kind]
    return any(word[0].isupper() and not after[:1].isupper() and not after[:1].isdecimal() for word, after in found)


def _is_held(name: Name, known: set[str], initials: set[str], language_code: str) -> bool:
    word, found = name.word.casefold(), terms(name.word, language_code)
    if name.form != "word":  # of "G-779", the figures tell; of "H12", they may be those of anything
        figures = [term for term in found if any(map(str.isdecimal, term))]
        whole = [term for term in figures if not term.isdecimal()]
        found = (figures if sum(map(str.isdecimal, word)) >= _SERIAL_FIGURES else whole or figures) or found
    if word in known or any(term in known for term in found):
        return True
    if name.form != "word":
        return any(char.isdecimal() for char in word) and any(word in it for it in known if len(it) > len(word) > 2)
    if word in initials:
        return True
    return any(_may_be(word, other) for other in known)


def _may_be(word: str, other: str) -> bool:
    """Return whether two words may be forms of one name: one begins with the other, or most letters are the same."""
    if min(len(word), len(other)) < _SHORTEST or other[0].isdecimal():
        return False
    if word[:_STEM] == other[:_STEM] or word in other or other in word:
        return True
    matcher = SequenceMatcher(None, word, other, autojunk=False)
    if matcher.real_quick_ratio() < _LEAST_ALIKE or (same := matcher.quick_ratio()) < _LEAST_ALIKE:
        return False
    return (word[0] == other[0] and same >= _SAME_LETTERS) or matcher.ratio() >= _LEAST_ALIKE


def _initials(text: str) -> set[str]:
    """Return the acronyms that the words of a text may have."""
    letters = "".join(word[0] for word in words_of(text)).casefold()
    sizes = range(2, _LONGEST_ACRONYM + 1)
    return {letters[at : at + size] for size in sizes for at in range(len(letters) - size + 1)}


def is_of_kind(
    name: Name, quoted: Sequence[str], texts: Sequence[str], lower: frozenset[str], code: str, *, is_all: bool
) -> bool:
    """Return whether quoted sentences, and the evidence, have other names in the place of a missing one.

    Args:
        name: The missing name.
        quoted: The sentences that would answer, with what they belong to.
        texts: All sentences and headings.
        lower: Words that are no names.
        code: Language of the texts.
        is_all: Whether the name is all of the question that the best sentence lacks; then one other name is enough.
    """
    if name.form == "number" and YEAR.fullmatch(name.word):
        return _are_of_other_years(name.word, quoted, texts)
    if not any(others(name, names_in(text, lower, code)) for text in quoted):
        return False
    if name.form == "word" and _is_title(name.before, texts):
        return False
    found = {other for text in texts for other in others(name, names_in(text, lower, code))}
    return is_all or len(found) >= _FEWEST_OTHERS or (_is_serial(name.word) and any(map(_is_serial, found)))


def is_part_of_held(name: Name, question: str, quoted: str, texts: Sequence[str]) -> bool:
    """Return whether a missing name stands beside one that is held, and nothing else does in its place.

    A text that tells of "Tesla" alone tells of Nikola Tesla; one of "Cottage Gull" does not of Cottage Heron.

    Args:
        name: The missing name.
        question: The question.
        quoted: The sentence that would answer, with what it belongs to.
        texts: All sentences and headings.
    """
    if name.form != "word":
        return False
    words, held = dict(enumerate(words_of(question))), set(words_of(quoted))
    beside = [(step, words.get(name.at + step, "")) for step in (-1, 1) if name.at + step > 0]
    return any(word[:1].isupper() and word in held and not _has_other(word, step, texts) for step, word in beside)


def _has_other(name: str, step: int, texts: Sequence[str]) -> bool:
    """Return whether a name follows a word with a capital somewhere, or with a step of -1 is followed by one."""
    pairs = (pair[::step] for text in texts for pair in pairwise(words_of(text)))
    return any(second == name and first[0].isupper() for first, second in pairs)


def _are_of_other_years(year: str, quoted: Sequence[str], texts: Sequence[str]) -> bool:
    """Return whether the best sentence is of another year, where there are several and none spans the one asked for."""
    found = [set(YEAR.findall(text)) for text in texts]
    spans = any(min(years) < year < max(years) for years in found if years)
    several = len(set().union(*found)) >= _FEWEST_OTHERS
    return several and not spans and bool(quoted) and YEAR.search(quoted[0]) is not None


def _is_serial(word: str) -> bool:
    """Return whether a word may be the number of a thing, as of an order: it has three figures and is no year."""
    return sum(map(str.isdecimal, word)) >= _SERIAL_FIGURES and not YEAR.fullmatch(word)
