"""Attention of a branch: over a shared prefix and the branch's own tokens, as if they were one sequence.

Registered with transformers under the name :data:`MEMORY_ATTENTION`. A forward pass without a
``memory_prefix`` argument runs the library's own scaled-dot-product attention.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

MEMORY_ATTENTION = "memorag_memory"
"""Value of ``attn_implementation`` that makes a model able to continue a memory."""


def memory_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    memory_prefix: Sequence[tuple[Tensor, Tensor]] | None = None,
    **kwargs: Any,  # noqa: ANN401 - passed through by transformers
) -> tuple[Tensor, Tensor | None]:
    """Attend to a prefix shared by all rows and to each row's own keys and values.

    The prefix is read once for all rows and its heads are not repeated: the queries of all rows and of all
    query heads that share a key head form one matrix.

    Args:
        module: The attention layer; its ``layer_idx`` picks the prefix's layer.
        query: Shape (rows, query_heads, new_tokens, head_dim).
        key: Keys of the rows' own tokens, shape (rows, kv_heads, own_tokens, head_dim).
        value: Values of the rows' own tokens, same shape as ``key``.
        attention_mask: True where a new token may see an own token, shape (rows or 1, 1, new_tokens,
            own_tokens).
        scaling: Factor for the scores; 1 / sqrt(head_dim) by default.
        memory_prefix: Per layer, keys and values of shape (kv_heads, prefix_tokens, head_dim).
        **kwargs: Handed on to the library's attention where there is no prefix.

    Returns:
        The output, shape (rows, new_tokens, query_heads, head_dim), and None for the weights.
    """
    if memory_prefix is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    prefix_keys, prefix_values = memory_prefix[int(module.layer_idx)]  # type: ignore[arg-type]
    rows, query_heads, new, dim = query.shape
    heads = key.shape[1]
    group = query_heads // heads

    query = query * (dim**-0.5 if scaling is None else scaling)
    grouped = query.reshape(rows, heads, group * new, dim)
    own = torch.matmul(grouped, key.transpose(-1, -2))
    if attention_mask is not None:
        own = own.view(rows, heads, group, new, -1)
        own = own.masked_fill(~attention_mask[:, :, None], float("-inf")).view(rows, heads, group * new, -1)

    by_head = grouped.transpose(0, 1).reshape(heads, rows * group * new, dim)
    remembered = torch.matmul(by_head, prefix_keys.transpose(-1, -2))
    remembered = remembered.view(heads, rows, group * new, -1).transpose(0, 1)

    weights = torch.softmax(torch.cat([remembered, own], dim=-1), dim=-1, dtype=torch.float32).to(query.dtype)
    length = prefix_keys.shape[1]
    by_head = weights[..., :length].transpose(0, 1).reshape(heads, rows * group * new, length)
    output = torch.matmul(by_head, prefix_values).view(heads, rows, group * new, dim).transpose(0, 1)
    output = output + torch.matmul(weights[..., length:], value)
    return output.reshape(rows, query_heads, new, dim).transpose(1, 2).contiguous(), None


AttentionInterface.register(MEMORY_ATTENTION, memory_attention)
AttentionMaskInterface.register(MEMORY_ATTENTION, sdpa_mask)
