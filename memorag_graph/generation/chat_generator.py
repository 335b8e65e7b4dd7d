"""Let a chat model write answers from numbered passages."""

from dataclasses import replace
from typing import Any

from langchain_core.callbacks import CallbackManagerForChainRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from memorag_graph.generation.answer import Answer, Conflict, GenerationInput
from memorag_graph.generation.chat_prompts import answer_prompt, messages_of
from memorag_graph.generation.citation_check import Checked, check
from memorag_graph.generation.confidence import THRESHOLD
from memorag_graph.generation.conflicts import conflicts
from memorag_graph.generation.dated_passages import is_told_by_year
from memorag_graph.generation.notices import Findings, judge, report_conflicts, report_list
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.same_subject import standing_of
from memorag_graph.generation.scored_evidence import ScoredEvidence, score_evidence
from memorag_graph.generation.summary.extract import share_of_parts
from memorag_graph.generation.summary.written import SummaryWriter, Written
from memorag_graph.generation.surroundings import surroundings_of
from memorag_graph.models.thinking import without_thinking
from memorag_graph.retrieval.dense_index import embed
from memorag_graph.text.list_questions import asks_for_list


class ChatGenerator(RunnableSerializable[GenerationInput, Answer]):
    """Lets any LangChain chat model write the answer, and checks its citations."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chat: BaseChatModel
    embeddings: Embeddings = Field(exclude=True)
    """Compares statements with quotations, and quotations with the question."""

    def invoke(
        self,
        input: GenerationInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Answer:
        """Write the answer and cite it."""
        return self._call_with_config(self._answer, input, config)

    def _answer(
        self, given: GenerationInput, run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> Answer:
        written = self._write(given, config)
        text = without_thinking(written.reply.text).strip()
        prompts = given["prompts"]
        checked = check(text, given["evidence"], prompts.language.code, self._similarity)
        abstained = prompts.is_refusal(text)
        asked = given["task_type"] != "summarize" and not abstained
        evidence = score_evidence(given, self.embeddings) if asked and checked.citations else None
        certainty = 0.0 if abstained else _confidence(checked, evidence)
        if given["task_type"] == "summarize":
            certainty *= share_of_parts(given["evidence"], {it.number for it in checked.citations if it.supported})
        findings = Findings() if abstained and not checked.missing else judge(checked, text, prompts.language)
        contradicting = [] if abstained else self._conflicts(given, checked)
        report_conflicts(findings, contradicting)
        if asked and asks_for_list(given["question"]):
            report_list(findings, given.get("reach"))
        if evidence and certainty < THRESHOLD:
            _report_weak(findings, evidence, given)
        return Answer(
            text,
            checked.citations,
            tuple(findings.notices),
            tuple(findings.faults),
            () if abstained else checked.unsupported,
            tuple(contradicting),
            confidence=round(certainty, 3),
            abstained=abstained,
            new_tokens=written.new_tokens or 1,  # not every server tells; a quotation takes none
            message_id=written.reply.id,
        )

    def _write(self, given: GenerationInput, config: RunnableConfig) -> Written:
        if given["task_type"] == "summarize":
            return SummaryWriter(self.chat, given, config).write()
        reply = self.chat.invoke(messages_of(given, answer_prompt(given)), config)
        return Written(reply, reply.usage_metadata["output_tokens"] if reply.usage_metadata else 0)

    def _conflicts(self, given: GenerationInput, checked: Checked) -> list[Conflict]:
        code = given["prompts"].language.code
        units = units_of(given["evidence"], code)
        found = [unit.citation for unit in units]
        standing = standing_of(found, surroundings_of(units, code))
        cited = [replace(it, supported=True) for it in checked.citations]
        if any(is_told_by_year(it, given) for it in cited):
            return []  # figures differ from year to year
        return conflicts(cited, found, given["question"], standing, code)

    def _similarity(self, first: str, second: str) -> float:
        vectors = embed(self.embeddings, [first, second])
        return float(vectors[0] @ vectors[1])


def _confidence(checked: Checked, evidence: ScoredEvidence | None) -> float:
    """Return how likely the cited quotations answer, times the share of supported sentences.

    Args:
        checked: The citations of an answer.
        evidence: The evidence, scored for the question; None for a summary, which answers no question.
    """
    cited = [citation for citation in checked.citations if citation.supported]
    supported = 1 - len(checked.unsupported) / checked.statements if checked.statements else float(bool(cited))
    if evidence is None or not cited:
        return supported if cited else 0.0
    positions = evidence.within(cited)
    return supported * evidence.confidence(positions) if positions else 0.0


def _report_weak(findings: Findings, evidence: ScoredEvidence, given: GenerationInput) -> None:
    """Add that the quotations hardly match, or, where that cannot be judged, which languages differ."""
    if differing := evidence.language_difference(given):
        findings.add("language_differs", differing.notice)
    else:
        findings.add("weak_evidence", "The passages that the answer cites hardly match the question.")
