"""Ask one pipeline one question; measure time, tokens and cost."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from memorag_graph.errors import MemoragError
from memorag_graph.evaluation.clue_runs import FREE
from memorag_graph.evaluation.outcome import Clues, Outcome
from memorag_graph.evaluation.pipelines.base import Pipeline, watched_by
from memorag_graph.evaluation.workbench import Case
from memorag_graph.providers.provider_errors import reason
from memorag_graph.providers.usage import Usage, UsageMeter

Result = TypeVar("Result")


def ask(pipeline: Pipeline, case: Case, recalled: Clues, *, answers: bool, budgets: Sequence[int]) -> Outcome:
    """Ask a pipeline a question; errors of its models become part of the outcome.

    Args:
        pipeline: The pipeline.
        case: The question and its document.
        recalled: Clues from the document's memory, of the kinds that the pipeline searches with.
        answers: Whether to generate an answer.
        budgets: Further token budgets at which to search for evidence.
    """
    try:
        return _ask(pipeline, case, recalled, answers=answers, budgets=budgets)
    except (MemoragError, OSError) as error:
        return Outcome(error=reason(error))


def _ask(pipeline: Pipeline, case: Case, recalled: Clues, *, answers: bool, budgets: Sequence[int]) -> Outcome:
    options = pipeline.bench.options
    meter = UsageMeter(FREE, None, options.max_new_tokens)
    seconds: dict[str, float] = {}
    clues = recalled
    if pipeline.recalls:
        seconds["clues"] = recalled.seconds
    elif pipeline.writes:
        clues = _timed(seconds, "clues", lambda: pipeline.expand(case, watched_by(meter)))
    passages = _timed(seconds, "retrieve", lambda: pipeline.search(case, clues, options.evidence_tokens))
    outcome = Outcome(None if passages is None else tuple(passages), clues=clues.texts, seconds=seconds)
    if answers:
        answer = _timed(seconds, "generate", lambda: pipeline.answer(case, clues, passages, watched_by(meter)))
        outcome = replace(
            outcome,
            answer=answer.text,
            citations=answer.citations,
            abstained=answer.abstained,
            confidence=answer.confidence,
            notices=answer.notices,
        )
    if pipeline.keeps_to_budget and case.question.evidence:
        outcome = replace(outcome, at={tokens: tuple(pipeline.search(case, clues, tokens) or ()) for tokens in budgets})
    return _with_usage(outcome, meter.usage, recalled, pipeline)


def _with_usage(outcome: Outcome, usage: Usage, recalled: Clues, pipeline: Pipeline) -> Outcome:
    read, written = usage.input_tokens + recalled.tokens_read, usage.output_tokens + recalled.tokens_written
    prices = pipeline.bench.prices
    cost = prices.of(read, written) if prices else None
    return replace(outcome, tokens_read=read, tokens_written=written, cost=cost)


def _timed(seconds: dict[str, float], stage: str, work: Callable[[], Result]) -> Result:
    start = time.perf_counter()
    result = work()
    seconds[stage] = time.perf_counter() - start
    return result
