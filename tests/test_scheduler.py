"""The scheduler: work between the steps of a batch, errors that reach their callers, interpreter shutdown."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from memorag_graph.inference.decode_session import SharedPrefixSession
from memorag_graph.models import compute_threads
from memorag_graph.models.compute_threads import compute
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Scheduler
from tests.conftest import prefill, tiny_model

ROOT = Path(__file__).parent.parent


@pytest.fixture
def model() -> LanguageModel:
    return tiny_model("llama")


def test_other_work_runs_between_the_steps_of_a_batch(model: LanguageModel) -> None:
    scheduler = Scheduler(model)
    request = Request([5, 6, 7], sampling=Sampling(2000))
    scheduler.submit(request)
    tokens = iter(request)
    next(tokens)
    assert scheduler.call(lambda: 42) == 42
    assert not request.finished
    tokens.close()  # type: ignore[attr-defined]


def answer(scheduler: Scheduler, request: Request) -> list[int]:
    scheduler.submit(request)
    return [*request]


@pytest.mark.parametrize("prefixed", [False, True])
def test_requests_that_arrive_during_a_batch_join_it_and_get_the_answers_they_get_alone(
    model: LanguageModel, prefixed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With longer prompts than the buffer has room for, other prefixes, and more tokens to generate."""
    scheduler = Scheduler(model)
    prefixes = [prefill(model, list(range(5, 60))), prefill(model, list(range(60, 5, -1)))] if prefixed else [None]

    def make() -> list[Request]:
        return [
            Request(
                list(range(5 + number, 8 + 9 * number)), prefixes[number % len(prefixes)], Sampling(40 + 30 * number)
            )
            for number in range(6)
        ]

    alone = [answer(scheduler, request) for request in make()]
    widths: list[int] = []
    real = SharedPrefixSession.step_ahead
    monkeypatch.setattr(
        SharedPrefixSession, "step_ahead", lambda self, tokens: (widths.append(len(tokens)), real(self, tokens))[1]
    )
    first, *others = requests = make()
    scheduler.submit(first)
    running = iter(first)
    next(running)
    for request in others:
        scheduler.submit(request)
        next(running)
    for _ in running:
        pass
    assert [first.tokens, *([*request] for request in others)] == alone
    assert max(widths) > 1
    assert len(widths) < sum(len(tokens) for tokens in alone) / 2
    assert all(request.finished for request in requests)


def test_a_request_that_cannot_join_is_not_overtaken(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(model)
    prefix = prefill(model, list(range(5, 60)))
    begun: list[int] = []
    real = SharedPrefixSession.prefill
    monkeypatch.setattr(
        SharedPrefixSession, "prefill", lambda self, row, tokens: (begun.append(tokens[0]), real(self, row, tokens))[1]
    )
    first, other, last = (
        Request([7], prefix, Sampling(40)),
        Request([8], None, Sampling(40)),
        Request([9], prefix, Sampling(40)),
    )
    scheduler.submit(first)
    running = iter(first)
    next(running)
    scheduler.submit(other, last)
    assert [len([*tokens]) for tokens in (running, other, last)] == [
        len(first.tokens) - 1,
        len(other.tokens),
        len(last.tokens),
    ]
    assert begun == [7, 8, 9]


def test_an_error_reaches_its_callers_and_the_next_request_is_answered(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(model)

    def broken(self: SharedPrefixSession, tokens: list[int]) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(SharedPrefixSession, "step_ahead", broken)
        requests = [Request([token], sampling=Sampling(9)) for token in (5, 6)]
        scheduler.submit(*requests)
        for request in requests:
            with pytest.raises(RuntimeError, match="out of memory"):
                list(request)
    after = Request([5], sampling=Sampling(9))
    scheduler.submit(after)
    assert list(after)


@pytest.mark.parametrize("prompt_is_at_fault", [True, False])
def test_an_error_in_one_row_ends_only_that_row(
    model: LanguageModel, prompt_is_at_fault: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(model)
    alone = answer(scheduler, Request([5], sampling=Sampling(60)))

    def broken(text: str) -> bool:
        raise RuntimeError("cannot be read")

    real = SharedPrefixSession.prefill

    def prefill_or_fail(self: SharedPrefixSession, row: int, tokens: list[int]) -> torch.Tensor:
        if prompt_is_at_fault and tokens[0] == 9:
            raise RuntimeError("out of memory")
        return real(self, row, tokens)

    monkeypatch.setattr(SharedPrefixSession, "prefill", prefill_or_fail)
    good, bad = Request([5], sampling=Sampling(60)), Request([9, 8], sampling=Sampling(60), complete=broken)
    scheduler.submit(good)
    running = iter(good)
    next(running)
    scheduler.submit(bad)
    with pytest.raises(RuntimeError, match="out of memory" if prompt_is_at_fault else "cannot be read"):
        list(bad)
    for _ in running:
        pass
    assert good.tokens == alone


@pytest.mark.parametrize("temperature", [1e-300, 1e-40, 1e-5])
def test_a_temperature_close_to_0_takes_the_most_likely_token(model: LanguageModel, temperature: float) -> None:
    scheduler = Scheduler(model)
    greedy = answer(scheduler, Request([5, 6], sampling=Sampling(20)))
    assert answer(scheduler, Request([5, 6], sampling=Sampling(20, temperature=temperature))) == greedy


def test_a_request_cancelled_while_waiting_is_dropped(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(model)
    prefix = prefill(model, list(range(5, 60)))
    first, other, last = (
        Request([7], prefix, Sampling(40)),
        Request([8], None, Sampling(40)),
        Request([9], prefix, Sampling(40)),
    )
    widths: list[int] = []
    real = SharedPrefixSession.step_ahead
    monkeypatch.setattr(
        SharedPrefixSession, "step_ahead", lambda self, tokens: (widths.append(len(tokens)), real(self, tokens))[1]
    )
    scheduler.submit(first)
    running = iter(first)
    next(running)
    other.cancelled = True
    scheduler.submit(other, last)
    assert [len([*tokens]) for tokens in (running, last)] == [len(first.tokens) - 1, len(last.tokens)]
    assert not other.tokens
    assert max(widths) == 2  # the last one did not wait for the end of the first


def test_buffers_are_no_wider_than_the_rows_need(model: LanguageModel) -> None:
    session = SharedPrefixSession(model.model, [None], 100)
    session.join([None], 1000)
    session.prefill(0, list(range(5, 50)))
    before = session.step([5, 6])[0]
    assert session._layers[0][0].shape[2] == 1024
    session.keep([0], 100)
    assert session._layers[0][0].shape[2] == 128
    again = SharedPrefixSession(model.model, [None], 100)
    again.prefill(0, list(range(5, 50)))
    torch.testing.assert_close(again.step([5])[0], before)
    torch.testing.assert_close(again.step([7]), session.step([7]))


def test_work_of_a_device_runs_in_one_thread_and_may_be_nested() -> None:
    device = torch.device("cpu")

    def ident() -> int:
        return compute(device, threading.get_ident)

    with ThreadPoolExecutor(4) as pool:
        idents = {*pool.map(lambda _: ident(), range(8)), compute(device, ident)}
    assert len(idents) == 1
    assert idents != {threading.get_ident()}


def test_concurrent_callers_get_the_same_compute_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting an executor blocks until a second one starts, or half a second."""
    started: list[ThreadPoolExecutor] = []
    second = threading.Event()

    class SlowExecutor(ThreadPoolExecutor):
        def __init__(self, *args: Any) -> None:
            started.append(self)
            if len(started) > 1:
                second.set()
            second.wait(0.5)
            super().__init__(*args)

    monkeypatch.setattr(compute_threads, "ThreadPoolExecutor", SlowExecutor)
    monkeypatch.setattr(compute_threads, "_threads", {})
    together = threading.Barrier(8)

    def get(_: int) -> compute_threads.ComputeThread:
        together.wait()
        return compute_threads.compute_thread("cpu")

    with ThreadPoolExecutor(8) as pool:
        assert len({*pool.map(get, range(8))}) == len(started) == 1
    assert len(started) == 1


def test_the_interpreter_exits_while_answers_are_generated() -> None:
    code = (
        "import threading\n"
        "from memorag_graph.models.sampling import Sampling\n"
        "from memorag_graph.models.request import Request\n"
        "from memorag_graph.models.scheduler import Scheduler\n"
        "from tests.conftest import tiny_model\n"
        "scheduler = Scheduler(tiny_model('llama'))\n"
        "requests = [Request([5], sampling=Sampling(300)), Request(list(range(5, 60)), sampling=Sampling(200))]\n"
        "caller = threading.Thread(target=lambda: [print(len(list(request))) for request in requests])\n"
        "scheduler.submit(requests[0]); next(iter(requests[0])); requests[0].cancelled = False\n"
        "scheduler.submit(requests[1]); caller.start()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.split()) == 2
