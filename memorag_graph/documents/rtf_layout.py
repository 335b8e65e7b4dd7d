"""Put the text of an RTF file in paragraphs, headings, tables and footnotes."""

import re

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.marks import Mark, joined
from memorag_graph.documents.rtf_tables import RtfCell, spanned

_ENDS = ("par", "sect", "page", "column")
_HEADING = re.compile(r"(?:heading \d|title)\s*;?$", re.IGNORECASE)
_BODY_LEVEL = 9
_MOST_CELLS = 2_000_000


class Layout:
    """Collects text and adds it to a builder, paragraph by paragraph.

    Args:
        builder: Builder of the document.

    Attributes:
        is_table: Whether the paragraph is in a table.
    """

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._runs: list[tuple[str, Mark]] = []
        self._note: list[tuple[str, Mark]] = []
        self._notes: list[str] = []
        self._style, self._level = 0, _BODY_LEVEL
        self._style_text: list[str] = []
        self._headings: set[int] = set()
        self._cell: list[str] = []
        self._row: list[str] = []
        self._merges: list[tuple[str, int]] = []
        self._merge = ""
        self._is_header, self._headers, self.is_table = False, 0, False
        self._rows: list[list[RtfCell]] = []
        self._count = 0

    @property
    def column(self) -> int:
        """Position of the cell that text now goes to, in its row."""
        return len(self._row)

    def write(self, text: str, mark: Mark, target: str) -> None:
        """Add text to what it is for."""
        if target == "body":
            self._runs.append((text, mark))
        elif target == "label":  # the number or bullet of a list's item, and a tab
            self._runs.append((text.replace("\t", " "), mark))
        elif target == "footnote":
            self._note.append((text, mark))
        elif target == "style":
            self._style_text.append(text)
            if text.endswith(";"):
                if _HEADING.search("".join(self._style_text).strip()):
                    self._headings.add(self._style)
                self._style_text.clear()
                self._style = 0

    def enter(self, target: str) -> None:
        """Begin a group that is for something else."""
        if target == "footnote":
            self._note.clear()

    def leave(self, target: str) -> None:
        """End a group that was for something else."""
        if target == "footnote":
            if note := joined(self._note).strip():
                self._notes.append(note)
            self._note = []
        elif target == "style":
            self._style = 0

    def control(self, word: str, number: int | None, target: str) -> None:
        """Follow a control word that forms paragraphs or tables."""
        if word == "s" and target != "footnote":
            self._style = number or 0
        elif target == "footnote" and word == "par":
            self._note.append((" ", ""))
        elif target == "body":
            if word in _ENDS:
                self._end_paragraph()
            elif word == "pard":
                self._style, self._level, self.is_table = 0, _BODY_LEVEL, False
            elif word == "outlinelevel":
                self._level = number if number is not None else _BODY_LEVEL
            else:
                self._table_control(word, number or 0)

    def end(self) -> None:
        """Add what is left."""
        self._end_row()
        self._end_paragraph()
        self._end_table()

    def _table_control(self, word: str, number: int) -> None:
        if word == "intbl":
            self.is_table = True
        elif word == "trowd":
            self._merges, self._merge, self._is_header = [], "", False
        elif word == "trhdr":
            self._is_header = True
        elif word in ("clmrg", "clvmrg"):
            self._merge = word
        elif word == "cellx":
            self._merges.append((self._merge, number))
            self._merge = ""
        elif word == "cell":
            self._cell.append(self._taken())
            self._row.append("\n".join(filter(None, self._cell)))
            self._cell.clear()
        elif word == "row":
            self._end_row()

    def _taken(self) -> str:
        text = joined(self._runs).strip()
        self._runs = []
        return text

    def _end_paragraph(self) -> None:
        text = self._taken()
        if self.is_table or (self._cell and not self._rows):
            self._cell.append(text)
            return
        if text:
            self._end_table()
            if self._level < _BODY_LEVEL or self._style in self._headings:
                self._builder.heading(" ".join(text.split()))
            else:
                self._builder.text(text)
            self._add_notes()

    def _add_notes(self) -> None:
        for note in self._notes:
            self._builder.text(note)
        self._notes.clear()

    def _end_row(self) -> None:
        if not self._row:
            return
        known = [*self._merges, *([("", 0)] * len(self._row))]
        cells = [RtfCell(text, merge, right) for text, (merge, right) in zip(self._row, known, strict=False)]
        self._count += len(cells)
        self._headers += self._is_header and self._headers == len(self._rows)
        self._rows.append(cells)
        self._row = []
        if self._count > _MOST_CELLS:
            self._end_table()

    def _end_table(self) -> None:
        if self._rows:
            self._builder.spanned_table(spanned(self._rows), self._headers or None)
            self._add_notes()
        self._rows, self._headers, self._count = [], 0, 0
        if self._cell:
            self._builder.text("\n".join(filter(None, self._cell)))
            self._cell = []
