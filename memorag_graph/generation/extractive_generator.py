"""Answer with sentences of the evidence, each with its citation; nothing can be invented."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from memorag_graph.generation.answer import Answer, Citation, Conflict, GenerationInput
from memorag_graph.generation.confidence import THRESHOLD, compare, confidence, features
from memorag_graph.generation.conflicts import conflicts
from memorag_graph.generation.notices import Findings, report_conflicts, report_list
from memorag_graph.generation.quotable_sentences import is_quotable, sentences_of
from memorag_graph.generation.sentence_scores import descending, distinct, score_sentences
from memorag_graph.providers.provider_errors import reason
from memorag_graph.retrieval.dense_index import embed, embed_queries
from memorag_graph.text.list_questions import asks_for_list

_CENTRALITY = 0.3

_ALIKE = 0.9
"""Share of the best sentence's words of the question from which a sentence belongs to a list, too."""

_MOST_LISTED = 20
"""Maximum sentences of an answer to a question that asks for a list."""


class ExtractiveGenerator(RunnableSerializable[GenerationInput, Answer]):
    """Quotes the sentences of the evidence that answer best, in document order.

    For a question, these have the highest scores (:mod:`memorag_graph.generation.sentence_scores`); below the threshold
    of confidence, the answer begins with a refusal. For a summary, they are one sentence for each point of the outline,
    similar to the point and central to its passage.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    embeddings: Embeddings = Field(exclude=True)
    sentences: int = Field(default=3, ge=1)
    """Maximum sentences of an answer to a question."""

    def invoke(
        self,
        input: GenerationInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Answer:
        """Choose the sentences and cite them."""
        return self._call_with_config(self._answer, input, config, run_type="llm")

    def _answer(self, given: GenerationInput) -> Answer:
        findings = Findings()
        if error := given.get("error"):
            notice = f"The generator failed ({reason(error)}); the answer quotes the evidence instead."
            findings.add("generator_failed", notice)
        prompts = given["prompts"]
        found = sentences_of(given["evidence"], prompts.language.code)
        if not any(is_quotable(sentence.quote) for sentence in found):
            findings.add("no_evidence", "No passage of the document matches the question.")
            return _answer_of(prompts.refusal(), [], findings, 0.0, abstained=True)
        if given["task_type"] == "summarize":
            chosen = self._central(given, [sentence for sentence in found if is_quotable(sentence.quote)])
            return _answer_of(_quoted(chosen), chosen, findings, 1.0)
        chosen, certainty = self._nearest(given, found)
        if certainty >= THRESHOLD:
            report_list(findings, given["question"])
            contradicting = conflicts(chosen, found, given["question"])
            report_conflicts(findings, contradicting)
            shown = [it for it in found if it in chosen or it in [conflict.other for conflict in contradicting]]
            return _answer_of(_quoted(shown), shown, findings, certainty, conflicts=contradicting)
        findings.add("weak_evidence", "The passages hardly match the question.")
        return _answer_of(prompts.refusal(_quoted(chosen)), chosen, findings, certainty, abstained=True)

    def _nearest(self, given: GenerationInput, found: Sequence[Citation]) -> tuple[list[Citation], float]:
        """Return the sentences that answer best, and the confidence in them."""
        question, code, rarity = given["question"], given["prompts"].language.code, given.get("rarity", {})
        meaning, chance = compare(self.embeddings, question, [sentence.quote for sentence in found])
        clues = [*given.get("clues", ()), *([given["draft"]] if given["draft"] else [])]
        scores = score_sentences(found, meaning, question, clues, rarity, code)
        ranked = [index for index in descending(scores.total) if is_quotable(found[index].quote)]
        best = sorted(distinct(ranked, found, self.sentences))
        quotes = [found[index].quote for index in best]
        certainty = confidence(*features(question, quotes, meaning[best], chance, rarity, code))
        if asks_for_list(question):
            alike = [index for index in ranked if scores.words[index] >= _ALIKE * scores.words[ranked[0]]]
            best = sorted({*distinct(alike, found, _MOST_LISTED)}) if len(alike) > 1 else best
        return [found[index] for index in best], certainty

    def _central(self, given: GenerationInput, found: Sequence[Citation]) -> list[Citation]:
        vectors = embed(self.embeddings, [sentence.quote for sentence in found])
        centrality = np.empty(len(found), dtype=np.float32)
        numbers = np.array([sentence.number for sentence in found])
        for number in set(numbers.tolist()):
            of_passage = numbers == number
            centrality[of_passage] = vectors[of_passage] @ vectors[of_passage].mean(axis=0)
        chosen: list[int] = []
        for point in embed_queries(self.embeddings, list(given["outline"]) or [given["question"]]):
            scores = (1 - _CENTRALITY) * (vectors @ point) + _CENTRALITY * centrality
            ranked = [index for index in descending(scores) if index not in chosen]
            chosen += distinct(ranked, found, 1, [found[index].quote for index in chosen])
        return [found[index] for index in sorted(chosen)]


def _answer_of(
    text: str,
    citations: Sequence[Citation],
    findings: Findings,
    confidence: float,
    *,
    abstained: bool = False,
    conflicts: Sequence[Conflict] = (),
) -> Answer:
    return Answer(
        text,
        tuple(citations),
        tuple(findings.notices),
        tuple(findings.faults),
        conflicts=tuple(conflicts),
        confidence=round(confidence, 3),
        abstained=abstained,
    )


def _quoted(citations: Sequence[Citation]) -> str:
    return " ".join(f"{' '.join(citation.quote.split())} [{citation.number}]" for citation in citations)
