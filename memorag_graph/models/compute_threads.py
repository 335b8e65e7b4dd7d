"""One thread for each device that computes.

OpenMP keeps a pool of threads for every thread that has ever computed. With more of them than cores they no longer
wait actively for each other, and each of the hundreds of parallel regions of a decoding step pays for being woken up:
a step that takes 55 ms takes 100 ms. So whatever computes on a device does it in the one thread of that device.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch
from langchain_core.embeddings import Embeddings

Result = TypeVar("Result")

_here = threading.local()


@cache
def compute_thread(device_type: str) -> ThreadPoolExecutor:
    """Return the thread of a kind of device, such as ``"cpu"``."""

    def mark() -> None:
        _here.device_type = device_type

    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"compute-{device_type}", initializer=mark)


def compute(device: torch.device, work: Callable[[], Result]) -> Result:
    """Run a function in a device's thread and return its result."""
    if getattr(_here, "device_type", None) == device.type:
        return work()
    return compute_thread(device.type).submit(work).result()


class ThreadedEmbeddings(Embeddings):
    """An embedding model that computes in its device's thread, a batch at a time.

    Args:
        embeddings: The model.
        device: Where it runs.
    """

    def __init__(self, embeddings: Embeddings, device: torch.device) -> None:
        self._embeddings = embeddings
        self._device = device

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text."""
        return compute(self._device, lambda: self._embeddings.embed_documents(texts))

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        return compute(self._device, lambda: self._embeddings.embed_query(text))
