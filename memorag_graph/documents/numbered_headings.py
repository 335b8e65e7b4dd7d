"""Find headings such as "Article 7" or "§ 12" in plain text, where no mark-up tells them from other lines."""

import re
from collections.abc import Iterator, Sequence

from memorag_graph.documents.numerals import CHINESE_DIGITS

NAMES = (
    r"article|art\.?|section|sec\.?|chapter|part|title|book|annex|appendix|schedule|rule|clause|exhibit",
    r"artikel|abschnitt|kapitel|teil|titel|buch|anhang|anlage",  # German
    r"chapitre|partie|titre|livre|annexe|règle",  # French
    r"artículo|capítulo|sección|título|libro|anexo|parte|artigo|seção|secção|cláusula",  # Spanish, Portuguese
    r"articolo|capitolo|capo|sezione|titolo|allegato|articolul|capitolul|secțiunea|anexa",  # Italian, Romanian
    r"hoofdstuk|afdeling|deel|bijlage|kapittel|avdeling|avsnitt|bilaga|vedlegg|bilag|luku|liite",  # Dutch, Nordic
    r"статья|глава|раздел|часть|приложение|пункт|стаття|розділ|частина|додаток",  # Russian, Ukrainian
    r"artykuł|rozdział|dział|część|załącznik|článek|kapitola|hlava|část|příloha",  # Polish, Czech
    r"madde|bölüm|kısım|điều|chương|mục|phần|pasal|bab|bagian|lampiran",  # Turkish, Vietnamese, Indonesian
    r"άρθρο|κεφάλαιο|τμήμα|μέρος|παράρτημα|المادة|مادة|الفصل|الباب|ماده|فصل|סעיף|פרק",  # Greek, Arabic, Hebrew
    r"ziffer|nummer|absatz|paragraph|paragraphe|alinéa|párrafo|apartado|subsection|protocol|amendment",
    r"अनुच्छेद|अध्याय|धारा|अनुसूची|มาตรา|ข้อ|บทที่|หมวด|ส่วนที่|ភាគ|មាត្រា|ជំពូក|ມາດຕາ",  # Hindi, Thai, Khmer, Lao
)
_NUMBER = r"(?:\d{1,4}[a-z]?(?:\.\d{1,3}){0,4}|[ivxlcdm]{1,8}|[a-z])(?!\w)"
CHINESE = (
    rf"第 {{0,2}}[\d{CHINESE_DIGITS}]{{1,8}} {{0,2}}[条條章节節编編款項项]|제 {{0,2}}\d{{1,4}} {{0,2}}[조장절편항]"
)

_LINE = re.compile(
    rf"^[ \t]{{0,12}}((?:(?:{'|'.join(NAMES)})[ \t]{{1,3}}|§{{1,2}}[ \t]{{0,2}}){_NUMBER}|{CHINESE})"
    r"([^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_SEPARATED = re.compile(r"[ \t]*[.:)–—-]?[ \t]*$|[ \t]*[.:)–—-][ \t]+\S|\u3000|[（：]")
_ENDS_SENTENCE = re.compile(r"\S[.!?;,。；，]\s*$")
_LONGEST_TITLE = 100
_AROUND = 200
"""Characters that are looked at before and after a line."""


def numbered_headings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the offset and the text of each line that begins a numbered part of a document, in many languages.

    The line begins with the part's name and number, and stands after a blank line, before one, or at the start. Of a
    line on which the part's own text begins, only the name and number are its heading.
    """
    for found in _LINE.finditer(text):
        name, rest = found.groups()
        if not _stands_alone(text, *found.span(), is_bare=not rest.strip(" .:")):
            continue
        is_title = len(rest) <= _LONGEST_TITLE and not _ENDS_SENTENCE.search(rest)
        if _SEPARATED.match(rest) or name.startswith("§"):
            yield found.start(1), " ".join((name + rest if is_title else name).split())
        elif is_title and not rest.lstrip()[:1].islower():
            yield found.start(1), " ".join((name + rest).split())


def with_numbered(text: str, sections: Sequence[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    """Return the headings that are known of a text and those that are numbered, in order."""
    known = {text.rfind("\n", 0, start) for start, _ in sections}
    more = [(start, title) for start, title in numbered_headings(text) if text.rfind("\n", 0, start) not in known]
    return tuple(sorted((*sections, *more)))


def _stands_alone(text: str, start: int, end: int, *, is_bare: bool) -> bool:
    """Return whether a line has a blank line beside it; a bare name may also stand between sentences."""
    before = text[max(0, start - _AROUND) : start].rstrip(" \t")
    after = text[end + 1 : end + _AROUND].lstrip(" \t")
    if not before.strip() or before.endswith("\n\n") or after.startswith("\n"):
        return True
    return is_bare and bool(_ENDS_SENTENCE.search(before)) and not after[:1].islower()
