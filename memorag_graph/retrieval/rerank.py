"""Chunks in the order of a cross-encoder's judgement of question and chunk together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class Reranker(Protocol):
    """Judges chunks by a question."""

    def order(self, question: str, texts: Mapping[int, str]) -> list[int]:
        """Return chunks, best first; equal ones in document order.

        Args:
            question: The question.
            texts: The text of each chunk.
        """


class CrossEncoderReranker:
    """Judges with a cross-encoder (Nogueira and Cho, "Passage re-ranking with BERT", 2019).

    Args:
        model: The model, of sentence-transformers.
    """

    def __init__(self, model: "CrossEncoder") -> None:
        self._model = model

    def order(self, question: str, texts: Mapping[int, str]) -> list[int]:
        """Return chunks, best first; equal ones in document order."""
        from memorag_graph.models.compute_threads import compute

        pairs = [(question, text) for text in texts.values()]
        scores = compute(self._model.device, lambda: self._model.predict(pairs, show_progress_bar=False))
        judged = {chunk: float(score) for chunk, score in zip(texts, scores, strict=True)}
        return sorted(judged, key=lambda chunk: (-judged[chunk], chunk))
