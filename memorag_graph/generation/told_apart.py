"""Leave out sentences about something else than the question names: the rent of 2000 where it asks for that of 1999."""

import re
from collections.abc import Sequence, Set
from difflib import SequenceMatcher
from pathlib import PurePath

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.compared_sentences import Place, words_of
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.asking_words import ASKS_CHANGE
from memorag_graph.text.comparisons import compares
from memorag_graph.text.identifiers import name_words, named_versions

_LEAST_SAME = 0.5
"""Similarity from which two sentences or headings are parallel."""

_LONGEST = 60
"""Words of a sentence that is compared."""

_FEWEST_PLACES = 2
"""Places in which parallel sentences differ: what they are about, and what they tell of it."""

_VERSION = re.compile(r"(?<![\d.])\d{1,4}(?:\.\d{1,4}){1,3}(?![\d.]*\d)")

_ARTICLES = frozenset({"the", "a", "an", "der", "die", "das", "den", "dem", "des", "le", "la", "les", "el", "il", "o"})


def about_what_is_asked(
    positions: Sequence[int],
    question: str,
    units: Sequence[Unit],
    belonging: Sequence[Surroundings],
    code: str,
    by: Sequence[int] | None = None,
) -> list[int]:
    """Return the positions without those of sentences that another one shows to be about something else.

    That one holds a word of the question where its parallel has another word, as "Tuesday" for "Wednesday": in the
    sentence itself, in the heading above, or in the name of the file. A question that compares things asks for all.

    Args:
        positions: Positions of sentences.
        question: The question.
        units: The sentences and records of the evidence.
        belonging: What each belongs to.
        code: Language of the document.
        by: Positions of the sentences that show it; all of them by default.
    """
    if compares(question) or len(positions) < _FEWEST_PLACES:
        return list(positions)
    asked = {*asked_terms(question, code), *map(_version_word, named_versions(question))}
    if ASKS_CHANGE.search(question):
        asked = {term for term in asked if not any(map(str.isdecimal, term))}

    def shows(one: int, other: int) -> bool:
        own, its = units[one].citation, units[other].citation
        within = (f"{units[at].citation.quote} {belonging[at].words}" for at in (other, one))
        files = [_file_words(it.source) for it in (own, its)]
        found = [
            _favours(own.quote, its.quote, asked, code, _FEWEST_PLACES),
            _favours(_content(belonging[one].nearest, code), _content(belonging[other].nearest, code), asked, code),
            _names(files[0], next(within), asked, code) - _names(files[1], next(within), asked, code),
        ]
        return max(found) > 0 and min(found) >= 0

    return [
        at
        for at in positions
        if not any(shows(other, at) for other in (positions if by is None else by) if other != at)
    ]


def _content(heading: str, code: str) -> str:
    """Return a heading without function words, which may differ, too: "Museo de la Sal", "Museo del Corcho"."""
    empty = function_words(code)
    return " ".join(word for word in heading.split() if word.lower() not in empty or _is_letter(word))


def _file_words(source: str) -> str:
    """Return the words of a file's name, with the numbers of versions whole: "terms v2 2.0" of "terms_v2.0.pdf"."""
    stem = PurePath(source).stem
    return " ".join([name_words(stem), *_VERSION.findall(stem), *map(_version_word, named_versions(stem))])


def _version_word(version: str) -> str:
    """Return one word for a version, which no other number of a text is: "v2"."""
    return f"v{version}"


def _names(file: str, text: str, asked: Set[str], code: str) -> int:
    """Return 1 if a file's name has a word of the question that a text with all that it belongs to lacks, else 0."""
    return int(bool(asked & set(held_terms(file, code)) - set(held_terms(text, code))))


def _favours(first: str, second: str, asked: Set[str], code: str, fewest: int = 1) -> int:
    """Return 1 if the first of two parallel texts has words of the question where the second has others.

    It is -1 for the reverse, and 0 if they are not parallel, differ in fewer places, or each has words of the question.
    """
    one, other = words_of(first)[:_LONGEST], words_of(second)[:_LONGEST]
    lowered, its_lowered = ([word.casefold() for word in words] for words in (one, other))
    matcher = SequenceMatcher(None, lowered, its_lowered, autojunk=False)
    if not one or not other or matcher.ratio() < _LEAST_SAME:
        return 0
    places = [
        Place(one[a:b], other[c:d], one[:a], one[b:]) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"
    ]
    if len(places) < fewest:
        return 0
    empty = function_words(code)
    telling = [place for place in places if place.is_exchange and _tells_subject(place, empty)]
    mine, its = (
        asked & {term for place in telling for term in held_terms(" ".join((place.mine, place.others)[side]), code)}
        for side in (0, 1)
    )
    mine = mine and mine - set(held_terms(second, code))  # a word that both hold tells them not apart
    its = its and its - set(held_terms(first, code))
    return int(bool(mine - its)) - int(bool(its - mine))


def _tells_subject(place: Place, empty: Set[str]) -> bool:
    """Return whether a place may tell what a sentence is about: no negation, and an opposite only after an article.

    Words without content, such as "my", tell nothing.
    """
    for words in (place.mine, place.others):
        if all(word.casefold() in empty and not _is_letter(word) for word in words):
            return False
    return not place.is_negation and (not place.is_opposite or place.before in _ARTICLES)


def _is_letter(word: str) -> bool:
    """Return whether a word is a single capital, which names something though it may be a word, too: "Grade A"."""
    return len(word) == 1 and word.isupper()
