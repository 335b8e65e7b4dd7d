"""The worker: other work comes between the steps of a batch, faults reach the askers, and the interpreter can end."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from memorag_graph.kv.branch import SharedBranch
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.threads import compute
from memorag_graph.models.worker import Request, Worker
from tests.conftest import tiny_model

ROOT = Path(__file__).parent.parent


@pytest.fixture
def model() -> LanguageModel:
    return tiny_model("llama")


def test_other_work_comes_between_the_steps_of_a_batch(model: LanguageModel) -> None:
    worker = Worker(model)
    request = Request([5, 6, 7], sampling=Sampling(2000))
    worker.submit(request)
    tokens = iter(request)
    next(tokens)
    assert worker.call(lambda: 42) == 42
    assert not request.finished
    tokens.close()  # type: ignore[attr-defined]


def test_requests_that_come_while_a_batch_runs_are_answered_after_it(model: LanguageModel) -> None:
    worker = Worker(model)
    first, second = (Request([token], sampling=Sampling(100)) for token in (5, 6))
    worker.submit(first)
    next(iter_first := iter(first))
    worker.submit(second)
    assert len([*iter_first]) == len(first.tokens) - 1
    assert [*second] == second.tokens
    alone = Request([6], sampling=Sampling(100))
    worker.submit(alone)
    assert [*alone] == second.tokens


def test_a_fault_reaches_its_askers_and_the_next_request_is_answered(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(model)

    def broken(self: SharedBranch, tokens: list[int]) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(SharedBranch, "step", broken)
        requests = [Request([token], sampling=Sampling(9)) for token in (5, 6)]
        worker.submit(*requests)
        for request in requests:
            with pytest.raises(RuntimeError, match="out of memory"):
                list(request)
    after = Request([5], sampling=Sampling(9))
    worker.submit(after)
    assert list(after)


def test_work_of_a_device_runs_in_one_thread_and_may_call_for_more() -> None:
    device = torch.device("cpu")

    def ident() -> int:
        return compute(device, threading.get_ident)

    with ThreadPoolExecutor(4) as pool:
        idents = {*pool.map(lambda _: ident(), range(8)), compute(device, ident)}
    assert len(idents) == 1
    assert idents != {threading.get_ident()}


def test_the_interpreter_ends_while_answers_are_written() -> None:
    code = (
        "import threading\n"
        "from memorag_graph.models.sampling import Sampling\n"
        "from memorag_graph.models.worker import Request, Worker\n"
        "from tests.conftest import tiny_model\n"
        "worker = Worker(tiny_model('llama'))\n"
        "requests = [Request([5], sampling=Sampling(300)), Request(list(range(5, 60)), sampling=Sampling(200))]\n"
        "asker = threading.Thread(target=lambda: [print(len(list(it))) for it in requests])\n"
        "worker.submit(requests[0]); next(iter(requests[0])); requests[0].cancelled = False\n"
        "worker.submit(requests[1]); asker.start()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.split()) == 2
