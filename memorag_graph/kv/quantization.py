"""Quantize keys and values to 8 or 4 bits.

Ranges differ between channels of keys but not of values, so keys are scaled per channel over runs of tokens and values
per token (Liu et al., "KIVI", 2024). Keys are first rotated back to position 0, where the range of a channel varies
little, and the first tokens, which all others attend to, stay exact (Hooper et al., "KVQuant", 2024). In the 4-bit
format keys take 5 bits, because an error in a key changes the attention to all tokens, an error in a value only that
token's share.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from memorag_graph.kv.rotary import rotate

RUN = 256
"""Number of consecutive tokens that share the scale of a key channel."""

FIRST = 2
"""Number of tokens at the start that stay exact."""

_SMALLEST = 2.0**-14
_WEIGHTS = (1, 2, 4, 8, 16, 32, 64, 128)


def quantize(keys: Tensor, values: Tensor, frequencies: Tensor | None, *, small: bool) -> dict[str, Tensor]:
    """Return the stored tensors of one layer.

    Args:
        keys: Shape (kv_heads, tokens, head_dim).
        values: Same shape.
        frequencies: Rotary frequencies; None quantizes keys without rotating them.
        small: Use 4 bits (5 for keys) instead of 8.

    Raises:
        ValueError: If ``small`` is set and the head size is not a multiple of 8, or some keys or values are beyond the
            range of the float16 scales.
    """
    if small and keys.shape[-1] % len(_WEIGHTS):
        raise ValueError(f"int4 needs heads whose size is a multiple of 8, not {keys.shape[-1]}")
    kept = first_tokens(keys, values)
    steady = keys.float().cpu()
    if frequencies is not None:
        steady = rotate(steady, -torch.arange(keys.shape[1]), frequencies)
    codes, kept["keys.scale"], kept["keys.zero"] = _code_keys(steady, 5 if small else 8)
    value_codes, kept["values.scale"], kept["values.zero"] = _code_values(values.float().cpu(), 4 if small else 8)
    if not all(kept[name].isfinite().all() for name in ("keys.scale", "keys.zero", "values.scale")):
        raise ValueError("some keys or values are beyond the range of float16")
    if small:
        kept["keys.high"] = _pack_bits(codes >> 4)
        codes, value_codes = _pack_halves(codes & 15), _pack_halves(value_codes)
    return {**kept, "keys": codes, "values": value_codes}


def dequantize(kept: Mapping[str, Tensor], frequencies: Tensor | None, *, small: bool) -> tuple[Tensor, Tensor]:
    """Return the keys and values of one layer, each (kv_heads, tokens, head_dim).

    Raises:
        KeyError: If a tensor is missing.
    """
    codes, value_codes = kept["keys"], kept["values"]
    if small:
        codes = _unpack_halves(codes) | (_unpack_bits(kept["keys.high"]) << 4)
        value_codes = _unpack_halves(value_codes)
    tokens = codes.shape[1]
    scale, zero = (kept[f"keys.{name}"].float().repeat_interleave(RUN, dim=1)[:, :tokens] for name in ("scale", "zero"))
    keys = codes.float() * scale + zero
    if frequencies is not None:
        keys = rotate(keys, torch.arange(tokens), frequencies)
    values = (value_codes.float() - kept["values.zero"].float()) * kept["values.scale"].float()
    return with_first_tokens(keys, values, kept)


def first_tokens(keys: Tensor, values: Tensor) -> dict[str, Tensor]:
    """Return the exact keys and values of the first tokens."""
    return {"keys.first": keys[:, :FIRST].contiguous(), "values.first": values[:, :FIRST].contiguous()}


def with_first_tokens(keys: Tensor, values: Tensor, kept: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return keys and values in the model's dtype with the exact first tokens."""
    dtype = kept["keys.first"].dtype
    keys, values = keys.to(dtype, copy=True), values.to(dtype, copy=True)
    keys[:, :FIRST], values[:, :FIRST] = kept["keys.first"], kept["values.first"]
    return keys, values


def _code_keys(keys: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return codes, and scale and zero of each run of tokens, shape (kv_heads, runs, head_dim)."""
    scales, zeros, codes = [], [], []
    for run in torch.split(keys, RUN, dim=1):
        zero = run.amin(1, keepdim=True).half()
        scale = ((run.amax(1, keepdim=True) - zero.float()) / (2**bits - 1)).clamp_min(_SMALLEST).half()
        codes.append(((run - zero.float()) / scale.float()).round().clamp(0, 2**bits - 1).to(torch.uint8))
        scales.append(scale)
        zeros.append(zero)
    return torch.cat(codes, 1), torch.cat(scales, 1), torch.cat(zeros, 1)


def _code_values(values: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return codes, and the scale and the code of zero of each token, shape (kv_heads, tokens, 1)."""
    most = 2**bits - 1
    low, high = values.amin(-1, keepdim=True).clamp_max(0), values.amax(-1, keepdim=True).clamp_min(0)
    scale = ((high - low) / most).clamp_min(_SMALLEST).half()
    zero = (-low / scale.float()).round().clamp(0, most)
    codes = (values / scale.float() + zero).round().clamp(0, most).to(torch.uint8)
    return codes, scale, zero.to(torch.uint8)


def _pack_halves(codes: Tensor) -> Tensor:
    """Pack two 4-bit codes into each byte, the first in the lower half."""
    return codes[..., ::2] | (codes[..., 1::2] << 4)


def _unpack_halves(packed: Tensor) -> Tensor:
    return torch.stack([packed & 15, packed >> 4], dim=-1).flatten(-2)


def _pack_bits(bits: Tensor) -> Tensor:
    """Pack eight bits into each byte, the first in the lowest place."""
    weights = torch.tensor(_WEIGHTS, dtype=torch.uint8)
    return (bits.reshape(*bits.shape[:-1], -1, len(_WEIGHTS)) * weights).sum(-1, dtype=torch.uint8)


def _unpack_bits(packed: Tensor) -> Tensor:
    weights = torch.tensor(_WEIGHTS, dtype=torch.uint8)
    return ((packed[..., None] & weights) != 0).to(torch.uint8).flatten(-2)
