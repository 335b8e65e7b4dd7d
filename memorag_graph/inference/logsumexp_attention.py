"""Attention over parts of the keys, merged into attention over all of them.

Softmax attention over a set of keys is the mean of the parts' results, weighted by the sums of their exponentiated
scores; each part returns the logarithm of its sum (Rabe and Staats, "Self-attention does not need O(n²) memory",
2021; Dao et al., "FlashAttention", 2022).
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor

Part = tuple[Tensor, Tensor]
"""Attention over some keys, shape (..., queries, dim), and the log-sum-exp of the scores, float32 (..., queries)."""

Kernel = Callable[[Tensor, Tensor, Tensor, float, bool, Tensor | None], Part]
"""A fused kernel: queries, keys, values, scale, whether query i sees the keys up to i only, and the mask."""

_CPU_KERNEL: Any = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)
_CUDA_KERNEL: Any = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention", None)
_CUDA_DIMS = (8, 256)
"""Head sizes of FlashAttention-2: a multiple of the first number, at most the second."""

_FEW_QUERIES = 64
"""Up to this many queries, plain products are faster than FlashAttention-2 and, in 16 bits, than the CPU kernel."""

_CAUSAL_BLOCK = 128
"""Queries per call of the CPU kernel in causal attention; a call passes only the keys that its queries may see, because
the kernel visits every key that it is given."""

_BLOCK_SCORES = 1 << 20
"""Scores computed at once by plain matrix products; they fit a core's cache."""


def partial_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    *,
    mask: Tensor | None = None,
    causal: bool = False,
    flash: bool = False,
    fused: bool = True,
    invariant: bool = False,
) -> Part:
    """Attend to some keys.

    Args:
        query: Shape (batch, heads, queries, dim).
        key: Shape (batch, heads, keys, dim).
        value: Same shape as ``key``.
        scale: Factor for the scores.
        mask: Additive mask of the scores, float32; broadcast to (batch, heads, queries, keys). See :func:`masked`.
        causal: Whether query i sees the keys up to i only; needs as many keys as queries.
        flash: Whether FlashAttention-2 can run on the device, in the tensors' dtype.
        fused: Whether PyTorch's fused CPU kernel may run.
        invariant: Whether a query's result in 16 bits on the CPU must not depend on the other queries.
    """
    dense = key.stride(-1) == value.stride(-1) == 1
    plain = invariant or mask is not None or causal
    kernel = _kernel(query, flash=flash and mask is None, fused=fused, plain=plain) if dense else None
    if kernel is not None and not (causal and kernel is _cpu_kernel):
        return kernel(query, key, value, scale, causal, mask)
    queries, block = query.shape[2], _block(query, key) if kernel is None else _CAUSAL_BLOCK
    parts = []
    for start in range(0, queries, block):
        stop = min(start + block, queries)
        seen = stop if causal else key.shape[2]
        hidden = _causal_mask(start, stop, query.device) if causal else mask
        if mask is not None and mask.shape[2] > 1:
            hidden = mask[:, :, start:stop]
        some = query[:, :, start:stop], key[:, :, :seen], value[:, :, :seen]
        parts.append(
            _attend(*some, scale, hidden, invariant) if kernel is None else _cpu_kernel(*some, scale, False, hidden)
        )
    if len(parts) == 1:
        return parts[0]
    return torch.cat([output for output, _ in parts], dim=2), torch.cat([sums for _, sums in parts], dim=2)


def attention(query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None) -> Tensor:
    """Attend with plain matrix products; on the CPU a batch entry's bits do not depend on the other entries."""
    return _attend_plainly(query, key, value, scale, mask)[0]


def masked(hidden: Tensor) -> Tensor:
    """Return the additive float32 mask that hides keys where a tensor is True."""
    return torch.zeros(hidden.shape, device=hidden.device).masked_fill_(hidden, float("-inf"))


@lru_cache(maxsize=16)
def _causal_mask(start: int, stop: int, device: torch.device) -> Tensor:
    """Return the causal mask of queries ``start`` to ``stop``; every layer needs the same."""
    with torch.inference_mode():
        return masked(torch.ones(stop - start, stop, dtype=torch.bool, device=device).triu(1 + start))


def merge(parts: Sequence[Part]) -> Tensor:
    """Return the attention over the keys of all parts, in float32 if there are several."""
    (output, sums), *others = parts
    for other, other_sums in others:
        # a sigmoid would round the last queries of a batch differently
        share = torch.softmax(torch.stack([sums, other_sums], dim=-1), dim=-1)[..., 1:]
        output = torch.lerp(output.float(), other.float(), share)
        sums = torch.logaddexp(sums, other_sums) if len(others) > 1 else sums
    return output


def _kernel(query: Tensor, *, flash: bool, fused: bool, plain: bool) -> Kernel | None:
    """Return a fused kernel if one can run and is faster than plain matrix products, else None.

    Args:
        query: The queries.
        flash: Whether FlashAttention-2 may run.
        fused: Whether the CPU's kernel may run.
        plain: Whether 16-bit products on the CPU must be plain: with a mask, invariant, or faster because causal.
    """
    few = query.shape[2] <= _FEW_QUERIES
    if query.device.type == "cpu" and _CPU_KERNEL is not None:
        is_slower = query.dtype != torch.float32 and (few or plain)
        return _cpu_kernel if fused and not is_slower else None
    step, most = _CUDA_DIMS
    fits = query.shape[-1] % step == 0 and query.shape[-1] <= most
    return _cuda_kernel if flash and fits and not few and _CUDA_KERNEL is not None else None


def _block(query: Tensor, key: Tensor) -> int:
    """Return how many queries attend at once with plain products."""
    if query.device.type != "cpu":
        return query.shape[2]
    batch, heads, keys, _ = key.shape
    return max(_FEW_QUERIES, _BLOCK_SCORES // (batch * heads * keys))


def _cpu_kernel(
    query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool, mask: Tensor | None = None
) -> Part:
    if mask is not None:
        mask = mask.expand(*query.shape[:3], key.shape[2])
    output, sums = _CPU_KERNEL(query, key, value, 0.0, causal, attn_mask=mask, scale=scale)
    return output, sums


def _cuda_kernel(
    query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool, _: Tensor | None = None
) -> Part:
    output, sums, *_ = _CUDA_KERNEL(query, key, value, 0.0, causal, False, scale=scale)
    return output, sums


def _attend(query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None, invariant: bool) -> Part:
    output, scores, weights = _attend_plainly(query, key, value, scale, mask, invariant=invariant)
    # ``logsumexp`` sums in an order that depends on the batch
    return output, scores.amax(-1) - weights.amax(-1).log()


def _attend_plainly(
    query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None, *, invariant: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Attend with plain products; return the output, the scores and the weights, both in float32."""
    batch, heads, queries, dim = query.shape
    flat_key, flat_value = key.flatten(0, 1), value.flatten(0, 1)  # views; ``matmul`` would copy slices
    product = _transposed_product if invariant and query.device.type == "cpu" and _has_amx() else torch.bmm
    scores = product((query * scale).flatten(0, 1), flat_key.transpose(-1, -2)).float().view(batch, heads, queries, -1)
    if mask is not None:
        scores.add_(mask)
    weights = torch.softmax(scores, dim=-1)
    output = product(weights.to(value.dtype).flatten(0, 1), flat_value)
    return output.view(batch, heads, queries, dim), scores, weights


def _transposed_product(first: Tensor, second: Tensor) -> Tensor:
    """Return matrix products with the queries as columns, so that a query's bits depend on no other query."""
    return torch.bmm(second.transpose(-1, -2), first.transpose(-1, -2)).transpose(-1, -2)


@cache
def _has_amx() -> bool:
    return bool(torch.cpu._is_amx_tile_supported())
