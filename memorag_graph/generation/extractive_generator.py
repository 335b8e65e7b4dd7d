"""Answer with sentences of the evidence, each with its citation; nothing can be invented."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from memorag_graph.generation.answer import Answer, Citation, Conflict, GenerationInput
from memorag_graph.generation.asked_terms import asked_terms
from memorag_graph.generation.confidence import THRESHOLD, compare, confidence, features
from memorag_graph.generation.conflicts import conflicts
from memorag_graph.generation.language_difference import language_difference
from memorag_graph.generation.notices import Findings, report_conflicts, report_list
from memorag_graph.generation.quotable_sentences import Unit, units_of
from memorag_graph.generation.quoted_text import shown
from memorag_graph.generation.sentence_scores import descending, distinct, near_best, score_sentences
from memorag_graph.generation.surroundings import Surroundings, surroundings_of
from memorag_graph.providers.provider_errors import reason
from memorag_graph.retrieval.dense_index import embed
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
        units = units_of(given["evidence"], prompts.language.code)
        if not any(unit.is_quotable for unit in units):
            findings.add("no_evidence", "No passage of the document matches the question.")
            return _answer_of(prompts.refusal(), [], findings, 0.0, abstained=True)
        if given["task_type"] == "summarize":
            chosen = self._central(given, [unit.citation for unit in units if unit.is_quotable])
            return _answer_of(shown(chosen), chosen, findings, 1.0)
        return self._to_question(given, units, findings)

    def _to_question(self, given: GenerationInput, units: Sequence[Unit], findings: Findings) -> Answer:
        question, prompts = given["question"], given["prompts"]
        belonging = surroundings_of(units, prompts.language.code)
        nearest = self._nearest(given, units, belonging)
        found = [unit.citation for unit in units]
        about = dict(zip(found, belonging, strict=True))
        chosen, certainty = [found[index] for index in nearest.positions], nearest.certainty
        texts = [passage.text for passage in given["evidence"]]
        if differing := language_difference(question, texts, prompts.language, nearest.words):
            findings.add("language_differs", differing.notice)
        if certainty >= THRESHOLD:
            report_list(findings, question)
            contradicting = conflicts(chosen, found, question)
            report_conflicts(findings, contradicting)
            others = [conflict.other for conflict in contradicting]
            quoted = [it for it in found if it in chosen or it in others]
            text = shown(quoted, about, asked_terms(question, prompts.language.code), prompts.language.code)
            return _answer_of(text, quoted, findings, certainty, conflicts=contradicting)
        text = shown(chosen, about, asked_terms(question, prompts.language.code), prompts.language.code)
        if differing:
            said = prompts.languages_differ(differing.asked, differing.written, text)
            return _answer_of(said, chosen, findings, certainty)
        findings.add("weak_evidence", "The passages hardly match the question.")
        return _answer_of(prompts.refusal(text), chosen, findings, certainty, abstained=True)

    def _nearest(self, given: GenerationInput, units: Sequence[Unit], belonging: Sequence[Surroundings]) -> "_Nearest":
        """Return the sentences that answer best, and the confidence in them."""
        question, code, rarity = given["question"], given["prompts"].language.code, given.get("rarity", {})
        found = [unit.citation for unit in units]
        meaning, chance = compare(self.embeddings, question, [sentence.quote for sentence in found])
        clues = [*given.get("clues", ()), *([given["draft"]] if given["draft"] else [])]
        scores = score_sentences(found, meaning, question, clues, rarity, code, belonging)
        ranked = [index for index in descending(scores.total) if units[index].is_quotable]
        best = distinct(ranked, found, self.sentences)
        quotes, around = [found[index].quote for index in best], [belonging[index].words for index in best]
        certainty = confidence(*features(question, quotes, meaning[best], chance, rarity, code, around))
        if asks_for_list(question):
            alike = [index for index in ranked if scores.words[index] >= _ALIKE * scores.words[ranked[0]]]
            best = distinct(alike, found, _MOST_LISTED) if len(alike) > len(best) else best
        elif certainty >= THRESHOLD:
            best = near_best(best, scores)
        return _Nearest(sorted(best), certainty, float(scores.words.max()))

    def _central(self, given: GenerationInput, found: Sequence[Citation]) -> list[Citation]:
        vectors = embed(self.embeddings, [sentence.quote for sentence in found])
        centrality = np.empty(len(found), dtype=np.float32)
        numbers = np.array([sentence.number for sentence in found])
        for number in set(numbers.tolist()):
            of_passage = numbers == number
            centrality[of_passage] = vectors[of_passage] @ vectors[of_passage].mean(axis=0)
        chosen: list[int] = []
        for point in embed(self.embeddings, list(given["outline"]) or [given["question"]]):
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


@dataclass(frozen=True, slots=True)
class _Nearest:
    """The sentences nearest to a question.

    Attributes:
        positions: Their positions among the units, in document order.
        certainty: The confidence in them.
        words: Largest share of the question's words that one sentence holds.
    """

    positions: list[int]
    certainty: float
    words: float
