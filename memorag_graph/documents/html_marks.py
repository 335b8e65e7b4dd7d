"""Write the superscripts and subscripts of HTML as text; see :mod:`~memorag_graph.documents.marks`."""

from typing import Any

from memorag_graph.documents.marks import BEFORE, subscript, superscript

_NOTE_KINDS = frozenset(("noteref", "doc-noteref", "footnote-ref"))


def write_marks(tree: Any) -> None:  # noqa: ANN401 - the library's elements are untyped
    """Replace each superscript and subscript by text."""
    for element in [it for it in tree.iter("sup", "sub", "a") if it.tag != "a" or _is_note(it)]:
        text = " ".join(element.text_content().split())
        if element.getparent() is None or not text:
            continue
        before = _before(element)
        after = (element.tail or "")[:1]
        if element.tag == "sub":
            written = subscript(text, before)
        else:
            is_link = next(element.iter("a"), None) is not None or element.getparent().tag == "a"
            written = superscript(text, before, is_link=is_link)
        if written.startswith(" [") and after.isalnum():
            written += " "
        for child in list(element):
            element.remove(child)
        element.tag, element.text = "span", written


def _is_note(link: Any) -> bool:  # noqa: ANN401
    """Return whether a link is the mark of a note that only a style sheet raises."""
    kinds = (link.get("epub:type"), link.get("role"), *(link.get("class") or "").split())
    return next(link.iter("sup"), None) is None and not _NOTE_KINDS.isdisjoint(kinds)


def _before(element: Any) -> str:  # noqa: ANN401
    """Return the text just before an element, within the same parent or the one around it."""
    while True:
        earlier = element.getprevious()
        if earlier is not None:
            text = earlier.tail or (earlier.text_content() if isinstance(earlier.tag, str) else "")
            return str(text)[-BEFORE:]
        parent = element.getparent()
        if parent is None or parent.text or parent.tag not in ("a", "b", "em", "i", "span", "strong"):
            return str("" if parent is None else parent.text or "")[-BEFORE:]
        element = parent
