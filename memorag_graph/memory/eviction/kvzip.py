"""KVzip: score tokens by the attention they get while the text is repeated from memory."""

from collections.abc import Sequence

import torch
from torch import Tensor

from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.eviction.scoring import Read, Scores, attention_weights

CHUNK = 512
"""Maximum tokens repeated per pass."""

_LEAD = 8
"""Tokens before a chunk that mark where the repetition begins."""

_SMALLEST_CHUNK = 16


def kvzip_scores(
    kv: KVPrefix, tokens: Sequence[int], opening: int, request: Sequence[int], room: int, read: Read
) -> Scores:
    """Score each token by the maximum attention it gets while the model is made to repeat the text.

    Kim et al., "KVzip: Query-agnostic KV cache compression with context reconstruction" (2025), with the same number
    of tokens kept in every head. A chunk is scored in the pass that repeats it. The softmax there is taken over the
    opening (the attention sink), the chunk and its repetition.

    Args:
        kv: Keys and values of the text.
        tokens: The text, of the same length.
        opening: Number of tokens at its start that are not scored.
        request: Tokens of a turn that asks for the text to be repeated.
        room: Tokens left in the model's window after the text.
        read: Reads tokens after the text.
    """
    step = max(_SMALLEST_CHUNK, min(CHUNK, room - len(request) - _LEAD))
    scores = [torch.zeros(keys.shape[:2], device=keys.device) for keys, _ in kv.layers]
    for start in range(opening, kv.length, step):
        chunk = slice(start, min(start + step, kv.length))

        def probe(layer: int, queries: Tensor, own: Tensor, chunk: slice = chunk) -> None:
            keys = kv.layers[layer][0]
            among = torch.cat([keys[:, :opening], keys[:, chunk], own[0]], dim=1)
            weights = attention_weights(queries[0], among)[..., opening : opening + chunk.stop - chunk.start]
            scores[layer][:, chunk] = torch.maximum(scores[layer][:, chunk], weights.amax(dim=(1, 2)))

        read(kv, [*request, *tokens[max(0, start - _LEAD) : chunk.stop]], probe)
    return scores
