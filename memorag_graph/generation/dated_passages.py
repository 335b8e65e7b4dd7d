"""Tell of which year a sentence is that covers a document, where its heading or its document's name says so."""

from memorag_graph.documents.yearly_headings import year_title
from memorag_graph.generation.answer import Citation, GenerationInput
from memorag_graph.retrieval.retrieve import Evidence


def title_of_year(passage: Evidence) -> str:
    """Return the heading or the name that tells of which year a passage is; empty if none does."""
    return year_title(passage.page_map.sections, passage.source, passage.start)


def is_told_by_year(citation: Citation, given: GenerationInput) -> bool:
    """Return whether a quotation is of what each year tells, not of a passage that was searched for."""
    return given["evidence"][citation.number - 1].part > 0


def dated(passage: Evidence) -> str:
    """Return the text of a passage, under the heading or name that tells its year if it is a sentence by itself.

    A search finds passages of several sentences, which mostly tell what they are about.
    """
    title = title_of_year(passage) if passage.part else ""
    return f"{title}\n\n{passage.text}" if title else passage.text
