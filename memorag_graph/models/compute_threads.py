"""Run all computation of a device in one thread.

OpenMP keeps a pool of threads for every thread that has ever computed. If all pools together have more threads than
there are cores, idle threads sleep instead of spinning, and each of the hundreds of parallel regions of a decoding step
has to wake them: a step of 55 ms takes 100 ms.

A forked process has none of its parent's threads, so it starts its own. A fork waits for the running computation, whose
libraries may hold locks that nobody would release in the child.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch
from langchain_core.embeddings import Embeddings

from memorag_graph.models.out_of_memory import in_batches_that_fit

Result = TypeVar("Result")


class ComputeThread:
    """The thread of a type of device.

    Args:
        device_type: The type, for example ``"cpu"``.
    """

    def __init__(self, device_type: str) -> None:
        self.computing = threading.RLock()
        self._executor = ThreadPoolExecutor(1, f"compute-{device_type}", _mark_thread, (device_type,))

    def submit(self, work: Callable[..., Result], *arguments: object) -> "Future[Result]":
        """Queue work after all other work.

        Raises:
            RuntimeError: If the interpreter is shutting down.
        """
        return self._executor.submit(self._run, work, arguments)

    def _run(self, work: Callable[..., Result], arguments: tuple[object, ...]) -> Result:
        with self.computing:
            return work(*arguments)


_threads: dict[str, ComputeThread] = {}
_threads_lock = threading.RLock()
_this_thread = threading.local()


def compute_thread(device_type: str) -> ComputeThread:
    """Return the thread of a type of device, for example ``"cpu"``; it is started once."""
    with _threads_lock:  # not functools.cache, which calls a function twice if two threads call it at once
        if device_type not in _threads:
            _threads[device_type] = ComputeThread(device_type)
        return _threads[device_type]


def _mark_thread(device_type: str) -> None:
    _this_thread.device_type = device_type


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
