"""Reorder chunks with a cross-encoder, which reads question and chunk together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from memorag_graph.retrieval.query import Query

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class Reranker(Protocol):
    """Ranks chunks by how well they answer a question."""

    def order(self, question: str, texts: Mapping[int, str]) -> list[int]:
        """Return chunks, best first; equal ones in document order.

        Args:
            question: The question.
            texts: The text of each chunk.
        """


class CrossEncoderReranker:
    """Ranks with a cross-encoder (Nogueira and Cho, "Passage re-ranking with BERT", 2019).

    Args:
        model: The model, of sentence-transformers.
    """

    def __init__(self, model: "CrossEncoder") -> None:
        self._model = model

    def order(self, question: str, texts: Mapping[int, str]) -> list[int]:
        """Return chunks, best first; equal ones in document order."""
        from memorag_graph.models.compute_threads import compute
        from memorag_graph.models.out_of_memory import in_batches_that_fit

        def scored(pairs: Sequence[tuple[str, str]]) -> Sequence[float]:
            return [float(score) for score in self._model.predict(list(pairs), show_progress_bar=False)]

        pairs = [(question, text) for text in texts.values()]
        scores = compute(self._model.device, lambda: in_batches_that_fit(scored, pairs))
        score_of = {chunk: score for chunk, score in zip(texts, scores, strict=True)}
        return sorted(score_of, key=lambda chunk: (-score_of[chunk], chunk))


def rerank(reranker: Reranker, queries: Sequence[Query], candidates: Mapping[int, str]) -> list[int]:
    """Return candidates in the reranker's order for the question; without one, all queries count equally.

    Each of several queries ranks all candidates, and a candidate gets its best place in these rankings: the first
    choice of every query comes before the second of any. Ties keep the order of the candidates.

    Args:
        reranker: Ranks the candidates.
        queries: The question and clues, or the points of an outline.
        candidates: The text of each chunk, best first.
    """
    questions = [query.text for query in queries if query.kind == "question"] or [query.text for query in queries]
    best_place: dict[int, int] = {}
    for question in questions:
        for place, chunk in enumerate(reranker.order(question, candidates)):
            best_place[chunk] = min(place, best_place.get(chunk, place))
    return sorted((chunk for chunk in candidates if chunk in best_place), key=best_place.__getitem__)
