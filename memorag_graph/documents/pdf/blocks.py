"""What the layout of a page finds: lines, paragraphs and tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

Row = list[str]
"""Cells of a table's row."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        text: Its text.
        left: Left edge in points; where lines begin at the right, the distance of its right edge from a fixed place.
        right: Where it ends, likewise.
        top: Its upper edge.
        bottom: Its lower edge.
        first_word: Width of its first word.
    """

    text: str
    left: float
    right: float
    top: float
    bottom: float
    first_word: float

    @property
    def height(self) -> float:
        """Font size in points."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph.

    Attributes:
        text: Its text.
        goes_on: Whether its last line is full, so that it may go on in the next column or on the next page.
        stands_apart: Whether more than a line break separates it from the paragraph before.
    """

    text: str
    goes_on: bool = False
    stands_apart: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table, or the part of it that stands on a page.

    Attributes:
        rows: Its rows below the header.
        header: The rows that name its columns; none if it has no header.
        columns: Left and right edge of each column in points.
        opening: Cells at the top of the page that continue the last row of the page before.
        is_marked: Whether its header differs from the rows in its font, or by a rule under it.
    """

    rows: Sequence[Row]
    header: Sequence[Row] = ()
    columns: Sequence[tuple[float, float]] = field(default=())
    opening: Row | None = None
    is_marked: bool = False

    def continued_by(self, cells: Row) -> "Table":
        """Return the table with cells added to those of its last row."""
        last = [" ".join(filter(None, pair)) for pair in zip(self.rows[-1], cells, strict=True)]
        return replace(self, rows=[*self.rows[:-1], last])


Block = Paragraph | Table
