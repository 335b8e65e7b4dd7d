"""What chosen heads look at in a prefix while a question is read after it."""

from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.kv.branch import open_branch
from memorag_graph.kv.prefix import KVPrefix

Head = tuple[int, int]
"""A query head: its layer and its place among the layer's query heads."""


def attention_to_prefix(
    model: PreTrainedModel, prefix: KVPrefix, tokens: Sequence[int], asking: range, heads: Sequence[Head]
) -> Tensor:
    """Read tokens after a prefix, in a branch that is dropped, and return the attention that some of them pay to it.

    Only the chosen heads' weights are computed, for the asking tokens alone. The pass ends at the last chosen layer.

    Args:
        model: A model whose attention can be watched.
        prefix: What was read before.
        tokens: What is read.
        asking: Which of them look back; those after the last one are not read.
        heads: The chosen query heads.

    Returns:
        The mean of the asking tokens' attention weights, float32 (heads, prefix's length): each is a share of all
        that the token attends to, the prefix and the tokens before it.
    """
    watch = _Lookback(prefix, asking, heads)
    with suppress(_Seen):
        open_branch(model, [prefix], asking.stop).prefill(0, tokens[: asking.stop], watch)
    return watch.sums / len(asking)


class _Seen(Exception):  # noqa: N818 - it is no error
    """Nothing more is to be seen in this pass."""


class _Lookback:
    """Adds up the attention weights of chosen heads and tokens, layer by layer and piece by piece."""

    def __init__(self, prefix: KVPrefix, asking: range, heads: Sequence[Head]) -> None:
        self._prefix = prefix
        self._asking = asking
        self._chosen: dict[int, tuple[list[int], list[int]]] = {}
        for number, (layer, head) in enumerate(heads):
            numbers, mine = self._chosen.setdefault(layer, ([], []))
            numbers.append(number)
            mine.append(head)
        self.sums = torch.zeros(len(heads), prefix.length, device=prefix.layers[0][0].device)

    def __call__(self, layer: int, queries: Tensor, own: Tensor) -> None:
        """Look on; see :data:`memorag_graph.kv.attention.Watch`.

        Raises:
            _Seen: In the last chosen layer, once the last asking token is read.
        """
        before = own.shape[2] - queries.shape[2]
        first, end = max(self._asking.start, before), min(self._asking.stop, own.shape[2])
        if layer not in self._chosen or first >= end:
            return
        numbers, heads = self._chosen[layer]
        key_heads = [head * own.shape[1] // queries.shape[1] for head in heads]
        query = queries[0, heads, first - before : end - before].float()
        ahead = torch.arange(own.shape[2], device=own.device) > torch.arange(first, end, device=own.device)[:, None]
        mine = torch.bmm(query, own[0, key_heads].float().mT).masked_fill_(ahead, float("-inf"))
        past = torch.bmm(query, self._prefix.layers[layer][0][key_heads].float().mT)
        total = torch.logaddexp(past.logsumexp(-1), mine.logsumexp(-1))
        self.sums[numbers] += past.sub_(total[..., None]).exp_().sum(1)
        if layer == max(self._chosen) and end == self._asking.stop:
            raise _Seen
