"""Clean untrusted file names, and make names distinct."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PureWindowsPath

from memorag_graph.documents.document import Document, clean_text

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 200


def document_name(name: str) -> str:
    """Return a file name without directories and control characters."""
    last = _CONTROLS.sub("", PureWindowsPath(_CONTROLS.sub("", clean_text(name))).name).strip(". ")
    return last[:_LONGEST] or "document"


def with_distinct_names(documents: Sequence[Document]) -> list[Document]:
    """Make the names of documents distinct, since citations refer to them: "a.txt", "a.txt (2)"."""
    taken = {document.source for document in documents}
    counts: Counter[str] = Counter()
    named = []
    for document in documents:
        name = document.source
        counts[name] += 1
        if counts[name] > 1:
            while (name := f"{document.source} ({counts[document.source]})") in taken:
                counts[document.source] += 1
            taken.add(name)
        named.append(replace(document, source=name))
    return named
