"""The oracle searches with the reference answer, and the share of its gain is what the definition says."""

from typing import Any

import numpy as np
import pytest

from memorag_graph.evaluation.ask import ask
from memorag_graph.evaluation.oracle_gain import gains
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines.choose_pipelines import choose_pipelines
from memorag_graph.evaluation.pipelines.memorag_pipeline import Memorag
from memorag_graph.evaluation.results import summarize
from memorag_graph.evaluation.workbench import Case, Workbench
from memorag_graph.registry import Registry
from memorag_graph.retrieval.clue_weights import TRUSTING
from tests.conftest import HashEmbeddings
from tests.evaluation_process import OPTIONS, data_set

RANDOM = np.random.default_rng(5)
ALONE = RANDOM.beta(2, 3, size=60)
ORACLE = np.clip(ALONE + RANDOM.uniform(-0.1, 0.5, size=60), 0, 1)


def lines(values: Any, *clues: str) -> list[dict[str, Any]]:
    found = [{} if value is None else {"evidence_recall": float(value)} for value in values]
    return [{"metrics": metrics, "clues": {"spans": list(clues)} if clues else {}} for metrics in found]


def outcomes(own: Any) -> dict[str, list[dict[str, Any]]]:
    return {
        "dense": lines(ALONE / 2),
        "hybrid": lines(ALONE),
        "memorag": lines(own, "clue"),
        "oracle": lines(ORACLE, "clue"),
    }


@pytest.mark.parametrize("share", [-0.5, 0.0, 0.25, 1.0])
def test_the_share_is_known_exactly_where_every_question_gains_the_same_share(share: float) -> None:
    found = gains(outcomes(ALONE + share * (ORACLE - ALONE)), seed=1)["memorag"]
    assert (found.mean, found.low, found.high) == pytest.approx((share, share, share))
    assert found.n == 60


def test_the_interval_holds_the_shares_of_95_percent_of_resamples() -> None:
    own = np.clip(ALONE + RANDOM.normal(0.05, 0.2, size=60), 0, 1)
    found = gains(outcomes(own), seed=1)["memorag"]
    generator = np.random.default_rng(99)
    shares = []
    for _ in range(20_000):
        picked = generator.integers(60, size=60)
        alone = ALONE[picked].mean()
        shares.append((own[picked].mean() - alone) / (ORACLE[picked].mean() - alone))
    assert found.mean == pytest.approx((own.mean() - ALONE.mean()) / (ORACLE.mean() - ALONE.mean()))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(shares, [0.025, 0.975])), abs=0.02)
    assert found == gains(outcomes(own), seed=1)["memorag"]


def test_questions_without_known_evidence_do_not_count() -> None:
    own = ALONE + 0.25 * (ORACLE - ALONE)
    found = gains({name: [*each, *lines([None])] for name, each in outcomes(own).items()}, seed=1)["memorag"]
    assert (found.n, found.mean) == (60, pytest.approx(0.25))


def test_a_gain_that_may_be_none_has_no_interval_and_no_gain_has_no_share() -> None:
    small = {"hybrid": lines([0.5, 0.6]), "memorag": lines([0.6, 0.6], "clue"), "oracle": lines([0.9, 0.3])}
    found = gains(small, seed=1)["memorag"]
    assert found.mean == pytest.approx(1.0)
    assert (found.low, found.high) == (None, None)
    assert gains({**small, "oracle": small["hybrid"]}, seed=1) == {}
    assert gains({name: each for name, each in small.items() if name != "oracle"}, seed=1) == {}


def test_results_hold_the_share_of_each_pipeline_with_clues_but_the_oracle() -> None:
    results = summarize(outcomes(ORACLE), ["evidence_recall"], "hybrid", seed=1)
    assert results["memorag"]["share_of_oracle_gain"]["mean"] == pytest.approx(1.0)
    assert "share_of_oracle_gain" not in results["hybrid"] | results["oracle"] | results["dense"]


def test_the_oracle_searches_as_memorag_does_with_the_answer_as_draft(tmp_path: Any) -> None:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings())
    options = OPTIONS.model_copy(update={"evidence_tokens": 384})
    bench = Workbench(registry, options, tmp_path)
    oracle, memorag, alone = choose_pipelines(["oracle", "memorag+draft-spans-surrogates-outline", "hybrid"], bench)
    assert isinstance(memorag, Memorag)
    questions = [it for it in data_set().questions if it.evidence and it.answers]
    assert questions
    differs = False
    for question in questions:
        case = Case(question, bench.prepare(data_set().documents[question.document_id]))
        outcome = ask(oracle, case, Clues(), answers=False, budgets=())
        draft = Clues({"draft": question.answers[:1]})
        assert list(outcome.passages or ()) == memorag.search_with(case, draft, options.evidence_tokens, TRUSTING)
        assert outcome.clues == draft.texts
        differs |= outcome.passages != tuple(alone.search(case, Clues(), options.evidence_tokens) or ())
    assert differs
    assert not oracle.uses_memory_model
