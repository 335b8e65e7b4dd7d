"""Find the lines of tables of contents, which say where something stands and not what."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

_ENTRY = re.compile(
    r"(?P<number>(?:[^\W\d_]{3,12}\s)?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[IVX]{1,6})[.)]?\s+)?(?P<title>[^\s.|:][^\n|]*?)"
    r"(?:(?P<dots>\s*(?:\.\s?){3,}|\s*…[.…]*\s*)|\s+)(?P<page>\d{1,4}|[ivxlc]{1,6})\s*"
)
_LINK = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+\[[^\]\n]{1,200}\]\(#[^)\s]{0,200}\)\s*")
"""An entry of a table of contents in Markdown."""

_LONGEST = 200
_FEWEST = 4
"""Numbered lines with rising pages that are entries though nothing names them so; fewer may be a list of prices."""

_NAMES = frozenset({
    *("contents", "table of contents", "list of figures", "list of tables", "inhalt", "inhaltsverzeichnis"),
    *("inhaltsübersicht", "abbildungsverzeichnis", "tabellenverzeichnis", "sommaire", "table des matières"),
    *("índice", "índice general", "contenido", "tabla de contenido", "tabla de contenidos", "sumário", "indice"),
    *("sommario", "inhoud", "inhoudsopgave", "innehåll", "innehållsförteckning", "indhold", "indholdsfortegnelse"),
    *("innhold", "innholdsfortegnelse", "sisällys", "sisällysluettelo", "содержание", "оглавление", "зміст"),
    *("spis treści", "obsah", "tartalomjegyzék", "tartalom", "cuprins", "içindekiler", "mục lục", "daftar isi"),
    *("περιεχόμενα", "目录", "目錄", "目次", "もくじ", "차례", "목차", "فهرس", "المحتويات", "فهرست", "תוכן העניינים"),
})  # fmt: skip


def contents_lines(lines: Sequence[str], headings: Sequence[str]) -> set[int]:
    """Return the positions of the lines that are entries of a table of contents.

    They end with rising page numbers and stand under its name, or are numbered in several levels, or at least four
    numbered ones whose pages stand behind dots. So a list of prices, or a table, is none.

    Args:
        lines: The sentences and lines of a text, in order.
        headings: The section of each.
    """
    found = {at for at, line in enumerate(lines) if len(line) <= _LONGEST and _LINK.fullmatch(line)}
    for run in _runs(lines):
        before = lines[run[0] - 1] if run[0] else ""
        entries = [entry for at in run if (entry := _ENTRY.fullmatch(lines[at]))]
        if _is_name(before) or _is_name(headings[run[0]]) or _are_entries(entries):
            found.update(run)
    return found


def _runs(lines: Sequence[str]) -> Iterator[list[int]]:
    """Yield the positions of neighbouring lines that look like entries."""
    run: list[int] = []
    for at, line in enumerate([*lines, ""]):
        if len(line) <= _LONGEST and _ENTRY.fullmatch(line):
            run.append(at)
        elif run:
            yield run
            run = []


def _are_entries(entries: Sequence[re.Match[str]]) -> bool:
    pages = [int(entry["page"]) for entry in entries if entry["page"].isdecimal()]
    rises = all(first <= second for first, second in pairwise(pages))
    numbered = [entry for entry in entries if entry["number"] and entry["dots"]]
    is_nested = len(numbered) > 1 and any("." in entry["number"].strip(" .") for entry in numbered)
    return rises and (is_nested or len(numbered) >= _FEWEST)


def _is_name(text: str) -> bool:
    return text.strip(" \t#*=:").casefold() in _NAMES
