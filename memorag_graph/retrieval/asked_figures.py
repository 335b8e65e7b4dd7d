"""What figures a question for the most or the least compares: of what things, told apart by which words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.people_counted import called_people, counts_people, tells_the_same
from memorag_graph.text.request_words import REQUEST_WORDS
from memorag_graph.text.superlatives import Superlative, asked_superlative, without_superlatives
from memorag_graph.text.told_figures import Told, told_figures

FEWEST_COMPARED = 3
"""Least sentences with different figures of one thing that are compared."""

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
        of_people: Whether these are people, by whatever name.
    """

    question: str
    asked: Superlative
    words: tuple[str, ...]
    of_people: bool = False

    @classmethod
    def of(cls, question: str) -> "AskedFigures | None":
        """Read a question; None if it does not ask for the most or the least of something."""
        asked = asked_superlative(question)
        if asked is None:
            return None
        if counts_people(question, asked.noun):
            return cls(question, asked, (_PEOPLE, *called_people(question)), of_people=True)
        nouns = [word for word in asked.noun.split() if _content(word)]
        return cls(question, asked, tuple(nouns or without_superlatives(question).split()))

    @property
    def counts(self) -> bool:
        """Whether things are counted, not measured."""
        return self.asked.counts or self.of_people

    @property
    def things(self) -> set[str]:
        """The terms of the words for the things."""
        return _content(" ".join(self.words))

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

    def best(self, figures: Mapping[int, Sequence[float]]) -> list[int]:
        """Return the key of the highest figure, of the lowest, or of each, as asked; the first of several."""
        return [min(figures, key=lambda at: (-way * self.compared(figures[at], way), at)) for way in self.asked.ways]

    @staticmethod
    def compared(values: Sequence[float], way: int) -> float:
        """Return which figure of a sentence is compared: for the lowest the first, as what follows may be a part."""
        return max(values) if way > 0 else values[0]


def _content(text: str) -> set[str]:
    """Return the terms of a text that say of what a figure is."""
    empty = f"{_GENERAL} {' '.join(function_words('en') | REQUEST_WORDS)}"
    return set(terms(text, "en")) - set(terms(empty, "en"))
