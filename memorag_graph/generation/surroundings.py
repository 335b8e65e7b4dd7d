"""Find what each sentence of the evidence belongs to: its headings, file, speaker, and the subject named before it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import PurePath

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.mail_labels import mail_label_words
from memorag_graph.text.records import speaker_of

_MOST_BEFORE = 50
"""Sentences before a sentence that are remembered for it, so that a long paragraph stays cheap."""

_WITHIN = " › "
"""Between the heading of a section and one within it."""

_MARKS = re.compile(r"(#{1,6})\s")
_TOUCHING = 8
"""Maximum characters between neighbours."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_APART = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)")
_ITEM = re.compile(r"\(?(\d{1,3}(?:\.\d{1,3}){0,4}|(?<=\()[a-z])[.)]\s")
_SPOKEN_WORDS = 4
_FEWEST_LISTED = 3
"""Words of a list of names: fewer may be what somebody says, as "Yes, Bob."."""

_IN_BRACKETS = re.compile(r"\([^)]*\)")
_OPENING_WORDS = 6
"""First words of a sentence among which a name of its subject is looked for."""

NOUNS_ARE_CAPITALS = ("de", "lb")
"""Languages whose nouns all have capitals, so that one capital makes no name."""

SINGULAR_VERBS = frozenset({
    *("is", "was", "has", "had", "does", "makes", "ist", "war", "hat", "hatte", "macht"),
    *("est", "était", "a", "avait", "fait", "es", "era", "tiene", "tenía"),
})  # fmt: skip
"""Verbs of one subject, which a name may stand before."""

_JOINING = frozenset({"and", "und", "et", "y", "e", "i", "en", "og", "och", "ve", "и"})
"""Words for "and", which join the parts of a name."""

_PRONOUNS = frozenset({
    *("it", "its", "he", "his", "him", "she", "her", "hers", "they", "their", "them", "this", "these"),
    *("er", "sein", "seine", "es", "sie", "ihr", "ihre", "il", "elle", "son", "sa", "ses", "su", "sus"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    """Words of the evidence in lower case, and those that have a capital inside a sentence."""

    lower: frozenset[str]
    inner: frozenset[str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a sentence belongs to.

    Attributes:
        heading: The headings above it, of the document's sections and in the passage; empty if there are none.
        nearest: Those in the passage, or else that of its section.
        item: The number of the item of a list or of the paragraph that it is in, as "7"; empty if there is none.
        title: The words of its document's name and title, of the header of its table, and other words for its label, if
            that is of an e-mail's header.
        speaker: Who says it, where the speaker is not named in the sentence itself.
        own_speaker: Who says it, where the sentence begins with the speaker's name.
        since_heading: Number of sentences between it and the heading above it.
        paragraph: Number of its paragraph, row or turn in the evidence.
        subject: Positions of the sentences before it, in its paragraph, from the one that names its subject; of more
            than 50, that one and the last ones.
        is_named: Whether its subject is named, by itself or by one of those.
    """

    heading: str = ""
    nearest: str = ""
    item: str = ""
    title: str = ""
    speaker: str | None = None
    own_speaker: str | None = None
    since_heading: int = 0
    paragraph: int = 0
    subject: tuple[int, ...] = ()
    is_named: bool = False

    @property
    def words(self) -> str:
        """All that the sentence belongs to, as one text."""
        return " ".join(filter(None, (self.heading, self.title, self.speaker)))


def surroundings_of(units: Sequence[Unit], language_code: str) -> list[Surroundings]:
    """Return what each unit belongs to, in the same order."""
    stop, known = function_words(language_code), _Known(_lowered(units), _inner_capitals(units))
    found: list[Surroundings] = []
    heading, item, since, speaker = "", "", 0, None
    subject: list[int] = []
    paragraph, is_named = 0, False
    outline: list[tuple[int, str]] = []
    for at, unit in enumerate(units):
        here = unit.citation
        apart = not at or not _touches(units[at - 1], unit)
        apart &= not at or unit.begins_paragraph or here.number == units[at - 1].citation.number
        if apart:
            heading, item, since, speaker, subject, is_named = "", "", 0, None, [], False
            outline = []
        if unit.is_heading:
            outline = _below(outline, here.quote)
            heading, item, since, speaker, subject, is_named = " ".join(it for _, it in outline), "", 0, None, [], False
        if unit.begins_paragraph:
            speaker, subject, is_named = None, [], False
        paragraph += unit.begins_paragraph or apart
        numbered = _ITEM.match(here.quote)
        item = numbered[1] if numbered else item
        own_speaker = _speaker(here.quote, language_code)
        if _names_subject(unit, stop, known, language_code):
            subject, is_named = [], True
        above = dict.fromkeys(filter(None, (here.section, heading)))
        headings = [it for it in above if it != here.quote and not (it != heading and it in heading)]
        found.append(
            Surroundings(
                heading=_WITHIN.join(headings),
                nearest=headings[-1] if headings else "",
                item=item,
                title=" ".join(filter(None, (_title(here), unit.title, mail_label_words(here.quote)))),
                speaker=None if own_speaker else speaker,
                own_speaker=own_speaker,
                since_heading=since,
                paragraph=paragraph,
                subject=tuple(subject),
                is_named=is_named,
            )
        )
        since += not unit.is_heading
        speaker = own_speaker or speaker
        subject = [] if unit.is_heading else [*subject[:1], *subject[1:][-(_MOST_BEFORE - 2) :], at]
    return found


def with_speaker(unit: Unit, about: Surroundings) -> Unit:
    """Return a unit whose citation names its speaker."""
    return replace(unit, citation=replace(unit.citation, speaker=about.speaker)) if about.speaker else unit


def _title(citation: Citation) -> str:
    return " ".join(filter(None, (_apart(PurePath(citation.source).stem), citation.header)))


def _lowered(units: Sequence[Unit]) -> frozenset[str]:
    """Return the words that the evidence writes in lower case, which are no names."""
    return frozenset(word for unit in units for word in _WORD.findall(unit.citation.quote) if word[0].islower())


def _inner_capitals(units: Sequence[Unit]) -> frozenset[str]:
    """Return the words that have a capital inside a sentence of the evidence."""
    found = (_WORD.findall(unit.citation.quote)[1:] for unit in units)
    return frozenset(word for words in found for word in words if word[0].isupper())


def _names_subject(unit: Unit, stop: frozenset[str], known: _Known, language_code: str) -> bool:
    """Return whether a sentence begins with a name: several words with capitals, or one word that only names have.

    A number after a word with a capital belongs to the name: "Line 3", and so do "and" and another such word: "Hale and
    Sons". A single word counts before a verb, unless a pronoun tells that the subject was named before; inside a
    paragraph, it has to be known as a name. At the start of one, so does a word after its kind: "La maison Caron".
    """
    words = list(islice((found[0] for found in _WORD.finditer(unit.citation.quote)), _OPENING_WORDS))
    article = bool(words) and words[0].lower() in stop and words[0][0].isupper()
    words = words[article:]
    named = len(list(takewhile(lambda word: word[0].isupper() and word.lower() not in stop, words)))
    if language_code not in NOUNS_ARE_CAPITALS and (
        _is_joined_name(words, named, article and unit.begins_paragraph)
        or (article and _is_named_kind(words, stop, known))
    ):
        return True
    if named == 1 and len(words) > 1 and (words[1][0].isdecimal() or (len(words[1]) == 1 and words[1].isupper())):
        return True
    if (
        named != 1
        or article
        or language_code in NOUNS_ARE_CAPITALS
        or len(words) < 2
        or words[0].lower() in known.lower
    ):
        return named > 1
    if unit.begins_paragraph:
        return words[1] in SINGULAR_VERBS or (words[1].islower() and words[1] not in stop)
    refers = any(word.lower() in _PRONOUNS for word in _WORD.findall(unit.citation.quote))
    return words[1] in SINGULAR_VERBS and words[0] in known.inner and not refers


def _is_named_kind(words: Sequence[str], stop: frozenset[str], known: _Known) -> bool:
    """Return whether words behind an article are a name and its kind, as in "The Arden depot was sold"."""
    if len(words) < 2 or not words[0][0].isupper() or words[0].lower() in known.lower | stop:
        return False
    return words[1].islower() and words[1] not in stop and words[0] in known.inner


def _is_joined_name(words: Sequence[str], named: int, after_kind: bool) -> bool:
    """Return whether words begin with two capitals joined by "and", or, where asked, with a kind before a capital."""
    if named == 1 and len(words) > 2 and words[1].lower() in _JOINING:
        return words[2][0].isupper()
    return after_kind and not named and len(words) > 1 and words[0].islower() and words[1][0].isupper()


def _below(outline: Sequence[tuple[int, str]], heading: str) -> list[tuple[int, str]]:
    """Return the headings that a heading stands under, by the number of their marks as in Markdown, and the heading."""
    marks = _MARKS.match(heading)
    level = len(marks[1]) if marks else 0
    return [*(it for it in outline if 0 < it[0] < level), (level, heading.strip("#= "))]


def _speaker(text: str, language_code: str) -> str | None:
    """Return the speaker of a turn that begins here: a label whose words all begin with capitals or figures.

    Before a list of names it is no speaker: "Present: I. Sandvik, P. Lunde (chair) and R. Okafor." That cannot be told
    where all nouns have capitals.
    """
    name = speaker_of(text)
    words = name.split() if name else []
    if not words or len(words) > _SPOKEN_WORDS or any(word[0].islower() for word in words):
        return None
    if language_code in NOUNS_ARE_CAPITALS:
        return name
    said = _IN_BRACKETS.sub("", text.partition(":")[2])
    listed = [word for word in _WORD.findall(said) if word not in _JOINING]
    are_names = "," in said and len(listed) >= _FEWEST_LISTED and all(word[0].isupper() for word in listed)
    return None if are_names else name


def _touches(first: Unit, second: Unit) -> bool:
    one, other = first.citation, second.citation
    return one.source == other.source and other.start - one.end <= _TOUCHING


def _apart(name: str) -> str:
    """Return the words of a file's name: ``rotateApiKeys_v2`` gives rotate, Api, Keys, v, 2."""
    return " ".join(filter(None, _APART.split(name)))
