"""Choose what a document says of a picture: the text that stands in for it where it is not seen."""

import re

_FEWEST_WORDS = 3
"""Shorter texts name an icon or a brand."""

_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?)$", re.IGNORECASE)
_REMARK = re.compile(
    r"\s*(?:Description automatically generated.*|AI-generated content may be incorrect\.?|Automatisch generierte "
    r"Beschreibung|Description générée automatiquement|Descripción generada automáticamente)\s*$",
    re.IGNORECASE,
)
"""What Office programs add to descriptions that they wrote themselves."""

_SPACES = re.compile(r" {2,}")
_ALONE = re.compile(r"\s*\((Picture: [^\n]*)\)\s*")


def picture_text(said: str) -> str:
    """Return "Picture: " and a picture's description; empty if that only names a file, an icon or a brand."""
    said = " ".join(_REMARK.sub("", said).split())
    return f"Picture: {said}" if len(said.split()) >= _FEWEST_WORDS and not _FILE_NAME.search(said) else ""


def in_line(said: str) -> str:
    """Return the same in brackets, for a picture within a line."""
    text = picture_text(said)
    return f" ({text}) " if text else ""


def without_brackets(paragraph: str) -> str:
    """Return a paragraph that is nothing but a picture's description without the brackets around it."""
    alone = _ALONE.fullmatch(paragraph)
    if alone:
        return alone[1]
    return _SPACES.sub(" ", paragraph) if "(Picture: " in paragraph else paragraph
