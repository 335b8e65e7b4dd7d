"""The colours of an RTF file, and which texts cannot be told from their background."""

from memorag_graph.documents.css_values import Colour, are_alike

_WHITE: Colour = (255, 255, 255)
_PARTS = ("red", "green", "blue")


class Colours:
    """The table of colours, and the backgrounds of the paragraph and the cells that are being read."""

    def __init__(self) -> None:
        self._colours: list[Colour | None] = []
        self._parts: dict[str, int] = {}
        self._paragraph = self._cell = 0
        self._cells: list[int] = []

    def control(self, word: str, number: int | None) -> None:
        """Read a part of a colour, or the number of a background."""
        if word in _PARTS:
            self._parts[word] = min(max(number or 0, 0), 255)
        elif word in ("pard", "cbpat"):
            self._paragraph = number or 0
        elif word == "clcbpat":
            self._cell = number or 0
        elif word == "cellx":
            self._cells.append(self._cell)
            self._cell = 0
        elif word == "trowd":
            self._cells = []

    def text(self, text: str) -> None:
        """Read the ends of the table's entries; an entry without parts is the automatic colour."""
        for _ in range(text.count(";")):
            whole = (self._parts.get("red", 0), self._parts.get("green", 0), self._parts.get("blue", 0))
            self._colours.append(whole if self._parts else None)
            self._parts = {}

    def is_invisible(self, text: int, ground: int, column: int | None) -> bool:
        """Return whether a text cannot be seen on its background.

        Args:
            text: Number of its colour; 0 for the automatic one.
            ground: Number of the colour behind it; 0 for that of the paragraph, below 0 if it is not known.
            column: Position of its cell in a table.
        """
        own = self._colour(text)
        cell = self._cells[column] if column is not None and column < len(self._cells) else 0
        behind = ground or self._paragraph or cell
        seen_on = self._colour(behind) if behind else _WHITE
        return own is not None and own != (0, 0, 0) and seen_on is not None and are_alike(own, seen_on)

    def _colour(self, number: int) -> Colour | None:
        return self._colours[number] if 0 <= number < len(self._colours) else None
