"""Attention within a window where a causal mask is not enough.

Each is a :data:`memorag_graph.inference.prefix_attention.WindowAttention`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from memorag_graph.inference.logsumexp_attention import Part
from memorag_graph.inference.prefix_attention import Attend, Past
from memorag_graph.kv.rotary import rotate


@dataclass(frozen=True, eq=False)
class MaskedWindow:
    """New tokens attend to the tokens that a mask does not hide.

    Attributes:
        mask: Additive mask of the scores of own tokens, float32 (new, columns); see
            :func:`memorag_graph.inference.logsumexp_attention.masked`.
    """

    mask: Tensor

    def __call__(
        self, grouped: Tensor, key: Tensor, value: Tensor, past: Past, scale: float, attend: Attend
    ) -> list[Part]:
        """Return the one part over all own tokens."""
        heads, group, new, dim = grouped.shape
        flat = grouped.reshape(1, heads, group * new, dim)
        return [attend(flat, key, value, scale, mask=self.mask.repeat(group, 1))]


@dataclass(frozen=True, eq=False)
class ParallelWindows:
    """Reads several full windows at once: each attends to itself, and to what earlier windows leave in the memory.

    What a window leaves is rotated to its place in the memory, layer by layer, before later windows attend to it.

    Attributes:
        windows: Number of windows; they divide the new tokens equally.
        left: Rows that a window leaves.
        steps: Rotation of each of them in tokens, window after window, shape (windows * left).
        frequencies: Rotary frequencies.
    """

    windows: int
    left: Tensor
    steps: Tensor
    frequencies: Tensor

    def __call__(
        self, grouped: Tensor, key: Tensor, value: Tensor, past: Past, scale: float, attend: Attend
    ) -> list[Part]:
        """Return the part of each window over itself, and of each but the first over what earlier windows left."""
        heads, group, new, dim = grouped.shape
        size = new // self.windows
        apart = (heads, group, self.windows, size, dim)
        windows = grouped.reshape(apart).permute(2, 0, 1, 3, 4)  # (windows, heads, group, size, dim)
        keys = key[0].reshape(heads, self.windows, size, dim).transpose(0, 1)
        values = value[0].reshape(heads, self.windows, size, dim).transpose(0, 1)
        own, own_sums = attend(
            windows.flatten(0, 1),
            keys.flatten(0, 1)[:, None].expand(-1, group, -1, -1),
            values.flatten(0, 1)[:, None].expand(-1, group, -1, -1),
            scale,
            causal=True,
        )
        left_keys = keys[:, :, self.left].transpose(0, 1).reshape(heads, -1, dim)
        left_keys = rotate(left_keys.float(), self.steps, self.frequencies).to(key.dtype)
        left_values = values[:, :, self.left].transpose(0, 1).reshape(heads, -1, dim)
        before = torch.zeros_like(own).view(windows.shape)
        before_sums = torch.full(windows.shape[:-1], float("-inf"), device=own.device)
        for number in range(1, self.windows):
            seen = number * len(self.left)
            queries = windows[number].reshape(1, heads, group * size, dim)
            found, sums = attend(queries, left_keys[None, :, :seen], left_values[None, :, :seen], scale)
            before[number] = found.view(heads, group, size, dim)
            before_sums[number] = sums.view(heads, group, size)
        joined = [(own.view(windows.shape), own_sums.view(windows.shape[:-1])), (before, before_sums)]
        return [
            (_flat(output, heads, dim), _flat(part_sums[..., None], heads, 1)[..., 0]) for output, part_sums in joined
        ]


def _flat(windows: Tensor, heads: int, dim: int) -> Tensor:
    """Return (windows, heads, group, size, dim) as (1, heads, group * windows * size, dim)."""
    return windows.permute(1, 2, 0, 3, 4).reshape(1, heads, -1, dim)
