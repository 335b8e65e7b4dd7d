"""Check citations: quotations occur in the document, overlap the evidence, and cover the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from memorag_graph.documents import Document
from memorag_graph.evaluation.dataset import Span, shared
from memorag_graph.evaluation.metrics.citation_marks import marked, numbers
from memorag_graph.generation.answer import Citation
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.words import content_words


@dataclass(frozen=True, slots=True)
class CheckedCitations:
    """The citations of an answer, checked against the document.

    Attributes:
        valid: Spans of the quotations that occur in the document at their offsets, within the cited passage.
        false: Number of other citations, and of marks that name no passage.
    """

    valid: tuple[Span, ...]
    false: int


def check(answer: str, citations: Sequence[Citation], passages: Sequence[Span], document: Document) -> CheckedCitations:
    """Check the citations of an answer.

    Args:
        answer: Answer with its marks.
        citations: Citations that the generator made of the marks.
        passages: Evidence in document order; the first is passage 1.
        document: The document.
    """
    valid = tuple((it.start, it.end) for it in citations if _is_valid(it, passages, document))
    missing = sum(not 1 <= number <= len(passages) for number in numbers(answer))
    return CheckedCitations(valid, len(citations) - len(valid) + missing)


def validity(checked: CheckedCitations) -> float | None:
    """Return the share of valid citations; None without citations."""
    made = len(checked.valid) + checked.false
    return len(checked.valid) / made if made else None


def precision(checked: CheckedCitations, evidence: Sequence[Span]) -> float | None:
    """Return the share of citations whose quotation overlaps the evidence; None without citations or evidence."""
    made = len(checked.valid) + checked.false
    return sum(_overlaps(span, evidence) for span in checked.valid) / made if made and evidence else None


def hit(checked: CheckedCitations, evidence: Sequence[Span]) -> float | None:
    """Return 1 if a citation overlaps the evidence, else 0; None without citations or evidence."""
    made = len(checked.valid) + checked.false
    return float(any(_overlaps(span, evidence) for span in checked.valid)) if made and evidence else None


def recall(answer: str, passages: int, language_code: str) -> float | None:
    """Return the share of an answer's sentences that end with a mark of a passage; None without sentences."""
    sentences = cited = 0
    for text, named in marked(answer):
        statements = [sentence for sentence in split_sentences(text, language_code) if content_words(sentence.text)]
        sentences += len(statements)
        cited += bool(statements) and any(1 <= number <= passages for number in named)
    return cited / sentences if sentences else None


def _is_valid(citation: Citation, passages: Sequence[Span], document: Document) -> bool:
    if citation.source != document.source or not 1 <= citation.number <= len(passages):
        return False
    start, end = passages[citation.number - 1]
    is_inside = start <= citation.start < citation.end <= end
    return is_inside and document.text[citation.start : citation.end] == citation.quote


def _overlaps(span: Span, evidence: Sequence[Span]) -> bool:
    return shared([span], evidence) > 0
