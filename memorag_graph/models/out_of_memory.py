"""What to do when a device's memory is full: smaller batches first, then a clear error."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_MESSAGES = ("can't allocate memory", "not enough memory", "Cannot allocate memory", "MPS backend out of memory")
"""What PyTorch's allocators for CPUs and Apple's GPUs say; their errors have no class of their own."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that a device's memory is full."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(it in str(error) for it in _MESSAGES)


def in_batches_that_fit(work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]) -> list[Result]:
    """Return the results of work on items, done at once; in halves where the memory is full."""
    try:
        return list(work(items))
    except Exception as error:
        if len(items) < 2 or not is_out_of_memory(error):
            raise
    half = len(items) // 2
    return [*in_batches_that_fit(work, items[:half]), *in_batches_that_fit(work, items[half:])]
