"""Join the pages of a PDF: running heads go, tables and sentences that a page break cuts become whole."""

import re
from collections.abc import Sequence

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.pdf.blocks import Block, Paragraph, Table
from memorag_graph.documents.pdf.carried_tables import continued, with_names
from memorag_graph.documents.pdf.paragraphs import flows_on, joined
from memorag_graph.documents.table_rows import rows_as_records

_SENTENCE_END = re.compile(r"""[.!?。！？؟۔।]["'”’»)\]]*(?=\s|$)""")
_LONGEST_REST = 1000
"""Characters that are moved to the page before at most, to make a sentence whole."""


class PageJoiner:
    """Adds pages to a builder, one after another.

    A page waits for the next one: the rest of its last row or sentence may stand there.
    """

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._before: list[Block] = []
        self._waiting: Block | None = None
        self._titles: list[str] = []

    @property
    def table(self) -> Table | None:
        """The table at the end of the last page; None if it ends with something else."""
        return self._waiting if isinstance(self._waiting, Table) else None

    def add(self, number: int, label: str | None, blocks: Sequence[Block], titles: Sequence[str]) -> None:
        """Add a page.

        Args:
            number: Its number, from 1.
            label: Its label, if that is not its number; an empty one ends a label.
            blocks: What stands on it.
            titles: Titles of the sections that begin on it.
        """
        blocks = self._completed(list(blocks))
        self.close()
        self._builder.page(number)
        if label is not None:
            self._builder.label(label)
        self._titles = list(titles)
        self._before = _grouped(blocks[:-1])
        self._waiting = blocks[-1] if blocks else None

    def close(self) -> None:
        """Write what waits."""
        blocks = [*self._before, *([self._waiting] if self._waiting is not None else [])]
        texts = [(text, isinstance(block, Paragraph)) for block in blocks if (text := _text(block)).strip()]
        if texts:
            headings = _located(self._titles, [text if is_paragraph else "" for text, is_paragraph in texts])
            for (text, _), found in zip(texts, headings, strict=True):
                self._builder.text(text, found)
        else:
            for title in self._titles:
                self._builder.section(title)
        self._before, self._waiting, self._titles = [], None, []

    def _completed(self, blocks: list[Block]) -> list[Block]:
        """Complete what waits with the beginning of a page; return the rest of the page."""
        if not blocks or self._waiting is None:
            return blocks
        first = blocks[0]
        if isinstance(self._waiting, Table):
            if (named := with_names(self._waiting, first)) is not None:
                self._waiting = None
                return [named, *blocks[1:]]
            table = continued(self._waiting, first)
            if table is None:
                return blocks
            if table.opening is not None and self._waiting.rows:
                self._waiting = self._waiting.continued_by(table.opening)
            return [table, *blocks[1:]]
        if isinstance(first, Paragraph) and flows_on(self._waiting, first):
            end = _SENTENCE_END.search(first.text, 0, _LONGEST_REST)
            moved = end.end() if end else len(first.text) if len(first.text) <= _LONGEST_REST else 0
            if moved:
                self._waiting = Paragraph(joined(self._waiting.text, first.text[:moved]), False, True)
                rest = first.text[moved:].strip()
                return [*([Paragraph(rest, first.goes_on)] if rest else []), *blocks[1:]]
        return blocks


def _text(block: Block) -> str:
    if isinstance(block, Paragraph):
        return block.text
    rows = [*block.header, *block.rows]
    if not block.header and rows and len(rows[0]) == 2:
        return "\n".join(map(_pair, rows))
    return "\n".join(rows_as_records(rows, len(block.header) if block.rows else 0))


def _located(titles: Sequence[str], texts: Sequence[str]) -> list[list[tuple[int, str]]]:
    """Locate a page's titles in its texts, in order; return the offset and title of those of each text.

    One that is not found counts from the one before it, or from the page's start.
    """
    found: list[list[tuple[int, str]]] = [[] for _ in texts]
    last = (0, 0)
    for number, text in enumerate(texts):
        place = 0
        while match := _next_title(titles, text, place):
            at, place = match
            for missing in titles[:at]:
                found[last[0]].append((last[1], missing))
            last = (number, place)
            found[number].append((place, titles[at]))
            titles = titles[at + 1 :]
    for missing in titles:
        found[last[0]].append((last[1], missing))
    return found


def _next_title(titles: Sequence[str], text: str, start: int) -> tuple[int, int] | None:
    """Return the position of the first title that a text contains, and its offset; None if there is none."""
    for at, title in enumerate(titles):
        words = r"\s+".join(map(re.escape, title.split()))
        if words and (match := re.compile(words, re.IGNORECASE).search(text, start)):
            return at, match.start()
    return None


def _pair(row: Sequence[str]) -> str:
    """Return a label and its value as a line."""
    label, value = row
    return f"{label} {value}" if label.endswith(":") else " | ".join(filter(None, row))


def _grouped(blocks: Sequence[Block]) -> list[Block]:
    """Join paragraphs that only a line break keeps apart."""
    found: list[Block] = []
    for block in blocks:
        before = found[-1] if found else None
        if isinstance(block, Paragraph) and isinstance(before, Paragraph) and not block.stands_apart:
            found[-1] = Paragraph(f"{before.text}\n{block.text}", block.goes_on, before.stands_apart)
        else:
            found.append(block)
    return found
