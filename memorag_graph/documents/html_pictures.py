"""Write what pages say of their pictures: the text that stands in for a picture where it is not seen."""

from typing import Any

from memorag_graph.documents.picture_text import picture_text


def write_pictures(tree: Any) -> None:  # noqa: ANN401 - the library's class
    """Put "Picture: " and the alternative text of each picture in its place, in brackets within a line.

    Args:
        tree: The page, without what it hides.
    """
    from lxml.etree import Element

    for picture in list(tree.iter("img")):
        said = picture_text(picture.get("alt") or "")
        if not said:
            continue
        within = _is_within_a_line(picture)
        written = Element("span" if within else "p")
        written.text = f" ({said}) " if within else said
        written.tail, picture.tail = picture.tail, None
        picture.addnext(written)


def _is_within_a_line(picture: Any) -> bool:  # noqa: ANN401 - the library's class
    """Return whether text stands beside a picture."""
    before = picture.getprevious()
    text = picture.getparent().text if before is None else before.tail
    return bool((text or "").strip() or (picture.tail or "").strip())
