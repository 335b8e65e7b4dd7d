"""Build a text from blocks, with its pages, sections, labels and notices."""

import re
from collections.abc import Iterable, Sequence

from memorag_graph.documents.document import Document, clean_text
from memorag_graph.documents.page_map import PageMap
from memorag_graph.documents.table_grid import Cell, table_lines
from memorag_graph.documents.table_rows import rows_as_records
from memorag_graph.errors import InputError

MOST_CHARACTERS = 200_000_000
"""Maximum characters of a built text; a few bytes of a file can expand to many."""

_BLANK_LINE = "\n\n"
_SPACES = re.compile(r"\s+")
_LEADING = re.compile(r"\A[\s\ufeff]+")
"""White space and byte order marks, which :func:`~memorag_graph.documents.document.clean_text` would remove later."""

_NO_TITLE = re.compile(
    r"(?:microsoft )?(?:word|powerpoint|excel)\b.*|untitled.*|unbenannt.*|do[ck]ument\d*|title|slide ?\d*|\S+\.\w{2,5}",
    re.IGNORECASE,
)
"""What programs write where nobody gave a title."""

LONGEST_HEADING = 120
"""Characters of the title of a section; the rest of a longer one is left out."""


class Builder:
    """Builds a text from blocks, separated by blank lines.

    Args:
        name: Name of the file, for messages.

    Attributes:
        name: The same.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._blocks: list[str] = []
        self._length = 0
        self._pages: list[tuple[int, int]] = []
        self._sections: list[tuple[int, str]] = []
        self._labels: list[tuple[int, str]] = []
        self._tables: list[tuple[int, int, str]] = []
        self._scanned: tuple[int, ...] = ()
        self._notices: dict[str, None] = {}
        self._title = ""

    def title(self, text: str) -> None:
        """Give the document a title, which names its beginning unless a heading says the same; templates' are not."""
        text = _SPACES.sub(" ", clean_text(text)).strip()[:LONGEST_HEADING]
        self._title = "" if _NO_TITLE.fullmatch(text) else text

    def page(self, number: int) -> None:
        """Begin a page."""
        self._pages.append((self._length, number))

    def scanned(self, pages: Iterable[int]) -> None:
        """Note the numbers of the pages that are pictures, whose text was read by OCR."""
        self._scanned = tuple(pages)

    def label(self, text: str) -> None:
        """Begin a place that the document itself names; an empty text ends it."""
        self._labels.append((self._length, text))

    def notice(self, text: str) -> None:
        """Say something that a reader of the document should know of how it was read; said twice, it counts once."""
        self._notices[text] = None

    def heading(self, text: str) -> None:
        """Add a heading, which starts a section."""
        self.text(text, [(0, text)])

    def section(self, title: str) -> None:
        """Begin a section with the next block, whose text need not name it; a blank title begins none."""
        if title := _SPACES.sub(" ", _LEADING.sub("", title)).strip():
            self._sections.append((self._length, title[:LONGEST_HEADING]))

    def hidden(self) -> None:
        """Note that text which the document hides from its readers was left out."""
        self.notice("Hidden text was left out.")

    def text(
        self,
        text: str,
        headings: Iterable[tuple[int, str]] = (),
        labels: Iterable[tuple[int, str]] = (),
        tables: Iterable[tuple[int, int, str]] = (),
    ) -> None:
        """Add a block.

        Args:
            text: Text of the block; blank blocks are skipped.
            headings: Offset in the block and title of each heading.
            labels: Offset in the block and the document's own name of each place, see :meth:`label`.
            tables: Start and end in the block of each table whose rows do not name their columns, and its header.

        Raises:
            InputError: If the text becomes too long.
        """
        kept = _LEADING.sub("", text)
        ahead = len(text) - len(kept)
        kept = kept.rstrip()
        if not kept:
            return
        for start, title in headings:
            if title := _SPACES.sub(" ", _LEADING.sub("", title)).strip():
                self._sections.append((self._length + max(0, start - ahead), title[:LONGEST_HEADING]))
        shift = self._length - ahead
        self._labels.extend((max(self._length, shift + start), label) for start, label in labels)
        self._tables.extend((shift + start, shift + end, header) for start, end, header in tables)
        self._blocks.append(kept)
        self._length += len(kept) + len(_BLANK_LINE)
        self.require_room()

    def require_room(self, characters: int = 0) -> None:
        """Check that so many characters may be added.

        Raises:
            InputError: If the text would become too long.
        """
        if self._length + characters > MOST_CHARACTERS:
            raise InputError("file", f"{self.name} contains more than {MOST_CHARACTERS:,} characters of text; split it")

    def table(self, rows: Iterable[Sequence[str]], header_rows: int | None = None) -> None:
        """Add a table, a line for each row; see :func:`~memorag_graph.documents.table_rows.rows_as_records`."""
        self.text("\n".join(rows_as_records(rows, header_rows)))

    def spanned_table(self, rows: Iterable[Sequence[Cell]], header_rows: int | None = None) -> None:
        """Add a table whose cells may span rows and columns; see :func:`~.table_grid.table_lines`."""
        self.text("\n".join(table_lines(rows, header_rows)))

    def build(self) -> Document:
        """Return the document.

        Raises:
            InputError: If it contains no text.
        """
        text = _BLANK_LINE.join(self._blocks)
        if not text:
            why = f" ({'; '.join(self._notices)})" if self._notices else ""
            raise InputError("file", f"{self.name} contains no text{why}; give a document that does")
        known = {title.casefold() for _, title in self._sections}
        titles = [(0, self._title)] if self._title and self._title.casefold() not in known else []
        sections, labels, tables = (*titles, *self._sections), tuple(self._labels), tuple(self._tables)
        page_map = PageMap(tuple(self._pages), sections, labels, tables, self._scanned)
        return Document(clean_text(self.name), clean_text(text), page_map, tuple(self._notices))
