"""Render the passage around a citation as HTML, with the quotation marked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from memorag_graph.text.chunking import Chunk

_MARKS = re.compile(r"[\\*_`#<\[\]$:~]")
_BEFORE = 500
_AFTER = 1500
_LINES = 8
"""Maximum lines before a quotation, so that it stays visible even if they are short."""

_NEAR = 100
_NEAR_LINES = 2
"""Maximum characters and lines before a quotation in a narrow window."""


def passage_html(chunks: Sequence[Chunk], citation: Mapping[str, Any]) -> str:
    """Return the text around a quotation as HTML.

    Args:
        chunks: The memory's chunks.
        citation: ``source``, ``start`` and ``end`` of the quotation.
    """
    start, end = int(citation["start"]), int(citation["end"])
    text, first = text_between(chunks, citation["source"], max(0, start - _BEFORE), end + _AFTER)
    before, quote, after = text[: start - first], text[start - first : end - first], text[end - first :]
    if first:
        before = before.partition(" ")[2] or before  # start at a whole word
    shown = _last_lines(before, _LINES)
    near = _last_lines(shown[-_NEAR:], _NEAR_LINES)
    far = shown[: len(shown) - len(near)]
    begins = not first and shown == before
    return (
        f'<div class="passage"><span class="far">{"" if begins else "… "}{escape(far)}</span>{escape(near)}'
        f'<mark id="quotation">{escape(quote)}</mark>{escape(after)} …</div>'
    )


def is_quoted(chunks: Sequence[Chunk], citation: Mapping[str, Any]) -> bool:
    """Return whether a quotation still stands in its document, which may have been replaced; white space aside."""
    found, _ = text_between(chunks, citation["source"], int(citation["start"]), int(citation["end"]))
    return found.split() == str(citation["quote"]).split()


def _last_lines(text: str, lines: int) -> str:
    return "\n".join(text.split("\n")[-lines:])


def text_between(chunks: Sequence[Chunk], source: str, start: int, end: int) -> tuple[str, int]:
    """Return a document's text between two offsets, and the offset of its first known character.

    Memories do not keep white space between chunks; spaces and line feeds fill the gaps, so offsets stay valid.
    """
    pieces: list[str] = []
    place: int | None = None
    first = start
    for chunk in _overlapping(chunks, source, start, end):
        begin = max(chunk.start, start if place is None else place)
        if begin >= min(chunk.end, end):
            continue
        if place is None:
            first = begin
        elif begin > place:
            gap = begin - place
            pieces.append(" " * (gap - 2) + "\n" * min(gap, 2) if gap > 1 else " ")
        pieces.append(chunk.text[begin - chunk.start : end - chunk.start])
        place = min(chunk.end, end)
    return "".join(pieces), first


def _overlapping(chunks: Sequence[Chunk], source: str, start: int, end: int) -> Iterator[Chunk]:
    return (chunk for chunk in chunks if chunk.source == source and chunk.start < end and chunk.end > start)


def escaped(text: str) -> str:
    """Escape text of a document or model, so that Markdown shows no links, remote images, HTML or emphasis."""
    return _MARKS.sub(r"\\\g<0>", text)


def place_of(found: Mapping[str, Any]) -> str:
    """Describe the place of a quotation or passage: document, page, label, section."""
    page = f", page {found['page']}" if found.get("page") is not None else ""
    page += " (read by OCR)" if found.get("ocr") else ""
    page += f", {found['label']}" if found.get("label") else ""
    section = f", “{found['section']}”" if found.get("section") else ""
    offsets = "" if page else f", characters {found['start']:,}–{found['end']:,}"
    return f"{found['source']}{page}{section}{offsets}"
