"""Whether two sentences are about the same thing, as far as their files, headings and paragraphs tell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import PurePath

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.text.identifiers import name_words
from memorag_graph.text.records import is_record

_VERSION = re.compile(r"v?\d+[a-z]?|q[1-4]|[a-z]|[ivx]+")
_YEAR = re.compile(r"(?:19|20)\d\d|v\d+")
_LEADING_NUMBER = re.compile(r"^\W*(?:\d+(?:\.\d+)*\.?|[§(]?\d+[.)])\s+(?=[^\W\d])")
_WORD = re.compile(r"[^\W_]+")

_OF_VERSIONS = frozenset({
    *("version", "revision", "rev", "edition", "draft", "final", "signed", "copy", "old", "new", "latest", "current"),
    *("previous", "original", "update", "updated", "revised", "amended", "amendment", "addendum", "archive", "former"),
    *("spring", "summer", "autumn", "winter", "january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "oct"),
    *("nov", "dec", "alt", "neu", "alte", "neue", "entwurf", "fassung", "ausgabe", "kopie", "nachtrag", "aktuell"),
    *("frühjahr", "sommer", "herbst", "januar", "februar", "märz", "mai", "juni", "juli", "oktober", "dezember"),
    *("ancien", "nouveau", "brouillon", "vieja", "nueva", "viejo", "nuevo", "vecchio", "nuovo"),
})  # fmt: skip
"""Words that tell versions of one text apart."""

_OF_TEXTS = frozenset({
    *("handbook", "manual", "guide", "policy", "rules", "contract", "agreement", "lease", "minutes", "notes", "report"),
    *("faq", "memo", "letter", "mail", "email", "list", "prices", "pricelist", "terms", "statutes", "protocol"),
    *("document", "text", "file", "page", "intranet", "website", "summary", "overview", "info", "notice", "doc"),
    *("handbuch", "vertrag", "mietvertrag", "satzung", "protokoll", "ordnung", "hausordnung", "notiz", "notizen"),
    *("bericht", "preisliste", "liste", "merkblatt", "richtlinie", "brief", "aushang", "anleitung", "dokument"),
    *("contrat", "règlement", "rapport", "notice", "contrato", "reglamento", "informe", "contratto", "regolamento"),
})  # fmt: skip
"""Words for kinds of texts, which may be about the same."""

_DIVISIONS = frozenset({
    *("sheet", "page", "slide", "part", "section", "chapter", "annex", "appendix", "article", "clause", "paragraph"),
    *("introduction", "background", "general", "details", "data", "technical", "specification", "conclusion"),
    *("blatt", "seite", "folie", "teil", "abschnitt", "kapitel", "anhang", "anlage", "artikel", "absatz", "einleitung"),
    *("allgemeines", "daten", "technische", "page", "partie", "chapitre", "annexe", "página", "parte", "capítulo"),
    *("anexo", "artículo", "pagina", "capitolo", "allegato", "articolo"),
})  # fmt: skip
"""Words for divisions of one text, whose numbers tell no subject."""

_DATED = _OF_VERSIONS & frozenset({
    *("auflage", "édition", "edición", "edizione", "uitgave", "issue", "meeting", "sitzung"),
    *("version", "revision", "rev", "edition", "draft", "update", "amendment", "fassung", "ausgabe", "auflage"),
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    *("december", "januar", "februar", "märz", "mai", "juni", "juli", "oktober", "dezember"),
})  # fmt: skip
"""Words whose number tells a version or a day."""

_ORDINAL = re.compile(
    r"\d+(?:st|nd|rd|th|e|er|ère|ème|ª|º)|first|second|third|fourth|fifth|erste[rns]?|zweite[rns]?|dritte[rns]?|première?"
    r"|premier|deuxième|troisième|primera|segunda|tercera|prima|seconda|terza"
)
_JOINING = frozenset(
    {"of", "the", "and", "for", "on", "from", "der", "des", "die", "vom", "von", "und", "de", "du", "la"}
)
"""Words that tell nothing in a heading."""

_NUMBER = re.compile(r"\d+[a-z]?|[a-z]|[ivxlc]+")

_PARALLEL = 0.5
"""Least similarity of the first sentences of paragraphs that are entries about different things."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sentence stands.

    Attributes:
        heading: The heading above it; empty if there is none.
        paragraph: Number of its paragraph in the evidence.
        opening: The first sentence of that, as far as it is in the evidence.
    """

    heading: str = ""
    paragraph: int = -1
    opening: str = ""


def standing_of(found: Sequence[Citation], belonging: Sequence[Surroundings]) -> dict[Citation, Standing]:
    """Return where each sentence of the evidence stands, from what each belongs to."""
    openings: dict[int, str] = {}
    for sentence, about in zip(found, belonging, strict=True):
        openings.setdefault(about.paragraph, sentence.quote)
    return {
        sentence: Standing(f"{about.heading} {about.item}".strip(), about.paragraph, openings[about.paragraph])
        for sentence, about in zip(found, belonging, strict=True)
    }


def is_apart(first: Citation, second: Citation, standing: Mapping[Citation, Standing], question: str) -> bool:
    """Return whether two sentences are about different things.

    In one document, they are if their headings differ by more than a division, a version or a kind of text, as "Sheet
    1" and "Minutes of May" do, or if they are records, or stand in paragraphs that begin alike, unless headings tell
    versions. In two documents, they are if the names of the files or the headings differ by more than a version, or if
    the question names one of both.
    """
    one, other = standing.get(first, Standing()), standing.get(second, Standing())
    if first.source == second.source:
        if _are_of_other_things(one.heading, other.heading) or (is_record(first.quote) and is_record(second.quote)):
            return True
        if one.heading != other.heading and _names_version(one.heading) and _names_version(other.heading):
            return False
        return one.paragraph != other.paragraph and _are_entries(first, second, one.opening, other.opening)
    if _names_one(question, f"{_name(first)} {one.heading}", f"{_name(second)} {other.heading}"):
        return True
    return _differ(_name(first), _name(second), in_heading=False) or _differ(one.heading, other.heading)


def are_versions(first: Citation, second: Citation) -> bool:
    """Return whether two sentences are from files whose names tell that they are versions of one text."""
    one, other = _words(_name(first)), _words(_name(second))
    known = _OF_TEXTS | _OF_VERSIONS
    named = any(not _VERSION.fullmatch(word) for word in one & other) or not (known.isdisjoint(one | other))
    return first.source != second.source and named and not _differ(_name(first), _name(second), in_heading=False)


def _are_of_other_things(first: str, second: str) -> bool:
    """Return whether one of two headings of one document has a word that the other lacks and that tells a subject."""
    if first == second:
        return False
    one, other = _subject_words(first), _subject_words(second)
    return not (first and second) or one != other


def _subject_words(heading: str) -> set[str]:
    """Return the words of a heading without those that tell versions, kinds of texts and numbered divisions."""
    words = _words(_LEADING_NUMBER.sub("", heading))
    told = _OF_VERSIONS | _OF_TEXTS | _DIVISIONS
    is_numbered = not (_DIVISIONS | _DATED).isdisjoint(words)
    left = {it for it in words - told - _JOINING if not _YEAR.fullmatch(it) and not _ORDINAL.fullmatch(it)}
    return {it for it in left if not (is_numbered and _NUMBER.fullmatch(it))}


def _names_version(heading: str) -> bool:
    """Return whether a heading tells a version of a text, as its edition or its day."""
    words = _words(heading)
    return not words.isdisjoint(_OF_VERSIONS) or any(_ORDINAL.fullmatch(it) or _YEAR.fullmatch(it) for it in words)


def _are_entries(first: Citation, second: Citation, opening: str, other: str) -> bool:
    if first.quote == opening and second.quote == other:
        return False
    return SequenceMatcher(None, opening.split(), other.split(), autojunk=False).ratio() >= _PARALLEL


def _name(citation: Citation) -> str:
    return name_words(PurePath(citation.source).name)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def _names_one(question: str, first: str, second: str) -> bool:
    """Return whether a question has words of one text's name, but none of what the other has instead."""
    asked, one, other = _words(question) - _OF_TEXTS, _words(first), _words(second)
    return bool(asked & (one - other)) != bool(asked & (other - one))


def _differ(first: str, second: str, *, in_heading: bool = True) -> bool:
    """Return whether two names are of different things: each has a word of its own that tells no version."""
    if in_heading:
        first, second = _LEADING_NUMBER.sub("", first), _LEADING_NUMBER.sub("", second)
    one, other = _words(first), _words(second)
    version = _YEAR if in_heading else _VERSION
    left = [
        {word for word in mine - theirs if not version.fullmatch(word) and word not in _OF_VERSIONS | _OF_TEXTS}
        for mine, theirs in ((one, other), (other, one))
    ]
    return all(left)
