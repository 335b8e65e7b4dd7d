"""Say what the evidence lacks of an answer, where that can be told: a name, an attribute, a year, a kind of thing."""

from collections.abc import Sequence

from langchain_core.embeddings import Embeddings

from memorag_graph.generation.absent_attribute import absent_attribute
from memorag_graph.generation.absent_distinction import absent_distinction
from memorag_graph.generation.absent_kind import absent_kind
from memorag_graph.generation.absent_year import absent_years
from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.other_attribute import other_attribute
from memorag_graph.generation.scored_evidence import ScoredEvidence


def lacking(given: GenerationInput, evidence: ScoredEvidence, positions: Sequence[int], embeddings: Embeddings) -> str:
    """Return a sentence that says what is lacking; an empty one if nothing is known to be.

    Args:
        given: The question, and its evidence.
        evidence: The same evidence, scored.
        positions: Positions of the units that would answer, best first.
        embeddings: The embedding model.
    """
    if names := evidence.missing_names(given["question"], positions):
        return f"No passage mentions {', '.join(names)}."
    told = _not_told(given["question"], evidence, positions, embeddings)
    return told if told and not evidence.language_difference(given) else ""  # words of two languages differ anyway


def _not_told(question: str, evidence: ScoredEvidence, positions: Sequence[int], embeddings: Embeddings) -> str:
    """Return a sentence that says what of a question is not told of the things that it names."""
    absent = absent_attribute(question, evidence, positions, embeddings)
    absent = absent or absent_distinction(evidence.worded, evidence, positions)
    if absent := absent or other_attribute(question, evidence, positions[0]):
        return f"No passage mentions {', '.join(absent)}."
    if years := absent_years(question, evidence, positions[0]):
        return f"What matches the question best is not of {', '.join(years)}."
    kind = absent_kind(question, evidence, positions[0]) if evidence.language_code == "en" else ""
    return f"What matches the question best does not tell {kind}." if kind else ""
