"""Write what pages say of their pictures: the text that stands in for a picture where it is not seen."""

import re
from typing import Any

_FEWEST_WORDS = 3
"""Shorter texts name an icon or a brand."""

_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp)$", re.IGNORECASE)


def write_pictures(tree: Any) -> None:  # noqa: ANN401 - the library's class
    """Put "Picture: " and the alternative text of each picture in its place, in brackets within a line.

    Args:
        tree: The page, without what it hides.
    """
    from lxml.etree import Element

    for picture in list(tree.iter("img")):
        said = " ".join((picture.get("alt") or "").split())
        if len(said.split()) < _FEWEST_WORDS or _FILE_NAME.search(said):
            continue
        within = _is_within_a_line(picture)
        written = Element("span" if within else "p")
        written.text = f" (Picture: {said}) " if within else f"Picture: {said}"
        written.tail, picture.tail = picture.tail, None
        picture.addnext(written)


def _is_within_a_line(picture: Any) -> bool:  # noqa: ANN401 - the library's class
    """Return whether text stands beside a picture."""
    before = picture.getprevious()
    text = picture.getparent().text if before is None else before.tail
    return bool((text or "").strip() or (picture.tail or "").strip())
