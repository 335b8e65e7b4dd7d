"""Cache objects that sessions hand to transformers. No other file touches transformers' caches."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache

from memorag_graph.kv.prefix import KVPrefix

RowCache = DynamicCache
"""Transformers' own cache, for one row."""


class View(CacheLayerMixin, ABC):
    """One layer of a :class:`memorag_graph.inference.decode_session.SharedPrefixSession` during one forward pass."""

    def __init__(self, keys: Tensor, values: Tensor, seen: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # the class is typed only in part
        self.keys, self.values = keys, values
        self._seen = seen
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Do nothing: the buffers exist."""

    def update(
        self,
        key_states: Tensor,
        value_states: Tensor,
        *args: Any,  # noqa: ANN401 - passed by transformers
        **kwargs: Any,  # noqa: ANN401
    ) -> tuple[Tensor, Tensor]:
        """Write the new tokens and return the keys and values that they may attend to."""
        return self._take(_filled(self.keys), key_states), self._take(_filled(self.values), value_states)

    @abstractmethod
    def _take(self, buffer: Tensor, states: Tensor) -> Tensor:
        """Write new tokens into a buffer and return the part of it to attend to."""

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return the number of columns that a mask spans, and its offset."""
        return self._seen + query_length, 0

    def get_seq_length(self) -> int:
        """Return the number of columns seen."""
        return self._seen

    def get_max_length(self) -> int:
        """Return -1: a view lasts for one forward pass and has no limit of its own."""
        return -1


class PieceView(View):
    """Writes several new tokens of one row into given columns; returns the columns read so far."""

    def __init__(self, keys: Tensor, values: Tensor, columns: slice) -> None:
        super().__init__(keys, values, columns.start)
        self._columns = columns

    def _take(self, buffer: Tensor, states: Tensor) -> Tensor:
        buffer[:, :, self._columns] = states
        return buffer[:, :, : self._columns.stop]


class StepView(View):
    """Writes the new tokens of every row, each into its own column; returns the first columns, unfilled ones included.

    Args:
        keys: The rows' buffer, (rows, kv_heads, columns, dim).
        values: Same shape.
        places: Where the new tokens go in a buffer seen as one list of heads' columns, shape (rows * kv_heads,).
        stop: Number of columns to return.
    """

    def __init__(self, keys: Tensor, values: Tensor, places: Tensor, stop: int) -> None:
        super().__init__(keys, values, stop - 1)
        self._places = places
        self._stop = stop

    def _take(self, buffer: Tensor, states: Tensor) -> Tensor:
        dim = states.shape[-1]
        buffer.view(-1, dim).index_copy_(0, self._places, states.reshape(-1, dim))
        return buffer[:, :, : self._stop]


def cache_of(layers: Sequence[View]) -> Cache:
    """Return one view per layer as the cache of one forward pass."""
    return Cache(layers=[*layers])


def dynamic_cache(prefix: KVPrefix | None) -> RowCache:
    """Return transformers' cache for one row; continuing it makes new tensors and leaves the prefix unchanged."""
    cache = DynamicCache()
    for index, (keys, values) in enumerate(prefix.layers if prefix else ()):
        cache.update(keys[None], values[None], index)
    return cache


def prefix_of(cache: RowCache) -> KVPrefix:
    """Return the keys and values that transformers' cache holds for its row."""
    layers = [layer for layer in cache.layers if isinstance(layer, CacheLayerMixin)]
    return KVPrefix(tuple((_filled(layer.keys)[0], _filled(layer.values)[0]) for layer in layers))


def _filled(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise ValueError("the cache has no keys and values yet; run the model first")
    return tensor
