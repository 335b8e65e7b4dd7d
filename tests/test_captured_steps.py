"""Recorded decoding steps give what steps that run plainly give, and are used only after they were tried.

CUDA graphs need a GPU. Here a step is recorded by PyTorch's tracer, which like a CUDA graph keeps the operations and
the tensors that they were run on, and nothing of Python.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from memorag_graph.inference import captured_steps, fast_paths
from memorag_graph.inference.captured_steps import PLAIN_STEPS, Replay, Step
from memorag_graph.inference.chosen_paths import fast_paths_of
from memorag_graph.inference.decode_session import DecodeSession, open_session
from memorag_graph.inference.fast_paths import switched_off
from memorag_graph.inference.low_rank import LowRank, LowRankUpdates
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.models.language_model import LanguageModel
from tests.conftest import prefill, tiny_model
from tests.test_decode_session import assert_close, random_tokens

pytestmark = pytest.mark.skipif(switched_off(), reason="fast paths are switched off")


def record(step: Step, inputs: Sequence[Tensor]) -> Replay:
    """Record a step as a CUDA graph would."""
    recorded = make_fx(step)(*(given.clone() for given in inputs))
    recorded.recompile()
    return lambda contents: recorded(*contents).clone()


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """Record on the CPU; the steps that were recorded so far."""
    made: list[Step] = []

    def recording(step: Step, inputs: Sequence[Tensor]) -> Replay:
        made.append(step)
        return record(step, inputs)

    monkeypatch.setattr(fast_paths, "can_capture", lambda device: True)
    monkeypatch.setattr(captured_steps, "capture", recording)
    return made


def both(kind: str, monkeypatch: pytest.MonkeyPatch) -> tuple[LanguageModel, LanguageModel]:
    """The same model with recorded steps and without."""
    captured = tiny_model(kind)
    assert fast_paths_of(captured.model).captured_steps
    monkeypatch.setattr(fast_paths, "can_capture", lambda device: False)
    plain = tiny_model(kind)
    assert not fast_paths_of(plain.model).captured_steps
    return captured, plain


def opened(models: Sequence[LanguageModel], rows: int, own: int = 5) -> list[DecodeSession]:
    """A session of each model whose rows share a prefix, but for the last, which has none."""
    sessions = []
    for model in models:
        shared: list[KVPrefix | None] = [prefill(model, random_tokens(41, seed=1))] * (rows - 1)
        session = open_session(model.model, [*shared, None], own + rows, 64)
        for row in range(rows):
            session.prefill(row, random_tokens(own + row, seed=row))
        sessions.append(session)
    return sessions


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_recorded_steps_equal_plain_ones_whatever_happens_between_them(
    kind: str, recordings: list[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = both(kind, monkeypatch)
    recordings.clear()
    sessions = opened(models, rows=3)
    seeds = count(100)

    def steps(rows: int, new: int, times: int) -> None:
        for _ in range(times):
            tokens = [random_tokens(new, seed=next(seeds)) for _ in range(rows)]
            captured, plain = (session.step_ahead(tokens) for session in sessions)
            assert_close(captured, plain)

    steps(3, 1, PLAIN_STEPS + 4)
    assert recordings
    for session in sessions:
        session.take_back(1, 2)
    steps(3, 2, PLAIN_STEPS + 2)
    steps(3, 1, 3)
    for session in sessions:
        session.keep([2, 0], 60)
    steps(2, 1, PLAIN_STEPS + 3)
    for session, model in zip(sessions, models, strict=True):
        session.join([prefill(model, random_tokens(9, seed=3))], 70)
        session.prefill(2, random_tokens(4, seed=4))
    steps(3, 1, PLAIN_STEPS + 3)


def test_a_step_is_recorded_once_and_not_before_it_is_frequent(
    recordings: list[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    captured, _ = both("llama", monkeypatch)
    recordings.clear()
    (session,) = opened([captured], rows=2, own=1)
    for _ in range(PLAIN_STEPS):
        session.step([7, 8])
    assert not recordings
    for _ in range(5):
        session.step([7, 8])
    assert len(recordings) == 1


def test_results_are_not_overwritten_by_the_next_step(recordings: list[Step], monkeypatch: pytest.MonkeyPatch) -> None:
    captured, _ = both("llama", monkeypatch)
    (session,) = opened([captured], rows=2, own=1)
    results = [session.step([token, token]) for token in range(10, 10 + PLAIN_STEPS + 4)]
    kept = [result.clone() for result in results]
    session.step([5, 6])
    assert all(map(torch.equal, results, kept))


def test_an_update_of_the_model_has_recordings_of_its_own(
    recordings: list[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = both("llama", monkeypatch)
    sessions = opened(models, rows=2)
    layer = "model.layers.1.mlp.down_proj"
    shape = models[0].model.get_submodule(layer)
    generator = torch.Generator().manual_seed(0)
    down, up = (torch.randn(size, generator=generator) for size in ((2, shape.in_features), (shape.out_features, 2)))  # type: ignore[arg-type]
    updates = [LowRankUpdates(model.model, {layer: LowRank(down, up)}) for model in models]
    for turn in range(4 * (PLAIN_STEPS + 1)):
        results = []
        for session, update in zip(sessions, updates, strict=True):
            if turn % 2:
                results.append(session.step([turn + 4, 9]))
            else:
                with update.active():
                    results.append(session.step([turn + 4, 9]))
        assert_close(*results)


def test_recordings_that_compute_something_else_are_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stale(step: Step, inputs: Sequence[Tensor]) -> Replay:
        result = step(*inputs)
        return lambda _: result

    monkeypatch.setattr(fast_paths, "can_capture", lambda device: True)
    monkeypatch.setattr(captured_steps, "capture", stale)
    paths = fast_paths_of(tiny_model("llama").model)
    assert (paths.captured_steps, paths.llama_forward) == (False, True)
    assert "CUDA graphs not used with this model: their results differ" in caplog.text


def refuse(*_: Any) -> Replay:
    raise RuntimeError("CUDA error: operation not permitted when stream is capturing")


def fill(*_: Any) -> Replay:
    raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize(("fault", "told"), [(refuse, "operation not permitted"), (fill, "out of memory")])
def test_a_model_whose_steps_cannot_be_recorded_runs_plainly(
    fault: Any, told: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fast_paths, "can_capture", lambda device: True)
    monkeypatch.setattr(captured_steps, "capture", fault)
    paths = fast_paths_of(tiny_model("llama").model)
    assert (paths.captured_steps, paths.llama_forward) == (False, True)
    assert caplog.text.count(told) == 1


def test_steps_go_on_plainly_where_a_later_kind_cannot_be_recorded(
    recordings: list[Step], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    models = both("llama", monkeypatch)
    monkeypatch.setattr(captured_steps, "capture", refuse)
    sessions = opened(models, rows=2)
    for turn in range(2 * PLAIN_STEPS):
        assert_close(*(session.step([turn + 4, 9]) for session in sessions))
    assert caplog.text.count("operation not permitted") == 1
    assert not fast_paths_of(models[0].model).captured_steps


def test_too_little_memory_for_a_recording_is_told(recordings: list[Step], monkeypatch: pytest.MonkeyPatch) -> None:
    captured, _ = both("llama", monkeypatch)
    monkeypatch.setattr(captured_steps, "capture", fill)
    (session,) = opened([captured], rows=2, own=1)
    for _ in range(PLAIN_STEPS):
        session.step([7, 8])
    with pytest.raises(torch.OutOfMemoryError):
        session.step([7, 8])


def test_nothing_is_recorded_on_a_cpu_or_when_switched_off(recordings: list[Step]) -> None:
    assert not fast_paths_of(tiny_model("llama", fast_paths="off").model).captured_steps
    assert not recordings


def test_a_cpu_records_nothing() -> None:
    assert not fast_paths_of(tiny_model("llama").model).captured_steps
