"""KVzip: a token is worth what it takes to repeat the text from memory."""

from collections.abc import Sequence

import torch
from torch import Tensor

from memorag_graph.kv.eviction.scoring import Read, Scores, attention_weights
from memorag_graph.kv.prefix import KVPrefix

CHUNK = 512
"""Tokens that are repeated at a time."""

_LEAD = 8
"""Tokens before a chunk that say where to begin."""


def kvzip_scores(kv: KVPrefix, tokens: Sequence[int], request: Sequence[int], read: Read) -> Scores:
    """Score by the most attention that any token pays while the model is made to repeat the text.

    Kim et al., "KVzip: Query-agnostic KV cache compression with context reconstruction" (2025), with the same number
    of tokens kept in every head. Each chunk's scores come from the pass that repeats it.

    Args:
        kv: Keys and values of the text.
        tokens: The text, of the same length.
        request: A turn that asks for the text to be repeated.
        read: Reads tokens after the text.
    """
    scores = [torch.zeros(keys.shape[:2], device=keys.device) for keys, _ in kv.layers]
    for start in range(0, kv.length, CHUNK):
        chunk = slice(start, min(start + CHUNK, kv.length))

        def watch(layer: int, queries: Tensor, own: Tensor, chunk: slice = chunk) -> None:
            keys = torch.cat([kv.layers[layer][0][:, chunk], own[0]], dim=1)
            weights = attention_weights(queries[0], keys)[..., : chunk.stop - chunk.start]
            scores[layer][:, chunk] = torch.maximum(scores[layer][:, chunk], weights.amax(dim=(1, 2)))

        read(kv, [*request, *tokens[max(0, start - _LEAD) : chunk.stop]], watch)
    return scores
