"""Find headings of plain text that differ in their year alone: "Annual report 2014", "Annual report 2015"."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from memorag_graph.text.numbers import YEAR

_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_LINE = re.compile(rf"^[ \t]{{0,12}}(?P<title>[^\n\d]{{0,80}}{_YEAR.pattern}[^\n\d]{{0,80}}?)[ \t]*$", re.MULTILINE)
_ENDS_SENTENCE = re.compile(r"[.!?;:,]$")
_AROUND = 200
"""Characters that are looked at before and after a line."""

_FEWEST = 2
"""Least years of a wording whose lines are headings."""


FEWEST_YEARS = 3
"""Least years of which something can be followed from year to year."""


def yearly_headings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the offset and the text of each line that begins the part of a document about a year, in order.

    It stands between blank lines, or at the start, and other such lines have the same words with other years.
    """
    found = [
        (it.start("title"), " ".join(it["title"].split())) for it in _LINE.finditer(text) if _stands_alone(text, it)
    ]
    titles: dict[str, set[str]] = defaultdict(set)
    for _, title in found:
        titles[_YEAR.sub("#", title).casefold()].add(title.casefold())
    for start, title in found:
        if len(titles[_YEAR.sub("#", title).casefold()]) >= _FEWEST:
            yield start, title


def are_yearly(sections: Sequence[tuple[int, str]]) -> bool:
    """Return whether the known headings of a document are several that differ in their year alone.

    Such headings are known where there are no others, so that the first two and the last are compared, not thousands.
    """
    ends = [title for _, title in (*sections[:_FEWEST], *sections[-1:])]
    return len(sections) >= _FEWEST and _differ_in_year(ends)


def year_parts(sections: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the headings that begin a part of a document about one year, in order; else nothing.

    Each names one year; these, at least two, follow each other in either order.

    Args:
        sections: Offset and text of the headings.
    """
    found = [(start, title) for start, title in sections if named_year(title)]
    years = [year for year, _ in groupby(named_year(title) for _, title in found)]
    follow = sorted(years) in (years, years[::-1]) and len(set(years)) == len(years) >= _FEWEST
    return found if follow else []


def named_year(title: str) -> int:
    """Return the only year that a title names; 0 if it names none or several."""
    years = set(YEAR.findall(title))
    return int(years.pop()) if len(years) == 1 else 0


def year_title(sections: Sequence[tuple[int, str]], source: str, offset: int) -> str:
    """Return the heading that tells of which year a place is, or else the name of its document; empty if none does.

    Args:
        sections: Offset and text of the headings.
        source: The name of the document.
        offset: The place.
    """
    above = [title for start, title in year_parts(sections) if start <= offset]
    return above[-1] if above else source if named_year(source) else ""


def _differ_in_year(titles: Sequence[str]) -> bool:
    """Return whether titles are the same but for their years."""
    return len({_YEAR.sub("#", title).casefold() for title in titles}) == 1


def _stands_alone(text: str, line: re.Match[str]) -> bool:
    """Return whether a line is a paragraph of its own that is no sentence."""
    before = text[max(0, line.start() - _AROUND) : line.start()].rstrip(" \t")
    after = text[line.end() : line.end() + _AROUND].replace(" ", "").replace("\t", "")
    is_apart = (not before.strip() or before.endswith("\n\n")) and (not after.strip() or after.startswith("\n\n"))
    return is_apart and any(map(str.isalpha, line["title"])) and not _ENDS_SENTENCE.search(line["title"])
