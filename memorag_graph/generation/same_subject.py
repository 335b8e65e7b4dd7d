"""Whether two sentences are about the same thing, as far as their files, headings and paragraphs tell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import PurePath

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.text.identifiers import name_words, named_versions
from memorag_graph.text.opposites import MONTHS
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

_NUMBER = re.compile(r"\d+[a-z]?|[a-z]|[ivxlc]+")

_EDITION = (
    r"(?:version|revision|rev|edition|issue|printing|draft|release|auflage|ausgabe|fassung|entwurf|édition|edición"
    r"|edizione|edição|versión|versione|versão|editie|uitgave|druk|utgave|utgåva|upplaga|udgave|wydanie|baskı|sürüm"
    r"|издание|редакция|версия)"
)
_ORDINAL = (
    r"(?:\d+(?:st|nd|rd|th|e|er|ère|ème|te|ste|de|[ºª])?\.?|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth"
    r"|tenth|(?:erst|zweit|dritt|viert|fünft|sechst)e[rs]?|premi(?:er|ère)|deuxième|seconde?|troisième|quatrième"
    r"|primer[ao]?|segund[ao]|tercer[ao]?|prim[ao]|second[ao]|terz[ao]|primeir[ao]|terceir[ao]|eerste|tweede|derde"
    r"|første|første|andre|annen|tredje|första|andra|anden|pierwsze|drugie|trzecie|birinci|ikinci|üçüncü"
    r"|перв(?:ое|ая)|втор(?:ое|ая)|треть[ея])"
)
_NUMBERED_EDITION = re.compile(
    rf"\b{_ORDINAL}\s+(?:\w+\s+)?{_EDITION}\b|\b{_EDITION}\.?\s*(?:no\.?|nr\.?)?\s*(?:\d+(?:\.\d+)*|{_ORDINAL}|[a-z])\b",
    re.IGNORECASE,
)
"""As in "second edition", "2. Auflage", "version 3.1" or "rev. B"."""

_MONTH = rf"(?:{'|'.join(MONTHS.split())})"
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th|\.|er|º)?\s+(?:of\s+|de\s+)?{_MONTH}\b|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b"
    r"|\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b",
    re.IGNORECASE,
)
"""A day of a month."""

_MONTHS = frozenset(MONTHS.split())

_OF_MEETINGS = frozenset({
    *("meeting", "session", "assembly", "sitting", "bulletin", "newsletter", "circular", "sitzung", "versammlung"),
    *("rundbrief", "rundschreiben", "procès", "réunion", "séance", "assemblée", "compte", "acta", "reunión", "sesión"),
    *("junta", "circular", "verbale", "riunione", "seduta", "assemblea", "ata", "reunião", "notulen", "vergadering"),
    *("referat", "møte", "møde", "protokoll", "möte", "toplantı", "tutanak", "протокол", "заседание", "собрание"),
    *("protokół", "zebranie"),
})  # fmt: skip
"""Words for what is held or sent again and again, whose date tells when something was said, not about what."""

_JOINING = frozenset({
    *("of", "the", "and", "for", "on", "from", "dated", "vom", "von", "der", "des", "die", "und", "du", "de", "la"),
    *("del", "di", "da"),
})  # fmt: skip
"""Words that tell nothing in a heading."""

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

    In one document, they are if their headings differ by more than a division, a month, an edition or a kind of text,
    as "Sheet 1" and "Minutes of May" do, or if they are records, or stand in paragraphs that begin alike, unless the
    headings tell editions. In two documents, they are if the names of the files or the headings differ by more than a
    version, or the question names the version of one. In both, they are if the question names one of both.
    """
    one, other = standing.get(first, Standing()), standing.get(second, Standing())
    if first.source == second.source:
        if _names_one(question, one.heading, other.heading) or _are_of_other_things(one.heading, other.heading):
            return True
        if is_record(first.quote) and is_record(second.quote):
            return True
        if one.paragraph == other.paragraph or _are_editions(one.heading, other.heading):
            return False
        return _are_entries(first, second, one.opening, other.opening)
    versions = [named_versions(question) & named_versions(PurePath(it.source).stem) for it in (first, second)]
    if bool(versions[0]) != bool(versions[1]):
        return True
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


def _are_editions(first: str, second: str) -> bool:
    """Return whether two headings differ by an edition, a year or the date of a meeting alone."""
    one, other = (
        {word for word in _words(_without_edition(it)) - _OF_VERSIONS - _JOINING if not _YEAR.fullmatch(word)}
        for it in (first, second)
    )
    return first != second and one == other


def _subject_words(heading: str) -> set[str]:
    """Return the words of a heading without those that tell versions, kinds of texts and numbered divisions.

    A month or a day that stands alone is the subject.
    """
    words = _words(_without_edition(heading))
    told = _OF_VERSIONS | _OF_TEXTS | _DIVISIONS | _JOINING
    is_numbered = not _DIVISIONS.isdisjoint(words)
    if words and words <= _MONTHS:
        return _words(heading)
    return {it for it in words - told if not _YEAR.fullmatch(it) and not (is_numbered and _NUMBER.fullmatch(it))}


def _without_edition(heading: str) -> str:
    """Return a heading without its own number, that of an edition and, if it is of a meeting or a text, its date."""
    text = _NUMBERED_EDITION.sub(" ", _LEADING_NUMBER.sub("", heading))
    return text if _words(text).isdisjoint(_OF_TEXTS | _OF_MEETINGS) else _DATE.sub(" ", text)


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
        first, second = _without_edition(first), _without_edition(second)
    one, other = _words(first), _words(second)
    version = _YEAR if in_heading else _VERSION
    left = [
        {word for word in mine - theirs if not version.fullmatch(word) and word not in _OF_VERSIONS | _OF_TEXTS}
        for mine, theirs in ((one, other), (other, one))
    ]
    return all(left)
