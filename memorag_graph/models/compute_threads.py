"""Run all computation of a device in one thread.

OpenMP keeps a pool of threads for every thread that has ever computed. If all pools together have more threads than
there are cores, idle threads sleep instead of spinning, and each of the hundreds of parallel regions of a decoding step
has to wake them: a step of 55 ms takes 100 ms.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from langchain_core.embeddings import Embeddings

from memorag_graph.models.out_of_memory import in_batches_that_fit

Result = TypeVar("Result")

_threads: dict[str, ThreadPoolExecutor] = {}
_threads_lock = threading.Lock()
_this_thread = threading.local()


def compute_thread(device_type: str) -> ThreadPoolExecutor:
    """Return the thread of a type of device, for example ``"cpu"``; it is started once."""
    with _threads_lock:  # not functools.cache, which calls a function twice if two threads call it at once
        if device_type not in _threads:
            _threads[device_type] = ThreadPoolExecutor(1, f"compute-{device_type}", _mark_thread, (device_type,))
        return _threads[device_type]


def _mark_thread(device_type: str) -> None:
    _this_thread.device_type = device_type


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
