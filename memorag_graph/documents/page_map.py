"""Map offsets of a text to pages and sections."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar

Mark = TypeVar("Mark")

_first = itemgetter(0)


@dataclass(frozen=True, slots=True)
class PageMap:
    """The pages and sections of a text, in order.

    Attributes:
        pages: Start offset and number of each page.
        sections: Start offset and text of each section's heading.
    """

    pages: tuple[tuple[int, int], ...] = ()
    sections: tuple[tuple[int, str], ...] = ()

    def __bool__(self) -> bool:
        """Return whether any page or section is known."""
        return bool(self.pages or self.sections)

    def page(self, offset: int) -> int | None:
        """Return the page number at an offset; None if unknown."""
        return _last_before(self.pages, offset)

    def section(self, offset: int) -> str | None:
        """Return the heading of the section at an offset; None if unknown."""
        return _last_before(self.sections, offset)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {"pages": [list(page) for page in self.pages], "sections": [list(it) for it in self.sections]}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "PageMap":
        """Read the fields back from plain values."""
        pages = tuple((int(start), int(number)) for start, number in given.get("pages", ()))
        return cls(pages, tuple((int(start), str(title)) for start, title in given.get("sections", ())))


def _last_before(marks: Sequence[tuple[int, Mark]], offset: int) -> Mark | None:
    place = bisect_right(marks, offset, key=_first)
    return marks[place - 1][1] if place else None


NO_PAGES = PageMap()
"""Page map of a text without known pages and sections."""
