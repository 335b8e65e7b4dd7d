"""A lean forward pass for models of the Llama family.

A decoding step is hundreds of small operations, and apart from reading the weights most of its time goes into
dispatching them. The model's own modules hold the weights; the operations between them are written out here.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from memorag_graph.inference.packed_linear import FEWEST_ROWS, joined

FAMILY = ("llama", "mistral", "qwen2", "qwen3")
"""Values of ``model_type`` with this structure."""

SHARED_INPUTS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Names of the linear layers that share an input."""

Product = Callable[[Tensor], Tensor]
"""A linear layer: (rows, in_features) → (rows, out_features)."""

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Attends in a layer: its index, queries (rows, query_heads, new, dim), keys and values (rows, kv_heads, new, dim) of
the new tokens → the output, (rows, new, query_heads, dim)."""


def supports_llama_forward(model: PreTrainedModel) -> bool:
    """Return whether a model is of the family and none of its layers is patched."""
    return (
        model.config.model_type in FAMILY
        and type(model).__module__.startswith("transformers.models.")
        and not any("forward" in vars(module) for module in model.modules())
    )


class LlamaForward:
    """Runs a model's layers over new tokens.

    Args:
        model: A model of the family.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        body: Any = model.model
        self._embed: nn.Module = body.embed_tokens
        self._rotary: nn.Module = body.rotary_emb
        heads = model.config.num_attention_heads
        self._layers = [_Layer(layer, heads) for layer in body.layers]
        self._norm = _Norm(body.norm)
        self._head: Product = model.get_output_embeddings()

    def read(self, tokens: Tensor, positions: Tensor, attend: Attend, wanted: int) -> Tensor:
        """Read new tokens of each row; return the logits after the last ``wanted`` ones, (rows, wanted, vocabulary).

        Args:
            tokens: Shape (rows, new).
            positions: Their positions, same shape.
            attend: Attends to what each row has read.
            wanted: Number of tokens, from the end, whose logits are wanted.
        """
        shape = (tokens.shape[0], tokens.shape[1])
        states = self._embed(tokens)
        rotate = _Rotation(*self._rotary(states, positions))
        states = _filled(states.flatten(0, 1))
        *first, last = self._layers
        for index, layer in enumerate(first):
            states = layer.read(states, shape, rotate, index, attend)
        # the last layer's output for the other tokens is not needed
        states = last.read(states, shape, rotate, len(first), attend, wanted)
        return self._head(self._norm(states[: shape[0] * wanted])).view(shape[0], wanted, -1)


class _Rotation:
    """Rotary position embedding of queries and keys (Su et al., "RoFormer", 2021), pairing the halves of a head."""

    def __init__(self, cos: Tensor, sin: Tensor) -> None:
        half = sin.shape[-1] // 2
        self._cos = cos[:, :, None]
        self._sin = torch.cat([-sin[..., :half], sin[..., half:]], dim=-1)[:, :, None]
        self._half = half

    def __call__(self, heads: Tensor) -> Tensor:
        """Rotate heads, shape (rows, new, heads, dim)."""
        return torch.addcmul(heads * self._cos, heads.roll(self._half, -1), self._sin)


class _Norm:
    """Root mean square normalization (Zhang and Sennrich, 2019)."""

    def __init__(self, module: Any) -> None:  # noqa: ANN401 - each family has a class of its own
        self._weight: Tensor = module.weight
        self._epsilon: float = module.variance_epsilon
        self._shape = tuple(self._weight.shape)

    def __call__(self, states: Tensor) -> Tensor:
        return torch.rms_norm(states, self._shape, self._weight, self._epsilon)


class _Layer:
    """One layer: attention and a gated feed-forward network, each with a residual connection."""

    def __init__(self, layer: Any, query_heads: int) -> None:  # noqa: ANN401 - each family has a class of its own
        attention, network = layer.self_attn, layer.mlp
        self._dim: int = attention.head_dim
        self._queries = query_heads
        self._rotated = query_heads + query_heads // attention.num_key_value_groups
        self._before = _Norm(layer.input_layernorm)
        self._heads = joined([attention.q_proj, attention.k_proj, attention.v_proj])
        self._head_norms = [_Norm(norm) for name in ("q_norm", "k_norm") if (norm := getattr(attention, name, None))]
        self._output: Product = attention.o_proj
        self._between = _Norm(layer.post_attention_layernorm)
        self._gate_and_up = joined([network.gate_proj, network.up_proj])
        self._activate: Callable[[Tensor], Tensor] = network.act_fn
        self._down: Product = network.down_proj

    def read(
        self,
        states: Tensor,
        shape: tuple[int, int],
        rotate: _Rotation,
        index: int,
        attend: Attend,
        wanted: int | None = None,
    ) -> Tensor:
        """Return the output for states of shape (rows * new, hidden), padded to the fewest rows.

        With ``wanted``, return only the output for that many last tokens of each row.
        """
        tokens = shape[0] * shape[1]
        heads = self._heads(self._before(states))[:tokens].view(*shape, -1, self._dim)
        rotated = rotate(self._normed(heads[:, :, : self._rotated]))
        query, key = rotated[:, :, : self._queries].transpose(1, 2), rotated[:, :, self._queries :].transpose(1, 2)
        attended = attend(index, query, key, heads[:, :, self._rotated :].transpose(1, 2))
        if wanted is not None and wanted < shape[1]:
            attended = attended[:, -wanted:]
            states = _filled(states[:tokens].view(*shape, -1)[:, -wanted:].flatten(0, 1))
        states = states + self._output(_filled(attended.flatten(0, 1).flatten(1)))
        gate, up = self._gate_and_up(self._between(states)).chunk(2, dim=-1)
        return states.add_(self._down(self._activate(gate).mul_(up)))

    def _normed(self, heads: Tensor) -> Tensor:
        if not self._head_norms:
            return heads
        query_norm, key_norm = self._head_norms
        return torch.cat([query_norm(heads[:, :, : self._queries]), key_norm(heads[:, :, self._queries :])], dim=2)


def _filled(rows: Tensor) -> Tensor:
    """On a CPU, pad a matrix to :data:`FEWEST_ROWS` rows, for which a product takes no longer than for fewer."""
    missing = FEWEST_ROWS - rows.shape[0] if rows.device.type == "cpu" else 0
    return functional.pad(rows, (0, 0, 0, missing)) if missing > 0 else rows
