"""Types and attention weights for scoring keys and values."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from memorag_graph.inference.prefix_attention import AttentionProbe
from memorag_graph.kv.prefix import KVPrefix

Read = Callable[[KVPrefix, Sequence[int], AttentionProbe], None]
"""Reads tokens after a prefix while a probe observes attention, then drops them."""

Scores = list[Tensor]
"""Per layer, the importance of each token for each key head, float32 (kv_heads, length)."""


def attention_weights(queries: Tensor, keys: Tensor) -> Tensor:
    """Return causal attention weights of queries whose own keys are the last ones.

    Args:
        queries: Scaled, shape (query_heads, new, dim).
        keys: Shape (kv_heads, columns, dim).

    Returns:
        float32, shape (kv_heads, query heads of a key head, new, columns).
    """
    heads, columns, dim = keys.shape
    new = queries.shape[1]
    scores = (queries.reshape(heads, -1, dim).float() @ keys.float().transpose(-1, -2)).view(heads, -1, new, columns)
    ahead = torch.ones(new, columns, dtype=torch.bool, device=keys.device).triu(columns - new + 1)
    return torch.softmax(scores.masked_fill(ahead, float("-inf")), dim=-1)
