"""Attention over a part of the keys, and the merge of such parts into attention over all of them.

Softmax attention over a set of keys is a mean of the parts' results, weighted by the sums of their exponentiated
scores; each part hands on the logarithm of its sum (Rabe and Staats, "Self-attention does not need O(n²) memory",
2021; Dao et al., "FlashAttention", 2022).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

Part = tuple[Tensor, Tensor]
"""Attention over some keys, shape (..., queries, dim), and the log-sum-exp of the scores, float32 (..., queries)."""

_CPU_KERNEL = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)
_CUDA_KERNEL = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention", None)
_CUDA_DIMS = (8, 256)
"""What FlashAttention-2 asks of a head's size: a multiple of the first, at most the second."""

_FEW_QUERIES = 64
"""Up to here a plain matrix product is quicker."""


def partial_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    *,
    hidden: Tensor | None = None,
    causal: bool = False,
    flash: bool = False,
    invariant: bool = False,
) -> Part:
    """Attend to some keys.

    Args:
        query: Shape (batch, heads, queries, dim).
        key: Shape (batch, heads, keys, dim).
        value: Same shape as ``key``.
        scale: Factor for the scores.
        hidden: True where a query must not see a key; broadcast to (batch, heads, queries, keys).
        causal: Whether query i sees the keys up to i only; needs as many keys as queries.
        flash: Whether FlashAttention-2 can run on the device, in the tensors' dtype.
        invariant: Whether, on the CPU, the result of a query must not depend on what other queries there are.
    """
    queries = query.shape[2]
    if queries > _FEW_QUERIES and hidden is None and key.stride(-1) == value.stride(-1) == 1:
        if query.device.type == "cpu" and _CPU_KERNEL is not None and not invariant:
            output, sums = _CPU_KERNEL(query, key, value, 0.0, causal, scale=scale)
            return output, sums
        step, most = _CUDA_DIMS
        if flash and _CUDA_KERNEL is not None and query.shape[-1] % step == 0 and query.shape[-1] <= most:
            output, sums, *_ = _CUDA_KERNEL(query, key, value, 0.0, causal, False, scale=scale)
            return output, sums
    if causal:
        hidden = torch.ones(queries, queries, dtype=torch.bool, device=query.device).triu(1)
    batch, heads, _, dim = query.shape
    flat_key, flat_value = key.flatten(0, 1), value.flatten(0, 1)  # views: ``matmul`` would copy what is sliced
    scores = _product((query * scale).flatten(0, 1), flat_key.transpose(-1, -2)).float().view(batch, heads, queries, -1)
    if hidden is not None:
        scores = scores.masked_fill(hidden, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    sums = scores.amax(-1) - weights.amax(-1).log()  # ``logsumexp`` adds up in an order that depends on the batch
    output = _product(weights.to(value.dtype).flatten(0, 1), flat_value)
    return output.view(batch, heads, queries, dim), sums


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Return the products of matrices, shape (batch, queries, ...)."""
    if (
        first.dtype != torch.float32 and first.device.type == "cpu"
    ):  # oneDNN is quicker so, and a query's bits are its own
        return torch.bmm(second.transpose(-1, -2), first.transpose(-1, -2)).transpose(-1, -2)
    return torch.bmm(first, second)


def merge(parts: Sequence[Part]) -> Tensor:
    """Return the attention over the keys of all parts, in float32 unless there is but one part."""
    if len(parts) == 1:
        return parts[0][0]
    weights = torch.softmax(torch.stack([sums for _, sums in parts], dim=-1), dim=-1)
    weighted = [output * weight.unsqueeze(-1) for (output, _), weight in zip(parts, weights.unbind(-1), strict=True)]
    return sum(weighted[1:], start=weighted[0])
