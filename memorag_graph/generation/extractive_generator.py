"""Answer with sentences of the evidence, each with its citation; nothing can be invented."""

from collections.abc import Sequence
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from memorag_graph.documents.page_references import asked_page
from memorag_graph.documents.part_references import asked_parts
from memorag_graph.generation.announced_reasons import reasons_after
from memorag_graph.generation.answer import Answer, Citation, Conflict, GenerationInput
from memorag_graph.generation.confidence import THRESHOLD
from memorag_graph.generation.conflicts import conflicts
from memorag_graph.generation.extremes import extreme
from memorag_graph.generation.lacking import lacking
from memorag_graph.generation.listed import asks_for_several, listed, whole_list
from memorag_graph.generation.notices import Findings, report_conflicts, report_list
from memorag_graph.generation.quotable_sentences import Unit, is_item, units_of
from memorag_graph.generation.quoted_text import shown, shown_by_year
from memorag_graph.generation.same_subject import standing_of
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.generation.sentence_scores import NEAR, NEAR_IN_SPEECH, distinct, near_best
from memorag_graph.generation.sentence_subjects import before_name
from memorag_graph.generation.spoken_answer import is_conversation, spoken_answer
from memorag_graph.generation.summary.account import account
from memorag_graph.generation.summary.extract import extract
from memorag_graph.generation.year_series import searched_for, year_series
from memorag_graph.providers.provider_errors import reason
from memorag_graph.text.account_requests import asks_for_account
from memorag_graph.text.list_questions import may_ask_for_several, says_count

_SURE = 0.9
"""Least confidence in what stands under the heading of the numbered part that a question asks for."""

_LIKELY = 0.5
"""Least confidence in a record that holds all figures of the question, such as a line of a log with the error 502, and
in the most or the least of several figures of what is asked about."""

_TIMES_IF_UNSCORED = 2
"""So many times as many sentences are quoted where their words cannot be compared with the question's."""


class ExtractiveGenerator(RunnableSerializable[GenerationInput, Answer]):
    """Quotes the sentences of the evidence that answer best, in document order.

    For a question, these have the highest scores (:mod:`memorag_graph.generation.sentence_scores`); for an account, as
    in "Summarise how the fleet was changed.", they matter in the evidence, too
    (:mod:`memorag_graph.generation.summary.account`). Below the threshold of confidence, the answer says that no
    passage matches well, and quotes the nearest; where question and evidence are in different languages, it says
    which, since the threshold does not apply. For a summary, they are the most important sentences of all parts of the
    documents (:mod:`memorag_graph.generation.summary`), as many as its length allows, and the confidence is the share
    of the parts that they cover.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    embeddings: Embeddings = Field(exclude=True)
    sentences: int = Field(default=3, ge=1)
    """Maximum sentences of an answer to a question; one more where the evidence is a conversation.

    A list, a part that is asked for, and an account may have more.
    """

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
            chosen, covered = extract(given, units)
            return _answer_of(shown_by_year(chosen, given["evidence"]), chosen, findings, covered)
        if series := year_series(given, units, self._confidence):
            text = shown_by_year(series.citations, given["evidence"])
            return _answer_of(text, series.citations, findings, series.confidence)
        return self._to_question(given, searched_for(given, units), findings)

    def _confidence(self, given: GenerationInput, units: Sequence[Unit]) -> float:
        """Return the confidence in the sentences of the units that answer best."""
        evidence = ScoredEvidence.of(given, units, self.embeddings)
        best = distinct(evidence.ranked, evidence.sentences, self.sentences)
        return self._certainty(given, evidence, best, is_part=False, is_compared=False)

    def _to_question(self, given: GenerationInput, units: Sequence[Unit], findings: Findings) -> Answer:
        evidence = ScoredEvidence.of(given, units, self.embeddings)
        found = evidence.sentences
        positions, certainty, more = self._nearest(given, evidence, findings)
        chosen = [found[index] for index in positions]
        if differing := evidence.language_difference(given):
            findings.add("language_differs", differing.notice)
        if certainty >= THRESHOLD:
            if more is not None:
                report_list(findings, given.get("reach"), more)
            standing = standing_of(found, evidence.belonging)
            contradicting = conflicts(chosen, found, given["question"], standing, evidence.language_code)
            report_conflicts(findings, contradicting)
            others = [conflict.other for conflict in contradicting]
            quoted = [it for it in found if it in chosen or it in others]
            return _answer_of(_text(given, evidence, quoted), quoted, findings, certainty, conflicts=contradicting)
        if differing:
            nearest = distinct(evidence.ranked, found, _TIMES_IF_UNSCORED * self.sentences)
            chosen = [found[index] for index in sorted({*positions, *nearest})]
            text = _text(given, evidence, chosen)
            said = given["prompts"].languages_differ(differing.asked, differing.written, text)
            return _answer_of(said, chosen, findings, certainty)
        text = _text(given, evidence, chosen)
        why = lacking(given, evidence, evidence.ranked[: self.sentences], self.embeddings)
        findings.add("weak_evidence", why or "The passages hardly match the question.")
        return _answer_of(given["prompts"].refusal(text), chosen, findings, certainty, abstained=True)

    def _nearest(
        self, given: GenerationInput, evidence: ScoredEvidence, findings: Findings
    ) -> tuple[list[int], float, int | None]:
        """Return the positions of the sentences that answer best, and the confidence in them.

        The third is the number of further sentences that belong to the list that the question asks for; None if it
        asks for no list, or one record answers it.
        """
        question, found, ranked = given["question"], evidence.sentences, evidence.ranked
        section = evidence.section_of(question)
        best = section[: self.sentences] or distinct(ranked, found, self.sentences)
        found_extreme = None if section else extreme(question, evidence)
        certainty = self._certainty(given, evidence, best, is_part=bool(section), is_compared=found_extreme is not None)
        if certainty < THRESHOLD:
            return sorted(best), certainty, None
        is_list = bool(section) and whole_list(evidence, section, several=True) is not None
        if asks_for_account(question) and not (is_list or is_conversation(evidence)):
            return account(evidence, question, section), certainty, None
        if found_extreme is not None:
            findings.add("list_may_be_incomplete", found_extreme.notice)
            return self._whole(question, evidence, found_extreme.positions), certainty, None
        several = asks_for_several(question, evidence)
        if (several or may_ask_for_several(question)) and (fits := listed(question, evidence, given.get("rarity", {}))):
            same = fits.positions if several else evidence.about_the_same(fits.positions, ranked[0], question)
            return same, certainty, fits.more
        near = section or evidence.of_one_subject(self._answering(question, evidence), question)
        if whole := whole_list(evidence, near, several=several or bool(section)):
            return whole.positions, certainty, whole.more if several or whole.more else None
        if section:
            return sorted(best), certainty, 0 if several else None
        near = before_name(near, question, evidence.units, evidence.belonging, evidence.language_code)
        answers = self._whole(question, evidence, evidence.with_answers(near))
        is_answered = len(answers) == 1 and answers[0] in evidence.records
        return answers, certainty, 0 if several and not is_answered else None

    def _certainty(
        self, given: GenerationInput, evidence: ScoredEvidence, best: Sequence[int], *, is_part: bool, is_compared: bool
    ) -> float:
        """Return the confidence in the best sentences.

        Args:
            given: The input.
            evidence: The scored evidence.
            best: Positions of the sentences.
            is_part: Whether they stand under a heading that the question asks for.
            is_compared: Whether figures of what the question asks about were compared.
        """
        question = given["question"]
        certainty = 0.0 if lacking(given, evidence, best, self.embeddings) else evidence.confidence(best)
        if is_part and (asked_parts(question) or asked_page(question)):
            return max(certainty, _SURE)
        if certainty and (is_compared or evidence.holds_asked_figures(question, best[0])):
            return max(certainty, _LIKELY)
        return certainty

    def _answering(self, question: str, evidence: ScoredEvidence) -> list[int]:
        """Return the positions of the sentences that answer with the best, which is the first.

        In a conversation they are one more, and further from the best; in English, how they are put counts, too. Where
        the best is a record that holds all figures of the question, so do the others; where it says the number that is
        asked for, they do, too, or hold words of the question that it lacks.
        """
        is_spoken = is_conversation(evidence)
        most = self.sentences + is_spoken
        near = self._near(question, evidence, most, NEAR_IN_SPEECH if is_spoken else NEAR)
        if is_spoken and evidence.language_code == "en" and not evidence.holds_asked_figures(question, near[0]):
            near = spoken_answer(evidence, near, most)
        if says_count(question, evidence.sentences[near[0]].quote):
            near = [
                it for it in near if says_count(question, evidence.sentences[it].quote) or evidence.adds(it, near[0])
            ]
        return near if is_item(evidence.sentences[near[0]].quote) else evidence.of_records(near)

    @staticmethod
    def _whole(question: str, evidence: ScoredEvidence, positions: Sequence[int]) -> list[int]:
        """Return positions, the best first, with what they need to be understood and reasons that are asked for."""
        reasons = reasons_after(positions[0], question, evidence.units, evidence.belonging)
        return sorted({*evidence.with_subjects(positions, question), *reasons})

    @staticmethod
    def _near(question: str, evidence: ScoredEvidence, most: int, share: float) -> list[int]:
        best = distinct(evidence.ranked, evidence.sentences, most)
        if evidence.holds_asked_figures(question, best[0]):
            best = [it for it in best if evidence.holds_asked_figures(question, it)]
        return near_best(best, evidence.scores, evidence.records, share)


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


def _text(given: GenerationInput, evidence: ScoredEvidence, citations: Sequence[Citation]) -> str:
    code = given["prompts"].language.code
    about = dict(zip(evidence.sentences, evidence.belonging, strict=True))
    return shown(citations, about, given["question"], code)
