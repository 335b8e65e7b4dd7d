"""The words that name a place in a document: those of its file's name, its title and its section."""

from memorag_graph.documents.document import UNNAMED
from memorag_graph.documents.page_map import PageMap
from memorag_graph.documents.yearly_headings import are_yearly
from memorag_graph.text.identifiers import name_words

_TITLE_WITHIN = 200
"""A heading counts as the document's title if it begins within this number of characters."""


def context_words(page_map: PageMap, offset: int, source: str) -> str:
    """Return the words under which a passage stands, though it may not contain them.

    Args:
        page_map: The document's places.
        offset: Start of the passage in the document's text.
        source: The document's name; directories and suffix are left out, and so is the name of a text without one.
    """
    name = "" if source == UNNAMED else name_words(source)
    title = _title(page_map)
    heading = page_map.section(offset) or ""
    return "\n".join(dict.fromkeys(part for part in (name, title, heading) if part))


def _title(page_map: PageMap) -> str:
    """Return the heading at a document's start, unless it is that of the first of several years."""
    (start, title), *_ = (*page_map.sections, (_TITLE_WITHIN, ""))
    return title if start < _TITLE_WITHIN and not are_yearly(page_map.sections) else ""
