"""Find the sections of Markdown; the text itself is kept unchanged."""

import re

from memorag_graph.documents.page_map import PageMap

_LINE = re.compile(r"[^\n]+|(?<=\n)(?=\n)")
"""A line, or the position of an empty one."""

_FENCE = re.compile(r" {0,3}(`{3,}(?!.*`)|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_PLAIN = re.compile(r" {0,3}[^\s#>|*+\-=`~]")


def markdown_page_map(text: str) -> PageMap:
    """Return the headings of a text (CommonMark's ATX and one-line setext headings)."""
    sections: list[tuple[int, str]] = []
    fence, plain_lines, plain = "", 0, (0, "")
    for found in _LINE.finditer(text):
        line = found[0]
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" \t`~"):
                fence = ""
        elif mark:
            fence = mark[1]
        elif heading := _HEADING.match(line):
            sections.append((found.start(), heading[1]))
        elif plain_lines == 1 and _UNDERLINE.match(line):
            sections.append(plain)
        plain_lines = plain_lines + 1 if not fence and _PLAIN.match(line) else 0
        plain = (found.start(), line.strip())
    return PageMap(sections=tuple((start, title) for start, title in sections if title))
