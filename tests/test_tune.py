"""Weights of clues: chosen so that they cannot lose, kept by model, and used wherever the model is the memory model."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from memorag_graph.clue_trust import clue_weights, keep, trust_file
from memorag_graph.errors import InputError
from memorag_graph.evaluation.tune import HARMLESS, chosen_of, tune
from memorag_graph.memory.memory_model import MemoryModel
from memorag_graph.registry import Registry
from memorag_graph.retrieval.clue_weights import CAREFUL, EVEN, LEVELS, SILENT, TRUSTING
from memorag_graph.retrieval.retrieve import Search
from memorag_graph.settings import RunOptions
from tests.evaluation_process import OPTIONS, data_set, short_clues, tiny_registry

RANDOM = np.random.default_rng(3)
ALONE = RANDOM.beta(2, 2, size=40)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path / "home"))


def model(fingerprint: str, size: float = 0) -> MemoryModel:
    of = SimpleNamespace(fingerprint=fingerprint, size=size)
    return cast("MemoryModel", SimpleNamespace(language_model=of, adapter=None))


def recalls(**gains: Any) -> dict[str, list[float]]:
    return {"silent": ALONE.tolist(), **{name: (ALONE + gain).tolist() for name, gain in gains.items()}}


def test_the_weights_that_gain_most_are_chosen_among_those_that_cannot_lose() -> None:
    wild = np.tile([0.9, -0.7], 20)
    found = chosen_of(recalls(careful=0.01, even=0.05, trusting=wild), 40)
    assert found.gains["trusting"].mean == pytest.approx(0.1)
    assert cast("float", found.gains["trusting"].low) < HARMLESS
    assert found.chosen == "even"
    assert found.alone == pytest.approx(ALONE.mean())


def test_a_model_whose_clues_lead_astray_is_not_searched_with() -> None:
    lost = RANDOM.uniform(-0.3, 0.1, size=40)
    assert chosen_of(recalls(careful=lost / 4, even=lost / 2, trusting=lost), 40, "even").chosen == "silent"


def test_too_few_questions_to_tell_leave_a_model_as_it_was_unless_it_loses() -> None:
    unsure = np.tile([0.3, -0.25], 20)
    found = recalls(careful=unsure / 4, even=unsure, trusting=-unsure)
    assert chosen_of(found, 40, "even").chosen == "even"
    assert chosen_of(found, 40, "trusting").chosen == "silent"
    sure = RANDOM.uniform(0.005, 0.015, size=40)
    assert chosen_of(recalls(careful=sure, even=unsure), 40, "even").chosen == "careful"


def test_a_model_that_was_not_measured_is_trusted_by_its_size() -> None:
    assert clue_weights(model("a", 120e6)) == CAREFUL
    assert clue_weights(model("b", 800e6)) == EVEN
    assert clue_weights(model("served")) == EVEN


def test_what_was_measured_is_kept_by_model() -> None:
    keep("a", TRUSTING, {"model": "mine", "questions": 12})
    keep("b", SILENT, {})
    assert clue_weights(model("a", 120e6)) == TRUSTING
    assert clue_weights(model("b", 800e6)) == SILENT
    assert clue_weights(model("c", 800e6)) == EVEN
    assert json.loads(trust_file().read_text())["a"]["model"] == "mine"


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', '{"a": {"weights": {"span": 1}}}'])
def test_a_damaged_file_is_named(content: str) -> None:
    keep("a", TRUSTING, {})
    trust_file().write_text(content)
    with pytest.raises(InputError, match=r"clue_trust\.json is damaged; delete it"):
        clue_weights(model("a"))


def test_the_runs_own_weights_take_precedence() -> None:
    own = RunOptions(question_share=0.25, query_weights={"draft": 7.0})
    search = Search.from_options(own, 64, None, TRUSTING)
    assert (search.question_share, search.weights["draft"], search.weights["span"]) == (0.25, 7.0, TRUSTING.span)
    usual = Search.from_options(RunOptions(), 64, None, TRUSTING)
    assert (usual.question_share, usual.weights["draft"], usual.weights["question"]) == (0.0, 3.0, 1.0)


def test_every_level_leaves_the_question_its_weight() -> None:
    for weights in LEVELS.values():
        assert weights.of_kinds()["question"] == 1.0
        assert 0 <= weights.question_share <= 1


def test_tuning_measures_every_level_with_the_same_clues_and_keeps_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, known = tiny_registry(), [it for it in data_set().questions if it.evidence]
    questions = tuple(replace(it, id=f"{it.id} {at}", query=f"{it.query} {at}") for at in range(5) for it in known)
    asked = replace(data_set(), questions=questions)
    untuned = []
    monkeypatch.setattr(
        "memorag_graph.evaluation.tune.chosen_of", lambda *given: untuned.append(given[2]) or chosen_of(*given)
    )
    with short_clues():
        found = tune(asked, OPTIONS, tmp_path / "run", registry)
        again = tune(asked, OPTIONS, tmp_path / "run", registry)
    assert found == again
    assert untuned == ["careful", "careful"]  # so small a model
    assert found.gains.keys() == LEVELS.keys()
    assert found.gains["silent"].mean == 0.0
    used = registry.models.memory_model(OPTIONS.model, OPTIONS)
    assert clue_weights(used) == LEVELS[found.chosen]


def test_too_few_questions_are_refused(tmp_path: Path) -> None:
    few = replace(data_set(), questions=data_set().questions[:3])
    with pytest.raises(InputError, match="needs at least 10"):
        tune(few, OPTIONS, tmp_path, Registry())
