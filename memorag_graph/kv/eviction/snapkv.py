"""SnapKV: a token is worth the attention that the end of the text pays to it and its neighbours."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from memorag_graph.kv.eviction.scoring import Read, Scores, attention_weights
from memorag_graph.kv.prefix import KVPrefix

WINDOW = 64
"""Most tokens at the end of the text that look back; they are kept."""

_NEIGHBOURS = 7


def snapkv_scores(kv: KVPrefix, tokens: Sequence[int], share: float, read: Read) -> Scores:
    """Score by the attention of the last tokens, the greatest among neighbours.

    Li et al., "SnapKV: LLM knows what you are looking for before generation" (2024). There the last tokens are a
    question; here they are the text's own, because the memory is made before any question. They are at most half of
    what is kept.

    Args:
        kv: Keys and values of the text.
        tokens: The text, of the same length.
        share: Of the tokens that is to be kept.
        read: Reads tokens after a prefix.
    """
    past = kv.head(kv.length - max(1, min(WINDOW, int(kv.length * share / 2))))
    scores = [torch.full(keys.shape[:2], float("inf"), device=keys.device) for keys, _ in kv.layers]

    def watch(layer: int, queries: Tensor, own: Tensor) -> None:
        weights = attention_weights(queries[0], torch.cat([past.layers[layer][0], own[0]], dim=1))
        votes = weights[..., : past.length].mean(dim=(1, 2))
        scores[layer][:, : past.length] = max_pool1d(votes, _NEIGHBOURS, stride=1, padding=_NEIGHBOURS // 2)

    read(past, tokens[past.length :], watch)
    return scores
