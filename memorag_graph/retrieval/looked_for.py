"""What of a question is looked for by words."""

from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.request_words import without_request_words

_FEWEST_TERMS = 2
"""Least terms that are looked for alone: of "What is the name of the show?" hardly any would be left."""


def looked_for(question: str, language_code: str) -> str:
    """Return a question without the words that say how to answer or have no content, unless hardly any are left.

    Such words ("summarize", "discussion") are rare in documents, so they would count for much.
    """
    about = without_request_words(question, function_words(language_code))
    return about if len(set(terms(about, language_code))) >= _FEWEST_TERMS else question
