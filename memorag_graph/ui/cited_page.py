"""Show the pages of a PDF on which a citation stands as pictures, with the quotation marked."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.documents.cited_rows import CitedRows
from memorag_graph.documents.pdf.page_picture import PagePicture, Quotation, draw_page
from memorag_graph.errors import MemoragError
from memorag_graph.text.chunking import Chunk
from memorag_graph.ui.passages import escaped, text_between

_BEFORE, _AFTER = 120, 60
"""Characters around a quotation that tell equal sentences of a page apart."""

_MOST_PAGES = 2
"""Pages that are shown of a quotation which goes on for more."""

_LONGEST_ALTERNATIVE = 300
_DRAWN = "drawn_pages"


@dataclass(frozen=True)
class CitedDocument:
    """The document that is cited.

    Attributes:
        chunks: Its text, in parts.
        page_map: Where its pages are.
        file: The PDF file from which it was read, if it was kept.
    """

    chunks: Sequence[Chunk]
    page_map: PageMap = NO_PAGES
    file: Path | None = None


def show(document: CitedDocument, citation: Mapping[str, Any], head: DeltaGenerator) -> bool:
    """Show the pages of a citation; return whether its text is wanted, too, as nothing is shown or marked.

    Args:
        document: The document that is cited.
        citation: The citation.
        head: Where the means to enlarge the pages are shown.
    """
    if document.file is None:
        if citation.get("page") is not None and str(citation["source"]).lower().endswith(".pdf"):
            st.caption("Of this PDF, only the text was kept: its pages cannot be shown.")
        return True
    parts = page_parts(document, citation)
    if not parts:
        return True
    try:
        pages = _drawn(document.file, parts)
    except MemoragError as error:
        reason = str(error).removeprefix("file: ").removeprefix("page: ")
        st.caption(f"The page cannot be shown, so this is its text: {escaped(reason)}.")
        return True
    name = str(citation["source"])
    title = f"{name}, page {parts[0][0]}"
    shown = [page_html(page, name, number, part.text) for (number, part), page in zip(parts, pages, strict=True)]
    html = f'<div class="page" role="group" aria-label="{escape(title)}" tabindex="0">{"".join(shown)}</div>'
    st.html(html)
    if head.button("Enlarge", icon=":material/zoom_in:", key="enlarge", type="tertiary"):
        st.dialog(escaped(title), width="large")(st.html)(html)
    if any(page.marks for page in pages):
        return False
    st.caption("The passage was not found on the picture of the page, so nothing is marked. This is its text.")
    return True


def page_parts(document: CitedDocument, citation: Mapping[str, Any]) -> list[tuple[int, Quotation]]:
    """Return the numbers of the pages on which a citation stands, and what is quoted from each."""
    start, end, source = int(citation["start"]), int(citation["end"]), citation["source"]
    pages = document.page_map.pages
    parts = []
    ends = [*(first for first, _ in pages[1:]), end + _AFTER]
    for (first, number), last in zip(pages, ends, strict=False):
        begin, stop = max(first, start), min(last, end)
        text = citation["quote"][max(0, begin - start) : max(0, stop - start)]
        if text.strip():
            before, _ = text_between(document.chunks, source, max(first, begin - _BEFORE), begin)
            after, _ = text_between(document.chunks, source, stop, min(last, stop + _AFTER))
            parts.append((number, Quotation(text, before, after)))
    return parts[:_MOST_PAGES]


def page_html(picture: PagePicture, name: str, number: int, quote: str) -> str:
    """Return a picture of a page as HTML, with a text for those who do not see it.

    Args:
        picture: The picture.
        name: Name of the document.
        number: Number of the page.
        quote: What is quoted from the page.
    """
    told = " ".join(quote.split())[:_LONGEST_ALTERNATIVE]
    marked = f". Marked: “{told}”" if picture.marks else ""
    data = base64.b64encode(picture.data).decode()
    marks = "".join(
        f'<mark style="left:{left:.3%};top:{top:.3%};width:{width:.3%};height:{height:.3%}"></mark>'
        for left, top, width, height in picture.marks
    )
    if picture.marks:  # what is scrolled into view
        left, top = (min(mark[side] for mark in picture.marks) for side in (0, 1))
        marks += f'<span class="begin" style="left:{left:.3%};top:{top:.3%}"></span>'
    return (
        f'<div class="sheet"><img src="data:{picture.media_type};base64,{data}" width="{picture.width}" '
        f'height="{picture.height}" alt="Page {number} of {escape(name)}{escape(marked)}">{marks}</div>'
    )


def table_html(table: CitedRows) -> str:
    """Return rows of a table as HTML, under the names of their columns."""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.names)
    head = f"<thead><tr>{names}</tr></thead>" if any(table.names) else ""
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f'<div class="cited-rows"><table>{head}<tbody>{rows}</tbody></table></div>'


def _drawn(file: Path, parts: Sequence[tuple[int, Quotation]]) -> list[PagePicture]:
    """Return the pictures of pages; the last ones are kept for the session, as the page is made anew at every click.

    Raises:
        MemoragError: If a page cannot be drawn.
    """
    wanted = (file, tuple(parts))
    known, pages = st.session_state.get(_DRAWN, (None, []))
    if known != wanted:
        pages = [draw_page(file, number, quotation) for number, quotation in parts]
        st.session_state[_DRAWN] = (wanted, pages)
    return list(pages)
