"""Tell of which year a sentence is that covers a document, where its heading or its document's name says so."""

from memorag_graph.documents.yearly_headings import named_year
from memorag_graph.retrieval.retrieve import Evidence


def dated(passage: Evidence) -> str:
    """Return the text of a passage, under the heading or name that tells its year if it is a sentence by itself.

    A search finds passages of several sentences, which mostly tell what they are about.
    """
    heading = passage.page_map.section(passage.start) or ""
    title = next((it for it in (heading, passage.source) if named_year(it)), "")
    return f"{title}\n\n{passage.text}" if passage.part and title else passage.text
