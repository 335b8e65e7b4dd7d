"""Compute and describe all metrics of an outcome."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from memorag_graph.errors import InputError
from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.dataset import Question, Span
from memorag_graph.evaluation.metrics import answer_metrics, citation_metrics, evidence_metrics, refusals
from memorag_graph.evaluation.outcome import Outcome
from memorag_graph.evaluation.workbench import Case
from memorag_graph.text.languages import detect_language

Scores = Mapping[str, float | None]

Group = Literal["evidence", "answers", "citations", "refusals", "faults", "costs"]

METRICS: Mapping[str, tuple[Group, str]] = MappingProxyType(
    {
        "evidence_recall": ("evidence", "share of the evidence's characters that the passages contain"),
        "evidence_precision": ("evidence", "share of the passages' characters that are evidence"),
        "ndcg": ("evidence", "nDCG of the chunks, each gaining the share of the evidence that it contains"),
        "answer_f1": ("answers", "SQuAD's F1 of words against the nearest reference"),
        "exact_match": ("answers", "SQuAD's exact match with a reference"),
        "rouge1": ("answers", "ROUGE-1 F-measure against the nearest reference"),
        "rouge2": ("answers", "ROUGE-2 F-measure against the nearest reference"),
        "rougeL": ("answers", "ROUGE-L F-measure against the nearest reference"),
        "citation_validity": ("citations", "share of the citations that occur in the document at their offsets"),
        "citation_precision": ("citations", "share of the citations whose quotation overlaps the evidence"),
        "citation_support": (
            "citations",
            "share of the citations that support their claim, by the package's own check",
        ),
        "citation_recall": ("citations", "share of the answer's sentences that have a citation"),
        "citation_hit": ("citations", "answers with a citation that overlaps the evidence"),
        "refused_unanswerable": ("refusals", "unanswerable questions that were refused"),
        "refused_answerable": ("refusals", "other questions that were refused"),
        "failed": ("faults", "questions that ended in an error"),
        "cites_missing": ("faults", "answers that cite a missing passage, or text that is not in it"),
        "cites_nothing": ("faults", "answers from evidence without citations that do not refuse"),
        "wrong_language": ("faults", "answers in another language than the document and the question"),
        "over_budget": ("faults", "questions whose evidence exceeds the budget"),
        "evidence_tokens": ("costs", "tokens of the passages"),
        "tokens_read": ("costs", "input tokens of language models"),
        "tokens_written": ("costs", "output tokens of language models"),
        "cost": ("costs", "cost at the given prices"),
        "seconds": ("costs", "seconds of all stages"),
        "seconds_clues": ("costs", "seconds of generating clues"),
        "seconds_retrieve": ("costs", "seconds of retrieval"),
        "seconds_generate": ("costs", "seconds of generating the answer"),
    }
)
"""Group and meaning of each metric, in the order of the report."""

MEASURED_TIME = frozenset({"seconds", "seconds_clues", "seconds_retrieve", "seconds_generate"})
"""Metrics that differ from run to run."""

AT = "evidence_recall@"
"""Prefix of evidence recall at another budget; the number of tokens follows."""


def choose_metrics(names: Sequence[str]) -> list[str]:
    """Validate metric names; return all metrics if there are none.

    Raises:
        InputError: If one is unknown.
    """
    for name in names:
        if name not in METRICS:
            raise InputError("metrics", f"{name!r} is unknown; choose from {', '.join(METRICS)}")
    return [name for name in METRICS if not names or name in names]


def score(case: Case, outcome: Outcome, *, budget: int, chunk_size: int, keeps_to_budget: bool) -> Scores:
    """Return every metric of an outcome.

    Args:
        case: The question and its document.
        outcome: The outcome.
        budget: Evidence budget in tokens.
        chunk_size: Chunk size in tokens.
        keeps_to_budget: Whether the pipeline must keep to the budget.
    """
    if outcome.error:
        return {"failed": 1.0}
    passages = outcome.passages
    tokens = None if passages is None else sum(count_tokens(_text(case, span)) for span in passages)
    return {
        **_evidence(case, outcome, budget // chunk_size),
        **({} if outcome.answer is None else _answer(case, outcome, outcome.answer)),
        "failed": 0.0,
        "over_budget": float(tokens > budget) if tokens is not None and keeps_to_budget else None,
        "evidence_tokens": tokens,
        "tokens_read": outcome.tokens_read,
        "tokens_written": outcome.tokens_written,
        "cost": outcome.cost,
        "seconds": sum(outcome.seconds.values()),
        **{f"seconds_{stage}": seconds for stage, seconds in outcome.seconds.items()},
    }


def _evidence(case: Case, outcome: Outcome, cut: int) -> Scores:
    passages, known, chunks = outcome.passages, case.question.evidence, case.prepared.chunks
    if passages is None or not known:
        return {}
    ranking = evidence_metrics.ranked(chunks, passages)
    return {
        "evidence_recall": evidence_metrics.recall(passages, known),
        "evidence_precision": evidence_metrics.precision(passages, known),
        "ndcg": evidence_metrics.ndcg(ranking, evidence_metrics.gains(chunks, known), cut),
        **{f"{AT}{tokens}": evidence_metrics.recall(spans, known) for tokens, spans in sorted(outcome.at.items())},
    }


def _answer(case: Case, outcome: Outcome, answer: str) -> Scores:
    question = case.question
    refused = outcome.abstained or refusals.is_refusal(answer)
    is_wrong = None if refused else refusals.in_wrong_language(answer, *_languages(case))
    return {
        # An answer in the wrong language is not compared word by word; it counts under ``wrong_language`` only.
        **({} if is_wrong else _against_references(question, answer)),
        **({} if outcome.passages is None else _citations(case, outcome, answer, outcome.passages, refused=refused)),
        "refused_unanswerable": float(refused) if question.kind == "unanswerable" else None,
        "refused_answerable": None if question.kind == "unanswerable" else float(refused),
        "wrong_language": is_wrong,
    }


def _languages(case: Case) -> tuple[str, ...]:
    code = case.prepared.language.code
    return code, detect_language(case.question.query, code).code


def _against_references(question: Question, answer: str) -> Scores:
    return {
        "answer_f1": answer_metrics.f1(answer, question.answers),
        "exact_match": answer_metrics.exact_match(answer, question.answers),
        **answer_metrics.rouge(answer, question.answers),
    }


def _citations(case: Case, outcome: Outcome, answer: str, found: Sequence[Span], *, refused: bool) -> Scores:
    numbered = sorted(found)
    checked = citation_metrics.check(answer, outcome.citations, numbered, case.prepared.document)
    made = len(checked.valid) + checked.false
    known = case.question.evidence
    return {
        "citation_validity": citation_metrics.validity(checked),
        "citation_precision": citation_metrics.precision(checked, known),
        "citation_support": sum(it.supported for it in outcome.citations) / made if made else None,
        "citation_recall": None
        if refused
        else citation_metrics.recall(answer, len(numbered), case.prepared.language.code),
        "citation_hit": citation_metrics.hit(checked, known),
        "cites_missing": float(checked.false > 0) if made else None,
        "cites_nothing": None if refused else float(not made),
    }


def _text(case: Case, span: Span) -> str:
    return case.prepared.document.text[slice(*span)]
