"""Beacon memory written out: no cache classes, no hooks, one token after the other through explicit masks.

Follows the published algorithm: keys are kept before rotary embedding and renumbered in every pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import PreTrainedModel

KV = list[tuple[Tensor, Tensor]]


@dataclass
class Oracle:
    """Reads tokens with a tiny model with beacons, placed between the tokens, each of which sees all before it."""

    model: PreTrainedModel
    window: int
    ratio: int
    memory: KV = field(default_factory=list)

    @torch.no_grad()
    def window_pass(self, tokens: Sequence[int], *, beacons: bool = True) -> Tensor:
        """Read up to a window; a whole one is compressed. Return the logits after each ordinary token."""
        woven: list[int | None] = []
        for number, token in enumerate(tokens, start=1):
            woven += [token, None] if beacons and number % self.ratio == 0 else [token]
        inner = self.model.base_model
        flags = [token is None for token in woven]
        embedded = [
            inner.beacon_embed_tokens.weight[0] if token is None else inner.embed_tokens.weight[token]
            for token in woven
        ]
        hidden, new = torch.stack(embedded), []
        for number, layer in enumerate(inner.layers):
            normed = layer.input_layernorm(hidden)
            mixed, kv = self._attend(layer.self_attn, normed, flags, number)
            new.append(kv)
            hidden = hidden + mixed
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        logits = self.model.lm_head(inner.norm(hidden))[[at for at, flag in enumerate(flags) if not flag]]
        if beacons and len(tokens) == self.window:
            kept = [at for at, flag in enumerate(flags) if flag]
            self._add([(keys[:, kept], values[:, kept]) for keys, values in new])
        return logits

    def read(self, tokens: Sequence[int]) -> None:
        """Read whole windows."""
        for start in range(0, len(tokens), self.window):
            self.window_pass(tokens[start : start + self.window])

    def _add(self, kv: KV) -> None:
        before = self.memory or [(keys[:, :0], values[:, :0]) for keys, values in kv]
        self.memory = [
            (torch.cat([keys, new_keys], 1), torch.cat([values, new_values], 1))
            for (keys, values), (new_keys, new_values) in zip(before, kv, strict=True)
        ]

    def _attend(
        self, attention: torch.nn.Module, normed: Tensor, flags: list[bool], layer: int
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        config = self.model.config
        dim = config.hidden_size // config.num_attention_heads
        group = config.num_attention_heads // config.num_key_value_heads

        def projected(name: str) -> Tensor:
            own = getattr(attention, f"beacon_{name}_proj", None)
            ordinary = _plain(getattr(attention, f"{name}_proj"))
            rows = [
                _plain(own)(row) if flag and own is not None else ordinary(row)
                for row, flag in zip(normed, flags, strict=True)
            ]
            return torch.stack(rows).view(len(flags), -1, dim).transpose(0, 1)

        query, key, value = projected("q"), projected("k"), projected("v")
        old_key, old_value = self.memory[layer] if self.memory else (key[:, :0], value[:, :0])
        keys, values = torch.cat([old_key, key], 1), torch.cat([old_value, value], 1)
        count, new = keys.shape[1], len(flags)
        turned_keys = self._rotate(keys, torch.arange(count), dim).repeat_interleave(group, 0)
        turned = self._rotate(query, torch.arange(count - new, count), dim)
        scores = turned @ turned_keys.transpose(-1, -2) / dim**0.5
        ahead = torch.arange(count)[None] > torch.arange(count - new, count)[:, None]
        weights = scores.masked_fill(ahead, float("-inf")).softmax(-1)
        mixed = (weights @ values.repeat_interleave(group, 0)).transpose(0, 1).reshape(new, -1)
        own = getattr(attention, "beacon_o_proj", None)
        output = _plain(attention.o_proj)(mixed)
        if own is not None:
            output = torch.where(torch.tensor(flags)[:, None], _plain(own)(mixed), output)
        return output, (key, value)

    def _rotate(self, tensor: Tensor, places: Tensor, dim: int) -> Tensor:
        theta = self.model.config.rope_parameters["rope_theta"]
        angles = places[:, None] / theta ** (torch.arange(0, dim, 2) / dim)
        cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)
        halves = torch.cat([-tensor[..., dim // 2 :], tensor[..., : dim // 2]], -1)
        return tensor * cos + halves * sin


def _plain(linear: torch.nn.Module) -> "torch.nn.Linear":
    """Return a projection without the hooks of the package."""
    plain = torch.nn.Linear(linear.in_features, linear.out_features, bias=linear.bias is not None)
    plain.load_state_dict(linear.state_dict())
    return plain
