"""Decode sessions: batches of rows that continue a memory's prefix and are dropped afterwards."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.inference.cache_views import PieceView, StepView, View, cache_of
from memorag_graph.inference.captured_steps import CapturedSteps
from memorag_graph.inference.chosen_paths import fast_paths_of
from memorag_graph.inference.hf_session import HFCacheSession
from memorag_graph.inference.llama_forward import Attend, LlamaForward
from memorag_graph.inference.logsumexp_attention import masked
from memorag_graph.inference.low_rank import updates_of
from memorag_graph.inference.prefix_attention import (
    FLASH_MEMORY_ATTENTION,
    MEMORY_ATTENTIONS,
    AttentionProbe,
    Past,
    attend_to_past,
)
from memorag_graph.inference.row_buffers import copied, grown, moved_up, new_buffers, rounded
from memorag_graph.kv.prefix import KVPrefix

PIECE = 512
"""Tokens of a prompt per forward pass; bounds the memory of activations.

Passes begin at multiples of it, so a prompt that continues a known start (also a multiple) runs the same passes as one
read from scratch, with bit-identical results.
"""

_STEP = 16
"""The number of columns read in a step is rounded up to a multiple of this; it divides ``row_buffers.COLUMNS``."""


class DecodeSession(Protocol):
    """Rows that each continue a prefix, or start empty, and are dropped afterwards."""

    def prefill(self, row: int, tokens: Sequence[int], probe: AttentionProbe | None = None) -> Tensor:
        """Prefill more of a row's prompt; return the logits after its last token, shape (vocabulary,)."""

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Read one token per row; return the logits after it, shape (rows, vocabulary)."""

    @property
    def can_take_back(self) -> bool:
        """Whether a step can read several tokens per row and drop the last ones afterwards."""

    def step_ahead(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Read the same number of tokens for each row; return the logits after each, (rows, new, vocabulary)."""

    def take_back(self, row: int, count: int) -> None:
        """Drop the last tokens of a row."""

    def keep(self, rows: Sequence[int], columns: int) -> None:
        """Keep only some rows, in the given order, each with room for ``columns`` tokens of its own."""

    def join(self, prefixes: Sequence[KVPrefix | None], columns: int) -> None:
        """Add rows after the existing ones, each with a prefix and room for ``columns`` tokens of its own."""

    def restart(self, row: int, known: KVPrefix | None = None) -> None:
        """Empty a row without a prefix, or replace its contents by a copy of known keys and values."""

    def prefix(self) -> KVPrefix:
        """Return the prefix extended by what the only row has read."""


def open_session(
    model: PreTrainedModel,
    prefixes: Sequence[KVPrefix | None],
    longest_prompt: int,
    room: int = 0,
) -> DecodeSession:
    """Open a session with one row per prefix, for prompts up to a length and ``room`` more tokens per row."""
    if model.config._attn_implementation in MEMORY_ATTENTIONS:
        return SharedPrefixSession(model, prefixes, longest_prompt + room)
    return HFCacheSession(model, prefixes, PIECE)


class SharedPrefixSession:
    """A session whose rows share the tensors of their prefixes and keep their own tokens in preallocated buffers.

    Each row fills its own columns from the first. Rows with the same prefix should be adjacent.
    """

    def __init__(self, model: PreTrainedModel, prefixes: Sequence[KVPrefix | None], columns: int) -> None:
        self._model = model
        self._prefixes = list(prefixes)
        self._lengths = [0] * len(prefixes)
        self._columns = rounded(columns)
        self._layers = new_buffers(model, len(prefixes), self._columns)
        self._paths = fast_paths_of(model)
        self._llama_forward = LlamaForward(model) if self._paths.llama_forward else None
        self._captured = CapturedSteps(model) if self._paths.captured_steps else None

    def prefill(self, row: int, tokens: Sequence[int], probe: AttentionProbe | None = None) -> Tensor:
        """Prefill more of a row's prompt; return the logits after its last token, shape (vocabulary,)."""
        prefix = self._prefixes[row]
        shared = [(slice(0, 1), prefix)] if prefix else []
        rows = slice(row, row + 1)
        done = 0
        while done < len(tokens):
            own = self._lengths[row]
            part = tokens[done : done + PIECE - own % PIECE]
            columns = slice(own, own + len(part))
            layers: list[View] = [PieceView(keys[rows], values[rows], columns) for keys, values in self._layers]
            logits = self._forward(
                layers,
                torch.tensor([part], device=self._model.device),
                torch.tensor([self._position(row)], device=self._model.device),
                Past(shared, own, probe=probe, fused=self._paths.fused_attention),
                wanted=1,
            )
            self._lengths[row] = columns.stop
            done += len(part)
        return logits[0, 0]

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Read one token per row; return the logits after it, shape (rows, vocabulary)."""
        return self.step_ahead([[token] for token in tokens])[:, 0]

    @property
    def can_take_back(self) -> bool:
        """Whether a step can read several tokens per row and drop the last ones afterwards."""
        return self._paths.prompt_lookup

    def step_ahead(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Read the same number of tokens for each row; return the logits after each, (rows, new, vocabulary)."""
        new = len(tokens[0])
        stop = self._columns_to_read(new)
        positions = [self._position(row) for row in range(len(tokens))]
        inputs = [torch.tensor(given) for given in (tokens, positions, self._lengths)]
        read = partial(self._read_step, stop=stop)
        if self._captured is not None:
            logits = self._captured.run((new, stop, updates_of(self._model)), read, inputs)
        else:
            logits = read(*(given.to(self._model.device) for given in inputs))
        self._lengths = [length + new for length in self._lengths]
        return logits

    def take_back(self, row: int, count: int) -> None:
        """Drop the last tokens of a row."""
        self._lengths[row] -= count

    def keep(self, rows: Sequence[int], columns: int) -> None:
        """Keep only some rows, in the given order, each with room for ``columns`` tokens of its own."""
        self._forget_captured()
        before, self._columns = self._columns, rounded(columns)
        self._prefixes = [self._prefixes[row] for row in rows]
        self._lengths = [self._lengths[row] for row in rows]
        in_order = self._columns == before and list(rows) == sorted(rows)
        kept = moved_up if in_order else copied
        self._layers = [
            (kept(keys, rows, self._columns), kept(values, rows, self._columns)) for keys, values in self._layers
        ]

    def join(self, prefixes: Sequence[KVPrefix | None], columns: int) -> None:
        """Add rows after the existing ones, each with a prefix and room for ``columns`` tokens of its own."""
        self._forget_captured()
        self._prefixes += prefixes
        self._lengths += [0] * len(prefixes)
        self._columns = max(self._columns, rounded(columns))
        for layer, (keys, values) in enumerate(self._layers):  # layer by layer, so that only one layer is held twice
            shape = len(self._prefixes), self._columns
            self._layers[layer] = (grown(keys, *shape), grown(values, *shape))

    def restart(self, row: int, known: KVPrefix | None = None) -> None:
        """Empty a row without a prefix, or replace its contents by a copy of known keys and values."""
        self._lengths[row] = known.length if known else 0
        for (keys, values), layer in zip(self._layers, known.layers if known else (), strict=False):
            keys[row, :, : self._lengths[row]] = layer[0]
            values[row, :, : self._lengths[row]] = layer[1]

    def prefix(self) -> KVPrefix:
        """Return the prefix extended by what the only row has read."""
        own = [(keys[0, :, : self._lengths[0]], values[0, :, : self._lengths[0]]) for keys, values in self._layers]
        before = self._prefixes[0]
        if before is None:
            return KVPrefix(tuple((keys.contiguous(), values.contiguous()) for keys, values in own))
        return KVPrefix(
            tuple(
                (torch.cat([old_keys, keys], dim=1), torch.cat([old_values, values], dim=1))
                for (old_keys, old_values), (keys, values) in zip(before.layers, own, strict=True)
            )
        )

    def _forget_captured(self) -> None:
        if self._captured is not None:
            self._captured.forget()

    @property
    def _group(self) -> int:
        """Query heads that share a head of keys."""
        return int(self._model.config.get_text_config().num_attention_heads) // self._layers[0][0].shape[1]

    def _columns_to_read(self, new: int) -> int:
        """Return the number of columns to read in a step.

        16-bit products copy what is not contiguous, so they read all columns. Other dtypes read a rounded number,
        because products over an odd number of columns sum in another order.
        """
        return rounded(max(self._lengths) + new, _STEP) if self._model.dtype == torch.float32 else self._columns

    def _read_step(self, ids: Tensor, positions: Tensor, lengths: Tensor, stop: int) -> Tensor:
        """Read the same number of tokens for each row. A graph may repeat it: what changes is in the tensors alone.

        Args:
            ids: The tokens, (rows, new).
            positions: Position of each row's first new token, (rows,).
            lengths: Own tokens that each row has read, (rows,).
            stop: Number of columns to read.

        Returns:
            The logits after each token, (rows, new, vocabulary).
        """
        new = ids.shape[1]
        columns = lengths[:, None] + torch.arange(new, device=ids.device)
        beyond = torch.arange(stop, device=ids.device) > columns[:, :, None]
        unread = masked(beyond[:, None].repeat(1, 1, self._group, 1))
        places = self._places(columns)
        layers: list[View] = [StepView(keys, values, places, stop) for keys, values in self._layers]
        past = Past(self._shared(), unread=unread, fused=self._paths.fused_attention)
        return self._forward(layers, ids, positions, past, wanted=new)

    def _places(self, columns: Tensor) -> Tensor:
        """Return the places of each row's columns, (rows, new), in a buffer flattened over rows, heads and columns."""
        rows, heads = self._layers[0][0].shape[:2]
        starts = torch.arange(rows * heads, device=columns.device).view(rows, heads, 1) * self._columns
        return (starts + columns[:, None]).flatten()

    def _position(self, row: int) -> int:
        prefix = self._prefixes[row]
        return self._lengths[row] + (prefix.length if prefix else 0)

    def _shared(self) -> list[tuple[slice, KVPrefix]]:
        """Return the runs of adjacent rows that share a prefix."""
        runs = []
        start = 0
        for _, rows in groupby(self._prefixes, key=id):
            run = list(rows)
            if run[0] is not None:
                runs.append((slice(start, start + len(run)), run[0]))
            start += len(run)
        return runs

    def _forward(
        self,
        layers: list[View],
        ids: Tensor,
        positions: Tensor,
        past: Past,
        *,
        wanted: int,
    ) -> Tensor:
        """Run the model on each row's new tokens, (rows, new), starting at its position, (rows,).

        Returns:
            The logits after the last wanted tokens, shape (rows, wanted, vocabulary).
        """
        places = positions[:, None] + torch.arange(ids.shape[1], device=ids.device)
        with torch.inference_mode():
            if self._llama_forward is not None:
                return self._llama_forward.read(ids, places, self._attend(layers, past), wanted).float()
            output = self._model(
                input_ids=ids,
                attention_mask=torch.ones(
                    1, 1, 1, 1, dtype=torch.bool, device=ids.device
                ),  # ``past`` decides what is seen
                position_ids=places,
                past_key_values=cache_of(layers),
                use_cache=True,
                logits_to_keep=wanted,
                memory_past=past,
            )
        return output.logits.float()  # type: ignore[no-any-return]

    def _attend(self, layers: Sequence[View], past: Past) -> Attend:
        flash = self._model.config._attn_implementation == FLASH_MEMORY_ATTENTION

        def attend(index: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return attend_to_past(query, *layers[index].update(key, value), past, index, flash=flash)

        return attend
