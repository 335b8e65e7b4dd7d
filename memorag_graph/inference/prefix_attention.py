"""Attention of a session's rows: over a shared prefix and each row's own tokens, as if they were one sequence.

Registered with transformers under the names :data:`MEMORY_ATTENTIONS`. A forward pass without a ``memory_past``
argument runs the library's own scaled-dot-product attention.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from memorag_graph.inference.logsumexp_attention import Part, attention, merge, partial_attention
from memorag_graph.kv.prefix import KVPrefix

MEMORY_ATTENTION = "memorag_memory"
FLASH_MEMORY_ATTENTION = "memorag_memory_fused"  # transformers looks for packages where a name says "flash"
MEMORY_ATTENTIONS = (MEMORY_ATTENTION, FLASH_MEMORY_ATTENTION)
"""Values of ``attn_implementation`` that let a model continue a memory; the second uses FlashAttention-2."""

Attend = Callable[..., Part]
"""Attends to some keys, as :func:`memorag_graph.inference.logsumexp_attention.partial_attention` does."""

WindowAttention = Callable[[Tensor, Tensor, Tensor, "Past", float, Attend], list[Part]]
"""Attends from several new tokens of one row to its own tokens. Arguments: queries (kv_heads, group, new, dim); own
keys and values including the new ones (1, kv_heads, columns, dim); the past; the scale; the attention function. Returns
parts for the queries as one matrix, (1, kv_heads, group * new, dim)."""

AttentionProbe = Callable[[int, Tensor, Tensor], None]
"""Called in each layer with its index, the scaled queries (rows, query_heads, new, dim) and the rows' own keys."""


@dataclass(frozen=True, eq=False)
class Past:
    """What the rows of a forward pass have read before.

    Attributes:
        prefixes: Runs of rows and the prefix that each run shares; rows without a prefix are in none.
        own: Own tokens that the only row has read, if several new tokens are read.
        unread: Additive mask over own columns that a row has not filled, for decode steps of several rows; shape
            (rows, 1, group * new, columns), where group is the number of query heads per key head.
        probe: Called with every layer's queries and keys; None observes nothing.
        within: How new tokens attend to the row's own tokens; None means causal attention.
        fused: Whether PyTorch's fused CPU kernel may run.
    """

    prefixes: Sequence[tuple[slice, KVPrefix]] = ()
    own: int = 0
    unread: Tensor | None = None
    probe: AttentionProbe | None = None
    within: WindowAttention | None = None
    fused: bool = False


def memory_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    memory_past: Past | None = None,
    flash: bool = False,
    **kwargs: Any,  # noqa: ANN401 - passed through by transformers
) -> tuple[Tensor, Tensor | None]:
    """Attend to the prefix that rows share and to each row's own keys and values.

    A prefix is read once for all its rows without repeating heads: the queries of all its rows and of all query heads
    that share a key head form one matrix.

    Args:
        module: The attention layer; its ``layer_idx`` picks the prefix's layer.
        query: Shape (rows, query_heads, new_tokens, head_dim); one row, or one new token for each row.
        key: Keys of the rows' own tokens, the new ones included, shape (rows, kv_heads, columns, head_dim).
        value: Values of the rows' own tokens, same shape as ``key``.
        attention_mask: Used only without ``memory_past``.
        scaling: Factor for the scores; 1 / sqrt(head_dim) by default.
        memory_past: What the rows have read before; without it the library's attention runs.
        flash: Whether FlashAttention-2 can run.
        **kwargs: Passed to the library's attention.

    Returns:
        The output, shape (rows, new_tokens, query_heads, head_dim), and None for the weights.
    """
    if memory_past is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    return attend_to_past(query, key, value, memory_past, layer, scaling, flash=flash), None


def attend_to_past(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past: Past,
    layer: int,
    scaling: float | None = None,
    *,
    flash: bool = False,
) -> Tensor:
    """Attend in a layer to the prefix that rows share and to each row's own keys and values.

    Arguments and result are those of :func:`memory_attention`.
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if past.probe is not None:
        past.probe(layer, query * scale, key)
    read = _read_piece if past.unread is None else _read_step
    attend = partial(partial_attention, flash=flash, fused=past.fused)
    return read(query, key, value, scale, past, layer, attend).to(query.dtype)


def _read_piece(
    query: Tensor, key: Tensor, value: Tensor, scale: float, past: Past, layer: int, attend: Attend
) -> Tensor:
    """Attend from several new tokens of one row; return (1, new_tokens, query_heads, head_dim)."""
    _, query_heads, new, dim = query.shape
    heads = key.shape[1]
    grouped = query.reshape(heads, query_heads // heads, new, dim)
    flat = grouped.reshape(1, heads, -1, dim)
    parts: list[Part] = []
    for _, prefix in past.prefixes:
        keys, values = prefix.layers[layer]
        parts.append(attend(flat, keys[None], values[None], scale))
    parts += (past.within or _causal)(grouped, key, value, past, scale, attend)
    return merge(parts).reshape(1, query_heads, new, dim).transpose(1, 2)


def _causal(grouped: Tensor, key: Tensor, value: Tensor, past: Past, scale: float, attend: Attend) -> list[Part]:
    heads, group, new, dim = grouped.shape
    flat = grouped.reshape(1, heads, group * new, dim)
    parts: list[Part] = []
    if past.own:
        parts.append(attend(flat, key[:, :, : past.own], value[:, :, : past.own], scale))
    new_keys = key[0, :, None, past.own :].expand(*grouped.shape)
    new_values = value[0, :, None, past.own :].expand(*grouped.shape)
    output, sums = attend(grouped, new_keys, new_values, scale, causal=True)
    parts.append((output.reshape(flat.shape), sums.reshape(flat.shape[:-1])))
    return parts


def _read_step(
    query: Tensor, key: Tensor, value: Tensor, scale: float, past: Past, layer: int, attend: Attend
) -> Tensor:
    """Attend from new tokens of each row; return (rows, new, query_heads, head_dim)."""
    rows, query_heads, new, dim = query.shape
    heads = key.shape[1]
    grouped = query.reshape(rows, heads, -1, dim)
    if past.prefixes:
        own = attend(grouped, key, value, scale, mask=past.unread)
        output = merge([own, _read_prefixes(grouped, scale, past, layer, attend)])
    else:
        output = attention(grouped, key, value, scale, past.unread)
    return output.reshape(rows, query_heads, new, dim).transpose(1, 2)


def _read_prefixes(grouped: Tensor, scale: float, past: Past, layer: int, attend: Attend) -> Part:
    """Attend from new tokens of each row, (rows, kv_heads, group * new, head_dim), to the row's prefix."""
    whole = [_read_prefix(grouped[rows], scale, prefix.layers[layer], attend) for rows, prefix in past.prefixes]
    if len(whole) == 1 and len(whole[0][0]) == len(grouped):
        return whole[0]
    if sum(len(output) for output, _ in whole) == len(grouped):
        return torch.cat([output for output, _ in whole]), torch.cat([sums for _, sums in whole])
    output = torch.zeros_like(grouped)
    sums = torch.full(grouped.shape[:-1], float("-inf"), device=grouped.device)
    for (rows, _), (part, part_sums) in zip(past.prefixes, whole, strict=True):
        output[rows], sums[rows] = part, part_sums
    return output, sums


def _read_prefix(grouped: Tensor, scale: float, layer: tuple[Tensor, Tensor], attend: Attend) -> Part:
    """Attend from new tokens of each row to the prefix that the rows share: all their queries are one matrix."""
    keys, values = layer
    rows, heads, group, dim = grouped.shape
    queries = grouped.transpose(0, 1).reshape(1, heads, rows * group, dim)
    output, sums = attend(queries, keys[None], values[None], scale, invariant=True)
    return output.view(heads, rows, group, dim).transpose(0, 1), sums.view(heads, rows, group).transpose(0, 1)


AttentionInterface.register(MEMORY_ATTENTION, memory_attention)
AttentionInterface.register(FLASH_MEMORY_ATTENTION, partial(memory_attention, flash=True))
for _name in MEMORY_ATTENTIONS:
    AttentionMaskInterface.register(_name, sdpa_mask)
