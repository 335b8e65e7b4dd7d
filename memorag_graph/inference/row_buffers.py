"""Buffers for the keys and values of a session's rows, (rows, kv_heads, columns, dim), with room for many tokens."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.kv.prefix import cache_shape

COLUMNS = 64
"""Buffers are rounded up to a multiple of this many columns."""


def rounded(columns: int, step: int = COLUMNS) -> int:
    """Return a number of columns rounded up to a multiple of a step."""
    return -(-columns // step) * step


def new_buffers(model: PreTrainedModel, rows: int, columns: int) -> list[tuple[Tensor, Tensor]]:
    """Return empty buffers for the keys and values of each layer of a model."""
    layers, heads, dim = cache_shape(model)
    shape = (rows, heads, columns, dim)
    return [
        (
            torch.zeros(shape, dtype=model.dtype, device=model.device),
            torch.zeros(shape, dtype=model.dtype, device=model.device),
        )
        for _ in range(layers)
    ]


def grown(buffer: Tensor, rows: int, columns: int) -> Tensor:
    """Return a buffer for more rows and columns that begins with those of another."""
    before, heads, filled, dim = buffer.shape
    larger = buffer.new_zeros(rows, heads, columns, dim)
    larger[:before, :, :filled] = buffer
    return larger


def copied(buffer: Tensor, rows: Sequence[int], columns: int) -> Tensor:
    """Return a copy of some rows of a buffer with ``columns`` columns."""
    return buffer[torch.tensor(rows, dtype=torch.long), :, :columns]


def moved_up(buffer: Tensor, rows: Sequence[int], _: int) -> Tensor:
    """Return some rows of a buffer, in ascending order; rows that are already in place are not copied."""
    for place, row in enumerate(rows):
        if place != row:
            buffer[place] = buffer[row]
    return buffer[: len(rows)]
