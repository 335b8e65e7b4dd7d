"""Find the sections and tables of Markdown; the text itself is kept, without front matter and comments."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from memorag_graph.documents.document import Document, clean_text
from memorag_graph.documents.document_builder import LONGEST_HEADING
from memorag_graph.documents.markdown_html import without_html
from memorag_graph.documents.page_map import PageMap
from memorag_graph.documents.plain_text import require_some
from memorag_graph.documents.table_rows import CELLS

if TYPE_CHECKING:
    from memorag_graph.documents.file import File

_LINE = re.compile(r"[^\n]+|(?<=\n)(?=\n)")
"""A line, or the position of an empty one."""

_FENCE = re.compile(r" {0,3}(`{3,}+(?!.*`)|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*)$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_PLAIN = re.compile(r" {0,3}[^\s#>|*+\-=`~]")
_RULER = re.compile(r"[ \t|:+-]+")
"""The line under a table's header (GitHub Flavored Markdown, "Tables"); it also has a bar."""

_BAR = re.compile(r"(?<!\\)\|")
_FRONT = re.compile(r"\s*(---|\+\+\+)[ \t]*\n")
_KEY = re.compile(r"[\w\"'][\w\"' .-]*\s*(?::(?:\s|$)|=)")
_TITLE = re.compile(r"title\s*[:=]\s*(.+)$", re.IGNORECASE)
_LONGEST_KEY = 200
_MOST_FRONT = 100_000
"""Characters in which the end of the front matter is looked for."""


def read_markdown(file: "File") -> Document:
    """Read a file as Markdown.

    Raises:
        InputError: If it contains no text.
    """
    return markdown_document(file.text(), file.name)


def markdown_document(text: str, name: str) -> Document:
    """Return Markdown as a document; a title in its front matter names the section before the first heading.

    Raises:
        InputError: If it contains no text.
    """
    body, title = without_front_matter(clean_text(text))
    body, notices = without_html(body)
    page_map = markdown_page_map(require_some(body, name))
    if title and (not page_map.sections or page_map.sections[0][0] > 0):
        page_map = replace(page_map, sections=((0, title), *page_map.sections))
    return Document(clean_text(name), body, page_map, notices)


def without_front_matter(text: str) -> tuple[str, str]:
    """Split off the YAML or TOML lines that describe a text, between lines of ``---`` or ``+++``.

    Returns:
        The text after them, and its title there; empty if there is none.
    """
    opened = _FRONT.match(text)
    if opened is None:
        return text, ""
    closing = re.compile(rf"^(?:{re.escape(opened[1])}|\.\.\.)[ \t]*(?:\n|\Z)\n*", re.MULTILINE)
    closed = closing.search(text, opened.end(), opened.end() + _MOST_FRONT)
    lines = text[opened.end() : closed.start()].splitlines() if closed else []
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    if closed is None or (first and not _KEY.match(first[:_LONGEST_KEY])) or (not first and not lines):
        return text, ""
    titles = (_TITLE.match(line) for line in lines)
    return text[closed.end() :], next((it[1].strip().strip("\"'").strip()[:LONGEST_HEADING] for it in titles if it), "")


def markdown_page_map(text: str) -> PageMap:
    """Return the headings of a text (CommonMark's ATX and one-line setext headings) and the headers of its tables."""
    sections: list[tuple[int, str]] = []
    tables: list[tuple[int, int, str]] = []
    plain_lines, plain, above, is_table = 0, (0, ""), "", False
    for start, line in _lines_outside_code(text):
        if is_table and _BAR.search(line):
            tables[-1] = (tables[-1][0], start + len(line), tables[-1][2])
            continue
        is_table = _is_ruler(line, above)
        if is_table:
            tables.append((start + len(line) + 1, start + len(line) + 1, CELLS.join(_cells(above))))
        elif heading := _HEADING.match(line):
            sections.append((start, _title(heading[1])))
        elif plain_lines == 1 and _UNDERLINE.match(line):
            sections.append(plain)
        plain_lines = plain_lines + 1 if _PLAIN.match(line) and not is_table else 0
        plain, above = (start, line.strip()), line
    kept = tuple(table for table in tables if table[0] < table[1])
    return PageMap(sections=tuple((at, title[:LONGEST_HEADING]) for at, title in sections if title), tables=kept)


def _title(written: str) -> str:
    """Return the title of a heading without the marks that may end its line."""
    text = written.strip(" \t")
    bare = text.rstrip("#")
    return bare.rstrip(" \t") if bare.endswith((" ", "\t")) else text


def _lines_outside_code(text: str) -> Iterator[tuple[int, str]]:
    """Yield offset and text of each line; those of fenced code are empty."""
    fence = ""
    for found in _LINE.finditer(text):
        line = found[0]
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" \t`~"):
                fence = ""
            line = ""
        elif mark:
            fence, line = mark[1], ""
        yield found.start(), line


def _is_ruler(line: str, above: str) -> bool:
    """Return whether a line is the one under a table's header: as many columns, of hyphens."""
    is_ruler = "|" in line and "-" in line and _RULER.fullmatch(line) is not None
    return is_ruler and "|" in above and len(_cells(line)) == len(_BAR.split(above.strip().strip("|")))


def _cells(row: str) -> list[str]:
    cells = (cell.strip().replace("\\|", "|") for cell in _BAR.split(row.strip().strip("|")))
    return [cell for cell in cells if cell]
