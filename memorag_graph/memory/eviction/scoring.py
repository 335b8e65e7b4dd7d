"""What the scorers share."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from memorag_graph.inference.prefix_attention import AttentionProbe
from memorag_graph.kv.prefix import KVPrefix

Read = Callable[[KVPrefix, Sequence[int], AttentionProbe], None]
"""Reads tokens after a prefix while a watch looks on, and forgets them."""

Scores = list[Tensor]
"""Per layer, how much each key head would miss each token, float32 (kv_heads, length)."""


def attention_weights(queries: Tensor, keys: Tensor) -> Tensor:
    """Return the attention of queries to keys, the last of which are the queries' own and causal.

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
