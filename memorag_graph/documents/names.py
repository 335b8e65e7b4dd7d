"""Names that strangers give their files."""

import re
from pathlib import PureWindowsPath

from memorag_graph.documents.document import clean_text

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 200


def document_name(name: str) -> str:
    """Return the name of a document without anything that could be a place on a disk."""
    last = _CONTROLS.sub("", PureWindowsPath(_CONTROLS.sub("", clean_text(name))).name).strip(". ")
    return last[:_LONGEST] or "document"
