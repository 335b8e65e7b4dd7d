"""A forked process has none of its parent's threads; it answers with its own, and the parent goes on."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from memorag_graph.documents import Document
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.models.compute_threads import compute_thread
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY, HashEmbeddings, prefill, tiny_model

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")

PREFIX = list(range(5, 60))


def in_child(work: Callable[[], object], seconds: float = 60) -> bytes:
    """Fork, and return what the child's work gives; a child that hangs is killed."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        signal.alarm(int(seconds))
        try:
            os.write(writing, repr(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        given = told.read()
    os.waitpid(child, 0)
    return given


def test_a_child_answers_like_its_parent_and_the_parent_goes_on() -> None:
    model = tiny_model("llama")
    scheduler, prefix = Scheduler(model), prefill(model, PREFIX)

    def answer() -> list[int]:
        request = Request([7, 8, 9], prefix, Sampling(20))
        scheduler.submit(request)
        return [*request]

    expected = answer()
    assert in_child(answer) == repr(expected).encode()
    assert answer() == expected


def test_a_fork_in_the_middle_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    scheduler = Scheduler(model)
    running = Request([5, 6, 7], sampling=Sampling(2000))
    scheduler.submit(running)
    tokens = iter(running)
    first = [next(tokens) for _ in range(3)]

    def answer() -> list[int]:
        request = Request([7, 8, 9], None, Sampling(20))
        scheduler.submit(request)
        return [*request]

    told = [in_child(answer) for _ in range(5)]
    tokens.close()  # type: ignore[attr-defined]
    assert told == [repr(answer()).encode()] * 5
    assert len(first) == 3


def test_a_fork_waits_for_the_running_computation() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        time.sleep(0.3)
        ended.set()

    done = compute_thread("cpu").submit(work)
    begun.wait(10)
    assert in_child(ended.is_set) == b"True"
    done.result()


def test_the_compute_thread_itself_can_fork() -> None:
    assert compute_thread("cpu").submit(lambda: in_child(lambda: 1)).result(60) == b"1"


def test_workers_that_are_forked_from_a_process_with_a_loaded_model_answer() -> None:
    registry = Registry()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings())
    opened = registry.memorize([Document("a", TEXT)], TINY)

    def ask(answers: "multiprocessing.Queue[str]") -> None:
        again = registry.open(opened.memory.id, TINY)
        answers.put(again.chat(TINY).invoke("Who was proud?").text)

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    workers = [context.Process(target=ask, args=(answers,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    told = [answers.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert told == [opened.chat(TINY).invoke("Who was proud?").text] * 2
