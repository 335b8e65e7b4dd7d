"""Rotary position embeddings: rotate keys from one position to another."""

import torch
from torch import Tensor
from transformers import PreTrainedModel


def rotary_frequencies(model: PreTrainedModel) -> Tensor | None:
    """Return the angle per token of each pair of a key's elements; None for a model without rotary embedding."""
    found = next((module.inv_freq for module in model.modules() if hasattr(module, "inv_freq")), None)
    return found.detach().float().cpu().clone() if isinstance(found, Tensor) else None


def rotate(keys: Tensor, steps: Tensor, frequencies: Tensor) -> Tensor:
    """Rotate keys by a number of tokens (Su et al., "RoFormer", 2021, with the halves paired as in Llama and Qwen2).

    Args:
        keys: Shape (..., tokens, head_dim), float32.
        steps: Number of tokens; broadcast to (..., tokens).
        frequencies: Shape (rotated_dim / 2); further elements are left unchanged.
    """
    half = frequencies.shape[0]
    angles = steps.float()[..., None] * frequencies
    cos, sin = angles.cos(), angles.sin()
    first, second = keys[..., :half], keys[..., half : 2 * half]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, keys[..., 2 * half :]], dim=-1)
