"""Prune keys and values to those with the best scores."""

import math

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.inference.decode_session import open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.rotary import rotary_frequencies, rotate
from memorag_graph.memory.eviction.scoring import Scores

_PROBE = 8
_TOLERANCE = 0.1
"""Relative error; 16-bit rounding stays far below, a different rotary embedding gives about 1."""


def prune(kv: KVPrefix, scores: Scores, share: float, always: int, model: PreTrainedModel) -> KVPrefix:
    """Keep the share of tokens with the best scores in each head, in order.

    Keys are rotated to positions 0, 1, 2, ..., so that the rest takes up no more of the model's window than its length.

    Args:
        kv: All keys and values.
        scores: Importance of each token; the first of equal ones is kept.
        share: Share to keep of the tokens after the first ``always``, rounded up.
        always: Number of tokens at the start that are always kept: the template's markup, an attention sink.
        model: The model that computed them.

    Raises:
        ValueError: If the model's keys cannot be rotated.
    """
    frequencies = checked_frequencies(model)
    always = min(always, kv.length)
    count = always + math.ceil((kv.length - always) * share)
    layers = []
    for (keys, values), score in zip(kv.layers, scores, strict=True):
        ranked = score.clone()
        ranked[:, :always] = float("inf")
        kept = ranked.argsort(dim=1, descending=True, stable=True)[:, :count].sort(dim=1).values
        steps = torch.arange(count, device=kept.device) - kept
        index = kept[..., None].expand(-1, -1, keys.shape[-1])
        turned = rotate(keys.gather(1, index).float(), steps, frequencies.to(keys.device)).to(keys.dtype)
        layers.append((turned, values.gather(1, index)))
    return KVPrefix(tuple(layers))


def checked_frequencies(model: PreTrainedModel) -> Tensor:
    """Return the rotary frequencies of a model, after a test that they rotate its keys to other positions.

    Tested by reading one token repeatedly: every position attends to equal tokens only, so the keys of a layer differ
    by their positions alone and must be equal after rotating them back.

    Raises:
        ValueError: If the keys of some layer do not rotate with their positions.
    """
    frequencies = rotary_frequencies(model)
    if frequencies is None:
        raise ValueError("this model does not use rotary position embedding")
    token = model.config.get_text_config().vocab_size // 3
    session = open_session(model, [None], _PROBE)
    session.prefill(0, [token] * _PROBE)
    for keys, _ in session.prefix().layers:
        back = rotate(keys.float().cpu(), -torch.arange(_PROBE), frequencies)
        if (back - back[:, :1]).norm() > _TOLERANCE * back.norm():
            raise ValueError("the keys of this model cannot be moved to other positions")
    return frequencies
