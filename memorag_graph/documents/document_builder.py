"""Build a text with pages and sections from blocks."""

import re
from collections.abc import Iterable, Sequence

from memorag_graph.documents.page_map import PageMap
from memorag_graph.errors import InputError

MOST_CHARACTERS = 200_000_000
"""Maximum characters of a built text; a few bytes of a file can expand to many."""

_BLANK_LINE = "\n\n"
_SPACES = re.compile(r"\s+")
_LEADING = re.compile(r"\A[\s\ufeff]+")
"""White space and byte order marks, which :func:`~memorag_graph.documents.document.clean_text` would remove later."""

_LONGEST_HEADING = 120


class Builder:
    """Builds a text from blocks, separated by blank lines.

    Args:
        name: Name of the file, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._blocks: list[str] = []
        self._length = 0
        self._pages: list[tuple[int, int]] = []
        self._sections: list[tuple[int, str]] = []

    def page(self, number: int) -> None:
        """Begin a page."""
        self._pages.append((self._length, number))

    def heading(self, text: str) -> None:
        """Add a heading, which starts a section."""
        self.text(text, [(0, text)])

    def text(self, text: str, headings: Iterable[tuple[int, str]] = ()) -> None:
        """Add a block.

        Args:
            text: Text of the block; blank blocks are skipped.
            headings: Offset in the block and title of each heading.

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
                self._sections.append((self._length + max(0, start - ahead), title[:_LONGEST_HEADING]))
        self._blocks.append(kept)
        self._length += len(kept) + len(_BLANK_LINE)
        if self._length > MOST_CHARACTERS:
            raise InputError(
                "file", f"{self._name} contains more than {MOST_CHARACTERS:,} characters of text; split it"
            )

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Add a table: a line per row, cells separated by bars."""
        lines = [" | ".join(_SPACES.sub(" ", cell).strip() for cell in row) for row in rows]
        self.text("\n".join(line for line in lines if line.strip(" |")))

    def build(self) -> tuple[str, PageMap]:
        """Return the text and its page map."""
        return _BLANK_LINE.join(self._blocks), PageMap(tuple(self._pages), tuple(self._sections))
