"""Encode keys and values as the tensors that are stored, and decode them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.quantization import dequantize, first_tokens, quantize, with_first_tokens
from memorag_graph.settings import KVStorage

_FREQUENCIES = "rotary_frequencies"


def encode(kv: KVPrefix, storage: KVStorage, frequencies: Tensor | None = None) -> dict[str, Tensor]:
    """Return the tensors to store, by name.

    Args:
        kv: The keys and values.
        storage: ``"exact"`` stores them unchanged, ``"float16"`` rounds them; see
            :mod:`memorag_graph.kv.quantization` for the others.
        frequencies: Rotary frequencies of the model, if it has any.

    Raises:
        ValueError: If the keys and values cannot be stored this way.
    """
    tensors: dict[str, Tensor] = {}
    for number, (keys, values) in enumerate(kv.layers):
        if storage == "exact":
            kept = {"keys": keys.contiguous(), "values": values.contiguous()}
        elif storage == "float16":
            kept = {**first_tokens(keys, values), "keys": _rounded(keys), "values": _rounded(values)}
        else:
            kept = quantize(keys, values, frequencies, small=storage == "int4")
        tensors |= {f"layers.{number}.{name}": tensor for name, tensor in kept.items()}
    if storage in ("int8", "int4") and frequencies is not None:
        tensors[_FREQUENCIES] = frequencies
    return tensors


def decode(tensors: Mapping[str, Tensor], storage: KVStorage, device: torch.device) -> KVPrefix:
    """Return the keys and values that were stored.

    Raises:
        KeyError: If a tensor is missing.
    """
    layers = []
    for number in range(sum(name.endswith(".keys") for name in tensors)):
        start = f"layers.{number}."
        kept = {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
        if storage == "exact":
            keys, values = kept["keys"], kept["values"]
        elif storage == "float16":
            keys, values = with_first_tokens(kept["keys"], kept["values"], kept)
        else:
            keys, values = dequantize(kept, tensors.get(_FREQUENCIES), small=storage == "int4")
        layers.append((keys.to(device), values.to(device)))
    return KVPrefix(tuple(layers))


def _rounded(tensor: Tensor) -> Tensor:
    rounded = tensor.half()
    if not rounded.isfinite().all():
        raise ValueError("some keys or values are beyond the range of float16")
    return rounded.contiguous()
