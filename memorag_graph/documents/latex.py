"""Read LaTeX as text with sections: no commands, comments or preamble; rows of tables become records."""

import re
import unicodedata

from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.latex_commands import ACCENTS, ARGUMENTS, HEADINGS, SYMBOLS, TABLES, VERBATIM, WORDS
from memorag_graph.documents.plain_text import read_text

_TOKEN = re.compile(
    r"(?P<comment>%[^\n]*(?:\n[ \t]*(?=[^\s]))?)"
    r"|\\(?P<edge>begin|end)\s{0,3}\{(?P<environment>[A-Za-z]{1,30})\*?\}(?:\[[^\]\n]{0,200}\])?"
    r"|\\(?P<accent>[\"'`^~=.]|[cvHru](?=\s?\{))\s?(?P<opened>\{)?\\?(?P<letter>[A-Za-z])(?(opened)\})"
    r"|\\(?P<rule>c(?:mid|)(?:line|rule))(?:\([lr]*\))?"
    r"|\\(?P<row>\\|tabularnewline\b)\*?(?:\[[^\]\n]{0,20}\])?"
    r"|\\(?P<command>[A-Za-z]+)\*?(?:[ \t]*\[(?P<option>[^\]\n]{0,200})\])?(?P<space>[ \t]*)"
    r"|\\(?P<symbol>.|\n)|(?P<mark>[{}&$~])|(?P<blank>\n[ \t]*\n\s*)|(?P<text>[^\\{}&$~%\n]+|\n|.)",
    re.DOTALL,
)
_SPACES = re.compile(r"[ \t\n]+")


def read_latex(file: File) -> Document | Builder:
    """Read a file; what the commands of a preamble would print is left out. Without any text, it is plain text."""
    text = file.text()
    builder = Builder(file.name)
    reader = _Reader(builder, "\\begin{document}" in text)
    place = 0
    while found := _TOKEN.match(text, place):
        place = found.end()
        environment = found["environment"]
        if found["edge"] == "begin" and environment in VERBATIM:
            end = text.find(f"\\end{{{environment}", place)
            reader.verbatim(text[place : end if end >= 0 else len(text)], environment)
            place = end if end >= 0 else len(text)
        elif environment == "document" and found["edge"] == "end":
            break
        else:
            reader.token(found)
    reader.flush()
    return builder if reader.found else read_text(file)


class _Reader:
    """Follows tokens in order.

    Args:
        builder: Builder of the document.
        has_preamble: Whether a preamble comes before the text.

    Attributes:
        found: Whether there was any text.
    """

    def __init__(self, builder: Builder, has_preamble: bool) -> None:
        self.found = False
        self._builder = builder
        self._is_preamble = has_preamble
        self._text: list[str] = []
        self._outer: list[list[str]] = []
        self._groups: list[str] = []
        self._dropped = 0
        self._arguments: list[str] = []
        self._rows: list[list[str]] | None = None

    def token(self, found: re.Match[str]) -> None:
        """Follow one token."""
        if found["comment"] is not None:
            return
        if found["edge"]:
            self._environment(found["edge"], found["environment"])
        elif found["accent"]:
            self._write(unicodedata.normalize("NFC", found["letter"] + ACCENTS[found["accent"]]))
        elif found["rule"]:
            self._arguments = ["drop"]
        elif found["row"]:
            self._end_row()
        elif found["command"]:
            self._command(found["command"], found["option"], found["space"])
        elif found["symbol"]:
            self._write(SYMBOLS.get(found["symbol"], ""))
        elif found["blank"]:
            self._blank()
        elif found["mark"]:
            self._mark(found["mark"])
        else:
            self._write(found["text"].rstrip("\\"))

    def verbatim(self, text: str, environment: str) -> None:
        """Add a text as it stands; a block of comments is none."""
        self.flush()
        if environment != "comment" and text.strip():
            self.found = True
            self._builder.text(text.strip("\n"))

    def flush(self) -> None:
        """End a paragraph."""
        if self._rows is None and not self._outer:
            text = _SPACES.sub(" ", "".join(self._text)).strip()
            self._text = []
            self.found = self.found or bool(text)
            self._builder.text(text)

    def _write(self, text: str) -> None:
        if not self._dropped and (not self._is_preamble or self._outer):
            self._text.append(text)
        if text.strip():
            self._arguments = []

    def _blank(self) -> None:
        if self._outer or self._rows is not None:
            self._write(" ")
        else:
            self.flush()

    def _environment(self, edge: str, name: str) -> None:
        if name == "document":
            self._is_preamble = False
        elif name in TABLES and edge == "begin":
            self.flush()
            self._rows = [[]]
            self._arguments = list(TABLES[name])
        elif name in TABLES and self._rows is not None:
            self._end_row()
            rows, self._rows = self._rows, None
            self.found = self.found or any(map(any, rows))
            self._builder.table(row for row in rows if any(row))
        else:
            self._blank()

    def _command(self, name: str, option: str | None, space: str) -> None:
        if name in HEADINGS:
            self._blank()
            self._arguments = ["heading"]
        elif name == "item":
            self._blank()
            self._write(f"- {option} " if option else "- ")
        elif name in WORDS:
            self._write(WORDS[name] + ("" if WORDS[name].isalpha() else space))
        elif name == "par":
            self._blank()
        else:
            self._arguments = list(ARGUMENTS.get(name, self._arguments))

    def _mark(self, mark: str) -> None:
        if mark == "{":
            kind = self._arguments.pop(0) if self._arguments else "text"
            self._groups.append(kind)
            self._dropped += kind == "drop"
            if kind == "heading":
                self._outer.append(self._text)
                self._text = []
            elif kind == "note":
                self._write(" (")
        elif mark == "}" and self._groups:
            self._end_group(self._groups.pop())
        elif mark == "&" and self._rows is not None:
            self._end_cell()
        elif mark in "&~":
            self._write(" ")

    def _end_group(self, kind: str) -> None:
        self._dropped -= kind == "drop"
        if kind == "note":
            self._write(")")
        elif kind == "heading":
            title = _SPACES.sub(" ", "".join(self._text)).strip()
            self._text = self._outer.pop()
            if not self._outer:
                self.found = self.found or bool(title)
                self._builder.heading(title)

    def _end_cell(self) -> None:
        if self._rows is not None:
            self._rows[-1].append(_SPACES.sub(" ", "".join(self._text)).strip())
            self._text = []

    def _end_row(self) -> None:
        if self._rows is None:
            self._write(" ")
            return
        self._end_cell()
        self._rows.append([])
