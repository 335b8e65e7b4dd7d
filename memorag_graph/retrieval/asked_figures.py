"""What figures a question for the most or the least compares: of what things, told apart by which words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import median

from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.people_counted import called_people, counts_people, tells_the_same
from memorag_graph.text.request_words import REQUEST_WORDS
from memorag_graph.text.superlatives import Superlative, asked_superlative, without_superlatives
from memorag_graph.text.told_figures import Told, told_figures

FEWEST_COMPARED = 3
"""Least sentences with different figures of one thing that are compared."""

_TIMES_ALIKE = 4
"""Figures of one thing are compared if they are at most so many times as high or as low as the median."""

_GENERAL = "year month week day hour time quarter season company number count total figure amount"
"""Words of a question that say of when, of whose or of how many a figure is asked for, and not of what."""

_OF = re.compile(r"\b(?:of|from|for|on|about|by|in|at|to|with) (?:(?:the|an?|its|our|their) )?([\w-]+(?: [\w-]+)?)")
"""What a thing is told apart by, as in "complaints about noise"."""

_BUSY = ("busiest", "quietest")
"""Words after which "for freight" names what is counted, which may be told in other words: "283,000 units"."""

_PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class AskedFigures:
    """The figures that a question asks for the most or the least of.

    Attributes:
        question: The question.
        asked: How it asks.
        words: The words for the things of which figures are asked for.
        things: Their terms.
        of_people: Whether these are people, by whatever name.
    """

    question: str
    asked: Superlative
    words: tuple[str, ...]
    things: frozenset[str]
    of_people: bool

    @classmethod
    def of(cls, question: str) -> "AskedFigures | None":
        """Read a question; None if it does not ask for the most or the least of something."""
        asked = asked_superlative(question)
        if asked is None:
            return None
        of_people = counts_people(question, asked.noun)
        nouns = [_PEOPLE, *called_people(question)] if of_people else asked.noun.split()
        words = [word for word in nouns if _content(word)] or without_superlatives(question).split()
        return cls(question, asked, tuple(words), frozenset(_content(" ".join(words))), of_people)

    @property
    def counts(self) -> bool:
        """Whether things are counted, not measured."""
        return self.asked.counts or self.of_people

    def told(self, sentence: str) -> Iterator[tuple[str, Told]]:
        """Yield the figures that a sentence tells of the things, each with the term of its thing.

        Of people it is always that of "people", whatever the sentence calls them.
        """
        (people, *_) = terms(_PEOPLE, "en")
        for told in told_figures(sentence):
            (term, *_) = (*terms(told.thing, "en"), "")
            is_so = self.asked.word.startswith(told.dimension)  # the longest bridge is not the highest
            if term not in self.things or not is_so or (told.counts and not self.counts):
                continue
            if not self.of_people:
                yield term, told
            elif term != people or tells_the_same(self.question, sentence):
                yield people, told

    def told_apart_by(self, thing: str) -> set[str]:
        """Return the terms before a thing in the question, and after prepositions: "freight revenue in the north"."""
        words = [next(iter(terms(word, "en")), "") for word in self.question.split()]
        before = {one for one, other in pairwise(words) if other == thing}
        named = [] if self.asked.word in _BUSY else _OF.findall(self.question)
        after = {term for found in named for term in terms(found, "en")}
        return (before | after) & _content(without_superlatives(self.question)) - {thing}

    def best(self, figures: Mapping[int, Sequence[float]], most: int = 1) -> list[int]:
        """Return the keys of the highest figures, of the lowest, or of both, as asked; of equal ones the first.

        Args:
            figures: The figures of sentences, by the sentences' positions.
            most: How many there are of each.
        """
        return [
            at
            for way in self.asked.ways
            for at in sorted(figures, key=lambda key: (-way * self.compared(figures[key], way), key))[:most]
        ]

    def alike(self, figures: Mapping[int, Sequence[float]]) -> dict[int, Sequence[float]]:
        """Return those of the same order as the median: others count something else, such as dismissals among staff."""
        found = {at: [self.compared(values, way) for way in self.asked.ways] for at, values in figures.items()}
        middle = median(value for values in found.values() for value in values) if found else 0.0

        def is_alike(value: float) -> bool:
            return middle <= _TIMES_ALIKE * value <= _TIMES_ALIKE**2 * middle

        return {at: figures[at] for at, values in found.items() if all(map(is_alike, values))}

    @staticmethod
    def compared(values: Sequence[float], way: int) -> float:
        """Return which figure of a sentence is compared: for the lowest the first, as what follows may be a part."""
        return max(values) if way > 0 else values[0]


def _content(text: str) -> set[str]:
    """Return the terms of a text that say of what a figure is."""
    return set(terms(text, "en")) - _without_content()


@cache
def _without_content() -> frozenset[str]:
    return frozenset(terms(f"{_GENERAL} {' '.join(function_words('en') | REQUEST_WORDS)}", "en"))
