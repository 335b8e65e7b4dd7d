"""Keys and values → the tensors that are kept of them, and back."""

from collections.abc import Mapping

import torch
from torch import Tensor

from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.settings import KVStorage


def encode(kv: KVPrefix, storage: KVStorage) -> dict[str, Tensor]:
    """Return the tensors to keep, by name."""
    tensors = {}
    for number, (keys, values) in enumerate(kv.layers):
        tensors[f"layers.{number}.keys"] = keys.contiguous()
        tensors[f"layers.{number}.values"] = values.contiguous()
    return tensors


def decode(tensors: Mapping[str, Tensor], storage: KVStorage, device: torch.device) -> KVPrefix:
    """Return the keys and values that were kept.

    Raises:
        KeyError: If a tensor is missing.
    """
    layers = sum(name.endswith(".keys") for name in tensors)
    return KVPrefix(
        tuple(
            (tensors[f"layers.{number}.keys"].to(device), tensors[f"layers.{number}.values"].to(device))
            for number in range(layers)
        )
    )
