"""Keys and values that grow at their end."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.kv.prefix import KVPrefix, cache_shape


class GrowableCache:
    """Keys and values in buffers that double when full, so that appending rarely copies.

    Args:
        model: The model that computes them.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        layers, heads, dim = cache_shape(model)
        empty = torch.zeros(1, heads, 0, dim, dtype=model.dtype, device=model.device)
        self._layers = [(empty, empty) for _ in range(layers)]
        self.length = 0

    def fork(self) -> "GrowableCache":
        """Return an independent copy."""
        other = object.__new__(GrowableCache)
        other._layers = [(keys.clone(), values.clone()) for keys, values in self._layers]
        other.length = self.length
        return other

    def room(self, length: int) -> list[tuple[Tensor, Tensor]]:
        """Grow to ``length`` entries and return the buffers, (1, heads, columns, dim)."""
        if length > self._layers[0][0].shape[2]:
            self._layers = [
                (self._doubled(keys, length), self._doubled(values, length)) for keys, values in self._layers
            ]
        self.length = max(self.length, length)
        return self._layers

    def add(self, kv: KVPrefix) -> None:
        """Append entries."""
        start = self.length
        buffers = self.room(start + kv.length)
        for (keys, values), (new_keys, new_values) in zip(buffers, kv.layers, strict=True):
            keys[0, :, start : self.length] = new_keys
            values[0, :, start : self.length] = new_values

    def prefix(self) -> KVPrefix:
        """Return the entries as views of the buffers; appending leaves them unchanged."""
        return KVPrefix(
            tuple((keys[0, :, : self.length], values[0, :, : self.length]) for keys, values in self._layers)
        )

    def _doubled(self, buffer: Tensor, length: int) -> Tensor:
        columns = max(length, 2 * buffer.shape[2])
        grown = buffer.new_zeros(1, buffer.shape[1], columns, buffer.shape[3])
        grown[:, :, : self.length] = buffer[:, :, : self.length]
        return grown
