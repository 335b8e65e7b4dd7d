"""Find all places that belong to the list that a question asks for, or whose figures it compares."""

from collections.abc import Mapping

from memorag_graph.documents import PageMap
from memorag_graph.retrieval.figure_matches import figure_matches
from memorag_graph.retrieval.list_matches import Match, list_matches
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.text.list_questions import asks_for_list, may_ask_for_several
from memorag_graph.text.superlatives import asked_superlative


def listed_places(index: MemoryIndex, question: str, page_maps: Mapping[str, PageMap] | None = None) -> list[Match]:
    """Return all places that belong to the list that a question asks for or may ask for; none for other questions.

    Among them are those whose figures are to be compared, for a question about the most or the least.
    """
    asks = asks_for_list(question) or may_ask_for_several(question) or asked_superlative(question)
    if index.keywords is None or not asks:
        return []
    found = figure_matches(index.keywords, question, page_maps or {})
    return found or list_matches(index.keywords, question, page_maps or {})
