"""The KV cache of a memory and the branches that continue it. No other file touches transformers' caches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache

from memorag_graph.kv.attention import MEMORY_ATTENTION

PIECE = 1024
"""Most tokens of a prompt in one forward pass: bounds the activations' memory."""


@dataclass(frozen=True)
class KVPrefix:
    """Keys and values of a sequence of tokens at positions 0 to ``length`` - 1. Never changed once made.

    Attributes:
        layers: Per layer, keys and values (after rotary embedding), each (kv_heads, length, head_dim).
    """

    layers: tuple[tuple[Tensor, Tensor], ...]

    @property
    def length(self) -> int:
        """Number of tokens."""
        return int(self.layers[0][0].shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of all keys and values."""
        return sum(keys.nbytes + values.nbytes for keys, values in self.layers)

    def dynamic_cache(self) -> DynamicCache:
        """Return transformers' cache over the same tensors, for one row.

        Continuing it grows new tensors and leaves these as they are; its ``reset`` must not be called.
        """
        cache = DynamicCache()
        for index, (keys, values) in enumerate(self.layers):
            cache.update(keys[None], values[None], index)
        return cache

    @classmethod
    def from_cache(cls, cache: Cache) -> "KVPrefix":
        """Take the first row of a transformers cache."""
        layers = [layer for layer in cache.layers if isinstance(layer, CacheLayerMixin)]
        return cls(tuple((_filled(layer.keys)[0], _filled(layer.values)[0]) for layer in layers))


class Branch(Protocol):
    """Rows that continue one prefix, each with a prompt of its own, and are dropped afterwards."""

    def prefill(self, row: int, tokens: Sequence[int]) -> Tensor:
        """Read a row's prompt; return the logits after its last token, shape (vocabulary,)."""

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Read one token per row; return the logits after it, shape (rows, vocabulary)."""

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some rows only, in the given order."""

    def prefix(self) -> KVPrefix:
        """Return the prefix grown by what the only row has read."""


def open_branch(model: PreTrainedModel, prefix: KVPrefix | None, prompt_lengths: Sequence[int], room: int) -> Branch:
    """Open a branch for prompts of the given lengths with ``room`` more tokens for each row."""
    if model.config._attn_implementation == MEMORY_ATTENTION:
        return SharedBranch(model, prefix, max(prompt_lengths), len(prompt_lengths), room)
    return StockBranch(model, prefix, len(prompt_lengths))


class SharedBranch:
    """A branch whose rows share the prefix's tensors and keep their own tokens in buffers allocated once.

    Prompts are aligned at their ends: a row's prompt fills the columns up to ``width``, shorter ones leave
    columns before them unused. Every row then decodes into the same column.
    """

    def __init__(self, model: PreTrainedModel, prefix: KVPrefix | None, width: int, rows: int, room: int) -> None:
        self._model = model
        self._prefix = prefix
        self._width = width
        self._column = width
        self._starts = torch.full((rows,), width)
        self._layers = _buffers(model, rows, width + room)

    @property
    def _offset(self) -> int:
        return self._prefix.length if self._prefix else 0

    def prefill(self, row: int, tokens: Sequence[int]) -> Tensor:
        """Read a row's prompt; return the logits after its last token, shape (vocabulary,)."""
        start = self._width - len(tokens)
        self._starts[row] = start
        for piece in range(0, len(tokens), PIECE):
            part = tokens[piece : piece + PIECE]
            first = start + piece
            mask = None
            if self._prefix or piece:  # otherwise the library's own causal attention is quicker
                columns = torch.arange(start, first + len(part))
                mask = (columns[None, :] <= torch.arange(first, first + len(part))[:, None])[None, None]
            logits = self._forward([part], slice(row, row + 1), slice(start, first), mask, torch.tensor([piece]))
        return logits[0]

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Read one token per row; return the logits after it, shape (rows, vocabulary)."""
        columns = torch.arange(self._column + 1)
        mask = (columns[None, :] >= self._starts[:, None])[:, None, None, :]
        logits = self._forward(
            [[token] for token in tokens],
            slice(0, len(tokens)),
            slice(0, self._column),
            mask,
            self._column - self._starts,
        )
        self._column += 1
        return logits

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some rows only, in the given order."""
        index = torch.tensor(rows)
        self._starts = self._starts[index]
        self._layers = [(keys[index], values[index]) for keys, values in self._layers]

    def prefix(self) -> KVPrefix:
        """Return the prefix grown by what the only row has read."""
        start = int(self._starts[0])
        own = [(keys[0, :, start : self._column], values[0, :, start : self._column]) for keys, values in self._layers]
        if self._prefix is None:
            return KVPrefix(tuple((keys.contiguous(), values.contiguous()) for keys, values in own))
        return KVPrefix(
            tuple(
                (torch.cat([old_keys, keys], dim=1), torch.cat([old_values, values], dim=1))
                for (old_keys, old_values), (keys, values) in zip(self._prefix.layers, own, strict=True)
            )
        )

    def _forward(
        self,
        tokens: Sequence[Sequence[int]],
        rows: slice,
        seen: slice,
        mask: Tensor | None,
        first_positions: Tensor,
    ) -> Tensor:
        """Run the model on new tokens that follow the columns ``seen``; return the last token's logits."""
        device = self._model.device
        ids = torch.tensor(tokens, device=device)
        positions = self._offset + first_positions[:, None] + torch.arange(ids.shape[1])
        cache = Cache(layers=[_BufferView(keys[rows], values[rows], seen) for keys, values in self._layers])
        with torch.inference_mode():
            output = self._model(
                input_ids=ids,
                attention_mask=None if mask is None else mask.to(device),
                position_ids=positions.to(device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
                memory_prefix=self._prefix.layers if self._prefix else None,
            )
        return output.logits[:, -1].float()  # type: ignore[no-any-return]


class _BufferView(CacheLayerMixin):
    """One layer of a :class:`SharedBranch` during one forward pass: new tokens go into their columns."""

    def __init__(self, keys: Tensor, values: Tensor, seen: slice) -> None:
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
        """Write the new tokens; return keys and values of all columns seen so far."""
        start, column = self._seen.start, self._seen.stop
        end = column + key_states.shape[2]
        keys, values = _filled(self.keys), _filled(self.values)
        keys[:, :, column:end] = key_states
        values[:, :, column:end] = value_states
        return keys[:, :, start:end], values[:, :, start:end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return the number of columns that a mask spans, and its offset."""
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        """Return the number of columns seen."""
        return int(self._seen.stop - self._seen.start)

    def get_max_length(self) -> int:
        """Return -1: a view is made for one forward pass and has no limit of its own."""
        return -1


class StockBranch:
    """A branch through the model's own attention, one row after the other: exact for any causal LM."""

    def __init__(self, model: PreTrainedModel, prefix: KVPrefix | None, rows: int) -> None:
        self._model = model
        self._caches = [prefix.dynamic_cache() if prefix else DynamicCache() for _ in range(rows)]

    def prefill(self, row: int, tokens: Sequence[int]) -> Tensor:
        """Read a row's prompt; return the logits after its last token, shape (vocabulary,)."""
        for piece in range(0, len(tokens), PIECE):
            logits = self._forward(self._caches[row], tokens[piece : piece + PIECE])
        return logits

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Read one token per row; return the logits after it, shape (rows, vocabulary)."""
        return torch.stack([self._forward(cache, [token]) for cache, token in zip(self._caches, tokens, strict=True)])

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some rows only, in the given order."""
        self._caches = [self._caches[row] for row in rows]

    def prefix(self) -> KVPrefix:
        """Return the prefix grown by what the only row has read."""
        return KVPrefix.from_cache(self._caches[0])

    def _forward(self, cache: DynamicCache, tokens: Sequence[int]) -> Tensor:
        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor([list(tokens)], device=self._model.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        return output.logits[0, -1].float()  # type: ignore[no-any-return]


def _filled(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise ValueError("the cache has no keys and values yet; run the model first")
    return tensor


def cache_shape(model: PreTrainedModel) -> tuple[int, int, int]:
    """Return the number of layers, the key and value heads of each, and the size of a head."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(config.num_hidden_layers), int(heads), int(dim)


def _buffers(model: PreTrainedModel, rows: int, columns: int) -> list[tuple[Tensor, Tensor]]:
    layers, heads, dim = cache_shape(model)
    shape = (rows, heads, columns, dim)
    return [
        (
            torch.zeros(shape, dtype=model.dtype, device=model.device),
            torch.zeros(shape, dtype=model.dtype, device=model.device),
        )
        for _ in range(layers)
    ]
