"""Run all computation of a device in one thread.

OpenMP keeps a pool of threads for every thread that has ever computed. If all pools together have more threads than
there are cores, idle threads sleep instead of spinning, and each of the hundreds of parallel regions of a decoding step
has to wake them: a step of 55 ms takes 100 ms.

A forked process has none of its parent's threads, so it starts its own. A fork waits for the running computation, whose
libraries may hold locks that nobody would release in the child.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from langchain_core.embeddings import Embeddings

from memorag_graph.models.out_of_memory import in_batches_that_fit
from memorag_graph.models.query_batch import embed_each_query
from memorag_graph.processors import usable_processors

Result = TypeVar("Result")

Urgency = Literal["question", "background"]

SHARES: Mapping[Urgency, float] = {"question": 0.75, "background": 0.25}
"""Shares of a device's time while both kinds of work wait."""

_MOST_CREDIT_SECONDS = 10.0
"""What work that was not there for a while is owed at most, divided by its share."""

_urgency: ContextVar[Urgency] = ContextVar("memorag_urgency", default="question")


class ComputeThread:
    """The thread of a type of device.

    While questions and memories that are being built compete, questions get three quarters of the time, however many
    memories are built: the queue whose work took less time for its share is next (Demers et al., "Analysis and
    Simulation of a Fair Queueing Algorithm", 1989).

    Args:
        device_type: The type, for example ``"cpu"``.
        clock: Returns seconds.
    """

    def __init__(self, device_type: str, clock: Callable[[], float] = time.perf_counter) -> None:
        self.computing = threading.RLock()
        self._executor = ThreadPoolExecutor(1, f"compute-{device_type}", _begin, (device_type,))
        self._clock = clock
        self._lock = threading.Lock()
        self._queues: dict[Urgency, deque[_Work]] = {urgency: deque() for urgency in SHARES}
        self._used: dict[Urgency, float] = dict.fromkeys(SHARES, 0.0)
        """Seconds used, divided by the share."""

        self._running: Urgency | None = None

    def submit(self, call: Callable[..., Result], *arguments: object) -> "Future[Result]":
        """Queue work after all other work of its urgency.

        Raises:
            RuntimeError: If the interpreter is shutting down.
        """
        urgency = _urgency.get()
        work = _Work(Future(), call, arguments)
        with self._lock:
            if not self._queues[urgency] and self._running != urgency:  # it was idle
                self._used[urgency] = max(self._used[urgency], max(self._used.values()) - _MOST_CREDIT_SECONDS)
            self._queues[urgency].append(work)
            try:
                self._executor.submit(self._run_next)
            except RuntimeError:
                self._queues[urgency].pop()
                raise
        return work.future

    def _run_next(self) -> None:
        with self._lock:
            urgency = min((it for it in SHARES if self._queues[it]), key=self._used.__getitem__)
            work = self._queues[urgency].popleft()
            self._running = urgency
        began = self._clock()
        with self.computing:
            work.run()
        with self._lock:
            self._used[urgency] += (self._clock() - began) / SHARES[urgency]
            self._running = None


@dataclass(frozen=True, slots=True)
class _Work:
    future: "Future[Any]"
    call: Callable[..., Any]
    arguments: tuple[object, ...]

    def run(self) -> None:
        try:
            self.future.set_result(self.call(*self.arguments))
        except BaseException as error:  # noqa: BLE001 - passed on to the caller, whatever it is
            frame = error.__traceback__
            if frame is not None:  # without this method, whose future would keep the error alive
                error.__traceback__ = frame.tb_next
            self.future.set_exception(error)


@contextmanager
def in_background() -> Iterator[None]:
    """Mark the work of this context as less urgent than questions, such as building a memory."""
    token = _urgency.set("background")
    try:
        yield
    finally:
        _urgency.reset(token)


_threads: dict[str, ComputeThread] = {}
_threads_lock = threading.RLock()
_this_thread = threading.local()


def compute_thread(device_type: str) -> ComputeThread:
    """Return the thread of a type of device, for example ``"cpu"``; it is started once."""
    with _threads_lock:  # not functools.cache, which calls a function twice if two threads call it at once
        if device_type not in _threads:
            _threads[device_type] = ComputeThread(device_type)
        return _threads[device_type]


def _begin(device_type: str) -> None:
    """Mark a new thread as a device's; with more OpenMP threads than processors, they would wait for each other."""
    _this_thread.device_type = device_type
    if torch.get_num_threads() > usable_processors():  # torch sees a container's processors, but not its quota
        torch.set_num_threads(usable_processors())


def _before_fork() -> None:
    _threads_lock.acquire()
    for thread in _threads.values():
        thread.computing.acquire()


def _after_fork_in_parent() -> None:
    for thread in _threads.values():
        thread.computing.release()
    _threads_lock.release()


def _after_fork_in_child() -> None:
    _after_fork_in_parent()
    _threads.clear()
    vars(_this_thread).clear()


if hasattr(os, "register_at_fork"):  # POSIX
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def compute(device: torch.device, work: Callable[[], Result]) -> Result:
    """Run a function in a device's thread and return its result; in that thread, call it directly."""
    if getattr(_this_thread, "device_type", None) == device.type:
        return work()
    return compute_thread(device.type).submit(work).result()


class ThreadedEmbeddings(Embeddings):
    """An embedding model that computes in its device's thread, one call at a time.

    Args:
        embeddings: The model.
        device: The device it runs on.
    """

    def __init__(self, embeddings: Embeddings, device: torch.device) -> None:
        self._embeddings = embeddings
        self._device = device

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text."""
        work = self._embeddings.embed_documents
        return compute(self._device, lambda: in_batches_that_fit(lambda batch: work(list(batch)), texts))

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        return compute(self._device, lambda: self._embeddings.embed_query(text))

    def embed_queries(self, queries: list[str]) -> list[list[float]]:
        """Return the vector of each query."""
        return compute(
            self._device,
            lambda: in_batches_that_fit(lambda batch: embed_each_query(self._embeddings, list(batch)), queries),
        )
