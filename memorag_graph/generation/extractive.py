"""Answers made of the evidence's own sentences, each with its citation: nothing can be invented."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from memorag_graph.generation.answer import Answer, Citation, GenerationInput
from memorag_graph.generation.faults import reason
from memorag_graph.retrieval.dense import embed
from memorag_graph.retrieval.evidence import Evidence
from memorag_graph.sentences import is_statement, split_sentences
from memorag_graph.words import content_words, share_of

_REPEATED = 0.8
_CENTRALITY = 0.3


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence of an evidence passage."""

    number: int
    citation: Citation


class ExtractiveGenerator(RunnableSerializable[GenerationInput, Answer]):
    """Quotes the sentences of the evidence that answer best.

    For a question: those nearest to it in meaning. For a summary: for each point of the outline, the sentence
    that is near to the point and central to its passage. Always in document order.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    embeddings: Embeddings = Field(exclude=True)
    sentences: int = Field(default=3, ge=1)
    """Sentences of an answer to a question."""

    def invoke(
        self,
        input: GenerationInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Answer:
        """Choose the sentences and cite them."""
        return self._call_with_config(self._answer, input, config, run_type="llm")

    def _answer(self, given: GenerationInput) -> Answer:
        error = given.get("error")
        notices = (f"The generator failed ({reason(error)}); the answer quotes the evidence instead.",) if error else ()
        candidates = _candidates(given["evidence"], given["prompts"].language.code)
        if not candidates:
            return Answer("", (), (*notices, "No passage of the document matches the question."))
        vectors = embed(self.embeddings, [candidate.citation.quote for candidate in candidates])
        if given["task_type"] == "summarize":
            chosen = self._central(given, candidates, vectors)
        else:
            chosen = self._nearest(given["question"], candidates, vectors)
        citations = tuple(candidates[index].citation for index in sorted(chosen))
        text = " ".join(f"{' '.join(citation.quote.split())} [{citation.number}]" for citation in citations)
        return Answer(text, citations, notices)

    def _nearest(self, question: str, candidates: Sequence[_Candidate], vectors: NDArray[np.float32]) -> list[int]:
        scores = vectors @ embed(self.embeddings, [question])[0]
        return _distinct(_descending(scores), candidates, self.sentences)

    def _central(
        self, given: GenerationInput, candidates: Sequence[_Candidate], vectors: NDArray[np.float32]
    ) -> list[int]:
        centrality = np.empty(len(candidates), dtype=np.float32)
        numbers = np.array([candidate.number for candidate in candidates])
        for number in set(numbers.tolist()):
            of_passage = numbers == number
            centrality[of_passage] = vectors[of_passage] @ vectors[of_passage].mean(axis=0)
        chosen: list[int] = []
        for point in embed(self.embeddings, list(given["outline"]) or [given["question"]]):
            scores = (1 - _CENTRALITY) * (vectors @ point) + _CENTRALITY * centrality
            scores[chosen] = -np.inf
            ranked = [index for index in _descending(scores) if index not in chosen]
            chosen += _distinct(ranked, candidates, 1, [candidates[index].citation.quote for index in chosen])
        return chosen


def _candidates(evidence: Sequence[Evidence], language_code: str) -> list[_Candidate]:
    return [
        _Candidate(
            number,
            Citation(
                number, passage.source, passage.start + sentence.start, passage.start + sentence.end, sentence.text
            ),
        )
        for number, passage in enumerate(evidence, start=1)
        for sentence in split_sentences(passage.text, language_code)
        if is_statement(sentence.text)
    ]


def _descending(scores: NDArray[np.float32]) -> list[int]:
    return [int(index) for index in np.argsort(-scores, kind="stable")]


def _distinct(
    ranked: Sequence[int], candidates: Sequence[_Candidate], most: int, said: Sequence[str] = ()
) -> list[int]:
    """Take the first ``most`` candidates that do not repeat what is said already."""
    chosen: list[int] = []
    words = [content_words(text) for text in said]
    for index in ranked:
        own = content_words(candidates[index].citation.quote)
        if len(chosen) < most and not any(share_of(own, other) >= _REPEATED for other in words):
            chosen.append(index)
            words.append(own)
    return chosen
