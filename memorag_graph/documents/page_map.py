"""Map offsets of a text to pages, sections, labels and table headers."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypedDict, TypeVar

Mark = TypeVar("Mark")

_first = itemgetter(0)


class Place(TypedDict):
    """What is known of a place in a text: its page, section, label and table header; None for what is not."""

    page: int | None
    ocr: bool | None
    """True if the page is a picture whose text was read by OCR, so that it may contain errors; else None."""
    section: str | None
    label: str | None
    header: str | None


@dataclass(frozen=True, slots=True)
class PageMap:
    """What a document says about the places of its text, in order.

    Attributes:
        pages: Start offset and number of each page.
        sections: Start offset and text of each section's heading.
        labels: Start offset and the document's own name of a place: a page's label ("iv"), the time of a subtitle.
        tables: Start and end offset of each table whose rows do not name their columns, and the text of its header.
        scanned: Numbers of the pages that are pictures, whose text was read by OCR.
    """

    pages: tuple[tuple[int, int], ...] = ()
    sections: tuple[tuple[int, str], ...] = ()
    labels: tuple[tuple[int, str], ...] = ()
    tables: tuple[tuple[int, int, str], ...] = ()
    scanned: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is known."""
        return bool(self.pages or self.sections or self.labels or self.tables)

    def page(self, offset: int) -> int | None:
        """Return the page number at an offset; None if unknown."""
        return _last_before(self.pages, offset)

    def section(self, offset: int) -> str | None:
        """Return the heading of the section at an offset; None if unknown."""
        return _last_before(self.sections, offset)

    def label(self, offset: int) -> str | None:
        """Return the document's own name of the place at an offset; None if there is none."""
        return _last_before(self.labels, offset) or None

    def header(self, offset: int) -> str | None:
        """Return the header of the table at an offset; None outside tables, and in the header itself."""
        place = bisect_right(self.tables, offset, key=_first)
        if not place:
            return None
        start, end, header = self.tables[place - 1]
        return header if start <= offset < end else None

    def place(self, offset: int) -> Place:
        """Return all that is known of the place at an offset."""
        page = self.page(offset)
        return Place(
            page=page,
            ocr=True if page in self.scanned else None,
            section=self.section(offset),
            label=self.label(offset),
            header=self.header(offset),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        found = {"pages": [list(page) for page in self.pages], "sections": [list(it) for it in self.sections]}
        more = {
            "labels": [list(it) for it in self.labels],
            "tables": [list(it) for it in self.tables],
            "scanned": list(self.scanned),
        }
        return found | {name: values for name, values in more.items() if values}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "PageMap":
        """Read the fields back from plain values."""
        return cls(
            tuple((int(start), int(number)) for start, number in given.get("pages", ())),
            tuple((int(start), str(title)) for start, title in given.get("sections", ())),
            tuple((int(start), str(label)) for start, label in given.get("labels", ())),
            tuple((int(start), int(end), str(header)) for start, end, header in given.get("tables", ())),
            tuple(int(number) for number in given.get("scanned", ())),
        )


def _last_before(marks: Sequence[tuple[int, Mark]], offset: int) -> Mark | None:
    place = bisect_right(marks, offset, key=_first)
    return marks[place - 1][1] if place else None


NO_PAGES = PageMap()
"""Page map of a text of which no places are known."""
