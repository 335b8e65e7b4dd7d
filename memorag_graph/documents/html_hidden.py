"""Remove what a page hides from its readers: by attributes, inline styles and the rules of its style sheets."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from memorag_graph.documents.css_values import hides, is_at_most_a_pixel
from memorag_graph.documents.html_invisible import clear_invisible
from memorag_graph.documents.html_styles import Styles
from memorag_graph.documents.html_tables import span

_NOT_SHOWN = ("script", "style", "template", "noscript", "object", "datalist", "title", "meta", "link")
"""Elements whose text no browser shows."""


def remove_deleted(tree: Any) -> bool:  # noqa: ANN401 - the library's elements are untyped
    """Remove text that a page marks as deleted; return whether there was any."""
    deleted = [it for it in tree.iter("del") if it.getparent() is not None]
    for element in deleted:
        _drop(element)
    return bool(deleted)


def remove_hidden(tree: Any) -> bool:  # noqa: ANN401 - the library's elements are untyped
    """Remove hidden elements and those that are never shown.

    Returns:
        Whether hidden text was removed.
    """
    styles = Styles(tree)
    hidden = _hidden_elements(tree, styles)
    _shorten_spans(hidden)
    found = False
    for element in hidden:
        found = found or bool(element.text_content().strip())
        _drop(element)
    for element in list(tree.iter(*_NOT_SHOWN)):
        _drop(element)
    return clear_invisible(tree, styles) or found


def _drop(element: Any) -> None:  # noqa: ANN401
    """Remove an element; the text after it stays."""
    if element.getparent() is not None:
        element.drop_tree()


def _hidden_elements(tree: Any, styles: Styles) -> list[Any]:  # noqa: ANN401
    """Return the outermost hidden elements."""
    hidden: list[Any] = []
    waiting = [tree]
    while waiting:
        element = waiting.pop()
        if _is_hidden(element, styles.of(element)):
            hidden.append(element)
        else:
            waiting.extend(child for child in element if isinstance(child.tag, str) and child.tag not in _NOT_SHOWN)
    return hidden


def _shorten_spans(hidden: Sequence[Any]) -> None:
    """Let no cell span hidden rows, which are removed, so that it does not reach into the rows after its own."""
    rows = {it for it in hidden if it.tag == "tr"}
    for section in {it.getparent() for it in rows}:
        own = list(section.iterchildren("tr"))
        shown = [0, *accumulate(row not in rows for row in own)]
        for at, row in enumerate(own):
            for cell in row.iterchildren("td", "th"):
                if (rows_spanned := span(cell, "rowspan")) > 1:
                    end = min(at + rows_spanned, len(own))
                    cell.set("rowspan", str(max(1, shown[end] - shown[at])))


def _is_hidden(element: Any, style: dict[str, str]) -> bool:  # noqa: ANN401
    if element.tag in ("html", "body"):
        return False
    by_attribute = element.get("hidden", "until-found").strip().lower() != "until-found"
    closed = element.tag == "dialog" and element.get("open") is None
    if (by_attribute or closed) and "display" not in style:
        return True
    cut = style.get("overflow", "").startswith(("hidden", "clip"))
    if cut and any(is_at_most_a_pixel(style.get(name, "")) for name in ("height", "width")):
        return True
    return any(hides(name, value) for name, value in style.items())
