"""Measure the machine's limits: memory bandwidth, and matrix products with and without packed weights."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from memorag_graph.inference.packed_linear import PackedLinear

_NUMBERS = 1 << 27
_SIDE = 2048
_REPEATS = 7


def limits() -> dict[str, Any]:
    """Return the bytes per second read by a sum, and the operations per second of large matrix products, by dtype.

    ``packed_``: products whose second matrix is stored in oneDNN's layout.
    """
    numbers = torch.ones(_NUMBERS)
    found: dict[str, Any] = {"bytes_per_second": numbers.nbytes / _median(numbers.sum)}
    for dtype in (torch.float32, torch.bfloat16):
        first, second = (torch.randn(_SIDE, _SIDE).to(dtype) for _ in range(2))
        linear = nn.Linear(_SIDE, _SIDE, bias=False).to(dtype)
        packed = PackedLinear(linear)
        name = str(dtype).removeprefix("torch.")
        for kind, work in (("", lambda a=first, b=second: a @ b), ("packed_", lambda a=first, b=packed: b(a))):
            found[f"{kind}operations_per_second_{name}"] = 2 * _SIDE**3 / _median(work)
    return found


def _median(work: Callable[[], object]) -> float:
    """Return the median time, after one warm-up call."""
    work()
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
