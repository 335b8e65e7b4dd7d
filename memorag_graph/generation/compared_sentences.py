"""Compare two sentences word by word: the places in which they differ, and whether these contradict each other."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import dropwhile

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.same_subject import are_versions
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.back_references import PRONOUNS, begins_back
from memorag_graph.text.numbers import number_in
from memorag_graph.text.opposites import are_alike_in_kind, are_opposite, negate_each_other, only_negates
from memorag_graph.text.quantities import are_equal_in_other_units
from memorag_graph.text.records import is_record, label_of
from memorag_graph.text.repeats import wording
from memorag_graph.text.words import is_unspaced

_LEAST_SAME = 0.6
_LEAST_SAME_SHORT = 0.5
_LEAST_SAME_LONG = 0.75
_SHORT, _LONG = 3, 12
"""Least share of the words that both have; less of sentences of three words, and more of those of many."""

_LEAST_SHARED = 2
_LEAST_SHARED_UNNAMED = 4
"""Words that both must have; more if they begin with a pronoun."""

_MOST_PLACES = 3
_LONGEST_DIFFERENCE = 4
"""Places in which two sentences may differ, and words of each."""

_YEAR = re.compile(r"(?:19|20)\d\d")
_ASKS_WHEN = re.compile(
    r"\b(?:when|year|years|date|until|since|expires?|wann|jahr|datum|seit|bis|quand|année|cuándo|año|quando|anno|ano"
    r"|wanneer|jaar|когда|год\w*)\b|何年|哪年|什么时候|何时",
    re.IGNORECASE,
)
_NUMBERED = frozenset({
    *("room", "gate", "article", "section", "clause", "chapter", "page", "line", "step", "station", "table", "figure"),
    *("no", "number", "unit", "phase", "item", "day", "week", "platform", "hall", "house", "flat", "group", "team"),
    *("artikel", "abschnitt", "kapitel", "seite", "zeile", "schritt", "tabelle", "nr", "nummer", "raum", "zimmer"),
    *("haus", "wohnung", "gruppe", "halle", "gleis", "tor", "ziffer", "absatz", "article", "chapitre", "salle"),
})  # fmt: skip
"""Words whose number tells which one is meant."""

_COPULAS = frozenset({
    *("is", "was", "are", "were", "be", "by", "ist", "war", "sind", "waren", "heißt", "von", "est", "était", "sont"),
    *("es", "era", "son", "por", "è", "são", "door", "called", "named", "mr", "mrs", "ms", "dr", "herr", "frau", ":"),
})  # fmt: skip
"""Words before a name that fills a role, of which there is one."""

_KEY_END = re.compile(r"\s*(?:\||\t|;|(?<!\d),(?!\d)|:\s[^|]*$)")
"""Ends the first cell of a record, or its label."""

_SPOKEN = frozenset({
    *("i", "we", "you", "yes", "no", "yeah", "well", "so", "ok", "okay", "oh", "um", "uh", "and", "but", "then"),
    *("ich", "wir", "ja", "nein", "also", "je", "nous", "oui", "yo", "sí", "я", "мы", "да"),
})  # fmt: skip
"""First words of what somebody says, which do not name its subject."""

_NONE_OF = re.compile(r"\W*no\s+\w", re.IGNORECASE)
"""Begins a statement in English or Spanish, and no answer."""

_ELIDED = "n"
"""A French "ne", which negates only with a word such as "pas"."""

_ARTICLES = frozenset({
    *("the", "a", "an", "our", "their", "der", "die", "das", "den", "dem", "des", "le", "la", "les", "el", "los"),
    *("las", "il", "lo", "o", "os", "as", "de", "het"),
})  # fmt: skip

_IN = frozenset({"in", "im", "en", "em", "w"})


def words_of(text: str) -> list[str]:
    """Return the words of a text; the characters of scripts without spaces."""
    found: list[str] = []
    for word in wording(text).split():
        if word not in "|?":
            found += word if is_unspaced(word[0]) else [word]
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """A place in which two sentences differ.

    Attributes:
        mine: The words of the first sentence.
        others: The words of the second.
        leading: The words before it in the first.
        trailing: The words after it in the first.
    """

    mine: Sequence[str]
    others: Sequence[str]
    leading: Sequence[str]
    trailing: Sequence[str]

    @property
    def before(self) -> str:
        """The word before it, in lower case; empty at the start."""
        return self.leading[-1].casefold() if self.leading else ""

    @property
    def only_in_one(self) -> set[str]:
        """The words of one side that the other has in no form, in lower case."""
        sides = [[word.casefold() for word in words] for words in (self.mine, self.others)]
        both = zip(sides, reversed(sides), strict=True)
        return {
            it for mine, others in both for it in mine if not any(it == that or _are_forms(it, that) for that in others)
        }

    @property
    def is_negation(self) -> bool:
        """Whether one side is negated."""
        return negate_each_other(self.mine, self.others)

    @property
    def is_opposite(self) -> bool:
        """Whether both sides hold opposite words."""
        return are_opposite(self.mine, self.others)

    @property
    def is_exchange(self) -> bool:
        """Whether both sides have words."""
        return bool(self.mine and self.others)

    @property
    def is_dated(self) -> bool:
        """Whether both sides hold a year."""
        return all(any(_YEAR.fullmatch(word) for word in words) for words in (self.mine, self.others))

    @property
    def is_value(self) -> bool:
        """Whether it differs by a number, unit, date, negation, opposite, or the name of who fills a role."""
        numbers = [[number for word in words if (number := number_in(word))] for words in (self.mine, self.others)]
        if all(numbers) and numbers[0] != numbers[1]:
            return True
        if are_alike_in_kind(self.mine, self.others, self.before) or self.is_opposite or self.is_negation:
            return True
        return self._fills_role

    @property
    def _fills_role(self) -> bool:
        """Whether it is in a name at the end of a sentence, after words such as "is" or "by"."""
        named = (*self.mine, *self.others, *self.trailing)
        before = dropwhile(lambda word: word[0].isupper(), reversed(self.leading))
        return self.is_exchange and all(word[0].isupper() for word in named) and next(before, "") in _COPULAS

    def is_slight(self, stop: frozenset[str]) -> bool:
        """Return whether it differs in endings or in words without content only."""
        both = [word.casefold() for word in (*self.mine, *self.others)]
        if self.is_negation or self.is_opposite or any(number_in(word) is not None for word in both):
            return False
        same = len(self.mine) == len(self.others)
        if both == [_ELIDED] and self.trailing:
            return True
        return all(word in stop for word in both) or (same and all(map(_are_forms, self.mine, self.others)))


@dataclass(frozen=True)
class ComparedSentences:
    """Two sentences, compared.

    Attributes:
        first: A sentence.
        second: Another one.
        stop: Words without content.
        language_code: Language of the document.
    """

    first: Citation
    second: Citation
    stop: frozenset[str]
    language_code: str = "en"

    @cached_property
    def places(self) -> list[Place]:
        """The places in which they differ, if they are few and short; none if not, or for equal ones."""
        first, second = words_of(self.first.quote), words_of(self.second.quote)
        one, other = ([word.casefold() for word in words] for words in (first, second))
        codes = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
        changed = [it for it in codes if it[0] != "equal"]
        shared = len(first) - sum(end - start for _, start, end, _, _ in changed)
        longest = max((max(it[2] - it[1], it[4] - it[3]) for it in changed), default=0)
        if not self._share_enough(shared, len(first), len(second)):
            return []
        if len(changed) > (1 if self._is_close else _MOST_PLACES) or longest > _LONGEST_DIFFERENCE:
            return []
        found = (Place(first[a:b], second[c:d], first[:a], first[b:]) for _, a, b, c, d in changed)
        return [place for place in found if not place.is_slight(self.stop)]

    @cached_property
    def _are_records(self) -> bool:
        return is_record(self.first.quote) and is_record(self.second.quote)

    @property
    def _is_close(self) -> bool:
        """Whether they may differ in one place only: in one document, and where records have to be the same one."""
        return self._are_records or self.first.source == self.second.source

    def _share_enough(self, shared: int, length: int, other: int) -> bool:
        if self._are_records:
            return shared > 0 and _key(self.first.quote) == _key(self.second.quote)
        if length + other > 2 * _LONG:
            return 2 * shared >= _LEAST_SAME_LONG * (length + other)
        shorter = min(length, other)
        return shared >= (_LEAST_SAME if shorter > _SHORT else _LEAST_SAME_SHORT) * shorter

    def is_told(self, asked: Set[str]) -> bool:
        """Return whether the question has a word in which they differ, other than the one that it asks about."""
        places = [it for it in self.places if not (it.is_negation or it.is_opposite)]
        return any(not asked.isdisjoint(place.only_in_one) for place in places)

    def contradicts(self, question: str) -> bool:
        """Return whether the places in which they differ make them contradict each other."""
        if are_equal_in_other_units(self.first.quote, self.second.quote):
            return False
        shared = len(words_of(self.first.quote)) - sum(len(place.mine) for place in self.places)
        versions = are_versions(self.first, self.second)
        if self._refers and not (versions and shared >= _LEAST_SHARED_UNNAMED):
            return False
        is_plain = self._are_records or all(place.is_negation or place.is_opposite for place in self.places)
        if shared < (1 if is_plain else _LEAST_SHARED) or any(self._names_subject(it) for it in self.places):
            return False
        if self._are_of_other_times(question, versions):
            return False
        if any(place.is_negation for place in self.places):
            return all(it.is_value or versions or not it.is_exchange for it in self.places)
        alone = versions and len(self.places) == 1
        return all(place.is_value or (alone and place.is_exchange) for place in self.places)

    @property
    def _refers(self) -> bool:
        """Whether one begins with a pronoun of the document's language, or as what somebody says.

        Short texts are taken for English, so that their pronouns may be of any language.
        """
        known = self.language_code != "en" and self.language_code in PRONOUNS
        if any(begins_back(it.quote, self.language_code if known else None) for it in (self.first, self.second)):
            return True
        return words_of(self.first.quote)[0].casefold() in _SPOKEN and not _NONE_OF.match(self.first.quote)

    def _are_of_other_times(self, question: str, versions: bool) -> bool:
        """Return whether they say what was in different years or months."""
        places = self.places
        if len(places) > 1 and any(_in_month(place) for place in places):
            return True
        if not any(place.is_dated for place in places):
            return False
        numbers = [word for word in words_of(self.first.quote) if number_in(word) and not _YEAR.fullmatch(word)]
        return bool(numbers) or len(places) > 1 or not (versions or _ASKS_WHEN.search(question))

    def _names_subject(self, place: Place) -> bool:
        """Return whether a place is where a sentence says what it is about."""
        if not place.leading:
            return not (place.is_negation and only_negates((*place.mine, *place.others), self.stop | _openings()))
        if self._are_records or (place.is_negation and not self._exchanges_subject(place)):
            return False
        opening = {word.casefold() for word in place.leading} <= _openings()
        if place.is_opposite:
            return bool(place.trailing) and (opening or place.before in _ARTICLES)
        if place.before in _NUMBERED and place.trailing:
            return True
        is_early = len(place.leading) <= len(place.trailing)
        return is_early and (len(place.leading) == 1 or opening)

    def _exchanges_subject(self, place: Place) -> bool:
        """Return whether a negated place after an article has other words of content, too: "The dogs"."""
        both = (place.mine, place.others)
        after = {word.casefold() for word in place.leading} <= self.stop | _ARTICLES
        return after and not any(only_negates(words, self.stop | _openings()) for words in both)


def _openings() -> frozenset[str]:
    return function_words("en") | function_words("de")


def _in_month(place: Place) -> bool:
    return place.before in _IN and are_alike_in_kind(place.mine[:1], place.others[:1], "")


def own_label(record: str) -> str | None:
    """Return the label of a record that is one labelled value; None for others."""
    return None if "|" in record else label_of(record)


def _key(record: str) -> str:
    """Return the first cell of a record, or its label."""
    return own_label(record) or _KEY_END.split(record.strip(" |"), maxsplit=1)[0]


def _are_forms(first: str, second: str) -> bool:
    """Return whether two words differ in an ending."""
    one, other = sorted((first.casefold(), second.casefold()), key=len)
    return len(one) > 2 and other.startswith(one) and len(other) - len(one) <= 2 and one.isalpha() and other.isalpha()
