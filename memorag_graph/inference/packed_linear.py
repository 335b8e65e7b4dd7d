"""Linear layers whose weights lie in memory as oneDNN's matrix products read them.

A decoding step waits for the weights. From PyTorch's own layout, one to four rows in float32 read them at a third to
a half of the memory's bandwidth, and three rows take twice as long as one; laid out for oneDNN once, they are read
near it whatever rows there are, in float32 and bfloat16.
"""

import ctypes
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional

FEWEST_ROWS = 4
"""Fewer rows are filled up to so many: oneDNN's kernels for less are slower, and that for one row rounds otherwise."""

_EXPECTED_ROWS = 16
PACKED_DTYPES = (torch.float32, torch.bfloat16)
"""Dtypes for which oneDNN has a packed product; whether it works depends on the processor."""

_reorder: Any = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
_product: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class PackedLinear(nn.Module):
    """A linear layer, or several with one input side by side, for inference on a CPU.

    The result of a row has the same bits whatever rows are beside it.

    Args:
        *linears: The layers; their weights are copied.
    """

    def __init__(self, *linears: nn.Linear) -> None:
        super().__init__()
        self.in_features = linears[0].in_features
        self.out_features = sum(linear.out_features for linear in linears)
        biases = [linear.bias for linear in linears]
        with torch.inference_mode():
            self.bias = None if biases[0] is None else torch.cat([bias.detach() for bias in biases])
            self._packed = _reorder(torch.cat([linear.weight.detach() for linear in linears]), _EXPECTED_ROWS)

    @property
    def weight(self) -> Tensor:
        """The weight in PyTorch's layout, shape (out_features, in_features); a copy."""
        dense: Tensor = self._packed.to_dense()
        return dense

    def forward(self, states: Tensor) -> Tensor:
        """Return the product and bias, shape (..., out_features), of states with shape (..., in_features)."""
        if states.numel() >= FEWEST_ROWS * self.in_features:
            product: Tensor = _product(states, self._packed, self.bias, "none", [], "")
            return product
        rows = states.reshape(-1, self.in_features)
        filled = functional.pad(rows, (0, 0, 0, FEWEST_ROWS - rows.shape[0]))
        return self(filled)[: rows.shape[0]].view(*states.shape[:-1], self.out_features)  # type: ignore[no-any-return]

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        _save(self, destination, prefix)


class PackedPart(nn.Module):
    """One of the layers that a packed layer holds side by side.

    Args:
        whole: The packed layer.
        part: Its outputs that are this layer's.
    """

    def __init__(self, whole: PackedLinear, part: slice) -> None:
        super().__init__()
        self.in_features = whole.in_features
        self.out_features = part.stop - part.start
        self._whole = (whole,)  # a module of its own would be saved once for each part
        self._part = part

    @property
    def whole(self) -> PackedLinear:
        """The packed layer."""
        return self._whole[0]

    @property
    def weight(self) -> Tensor:
        """The weight in PyTorch's layout, shape (out_features, in_features); a copy."""
        return self.whole.weight[self._part]

    @property
    def bias(self) -> Tensor | None:
        """The bias, shape (out_features,)."""
        return None if self.whole.bias is None else self.whole.bias[self._part]

    def forward(self, states: Tensor) -> Tensor:
        """Return this layer's outputs; the whole is computed."""
        return self.whole(states)[..., self._part]  # type: ignore[no-any-return]

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        _save(self, destination, prefix)


def pack_linears(model: nn.Module, dtypes: Collection[torch.dtype], together: Sequence[Sequence[str]] = ()) -> None:
    """Replace a model's plain linear layers on the CPU by packed ones.

    Args:
        model: The model.
        dtypes: The dtypes to pack; see :func:`memorag_graph.inference.fast_paths.packable_dtypes`.
        together: Names of layers that have one input, and are packed side by side where one module holds them all.
    """
    packed = False
    for parent in list(model.modules()):
        linears = {name: child for name, child in parent.named_children() if _can_be_packed(child, dtypes)}
        packed |= bool(linears)
        for group in together:
            if linears.keys() >= set(group):
                _pack_together(parent, {name: linears.pop(name) for name in group})
        for name, linear in linears.items():
            setattr(parent, name, PackedLinear(linear))
    if packed:
        _let_go_of_the_file(model)


def joined(layers: Sequence[nn.Module]) -> Callable[[Tensor], Tensor]:
    """Return what computes the outputs of layers with one input, one after the other in the last dimension."""
    whole = getattr(layers[0], "whole", None)
    if whole is not None and all(getattr(layer, "whole", None) is whole for layer in layers):
        return whole  # type: ignore[no-any-return]
    return lambda states: torch.cat([layer(states) for layer in layers], dim=-1)


def _let_go_of_the_file(model: nn.Module) -> None:
    """Copy what was not packed: it may be part of a mapped file, of which all would stay in RAM.

    glibc keeps the memory of the replaced weights for later; it goes back to the system.
    """
    for parameter in model.parameters():
        if parameter.device.type == "cpu":
            parameter.data = parameter.data.clone()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def _save(layer: PackedLinear | PackedPart, destination: dict[str, Tensor], prefix: str) -> None:
    """Save a layer as the linear layer that it was."""
    destination[f"{prefix}weight"] = layer.weight
    if layer.bias is not None:
        destination[f"{prefix}bias"] = layer.bias


def _can_be_packed(module: nn.Module, dtypes: Collection[torch.dtype]) -> TypeGuard[nn.Linear]:
    return (
        type(module) is nn.Linear
        and module.weight.device.type == "cpu"
        and module.weight.dtype in dtypes
        and not (module._forward_hooks or module._forward_pre_hooks)  # they would be lost
    )


def _pack_together(parent: nn.Module, linears: Mapping[str, nn.Linear]) -> None:
    whole, start = PackedLinear(*linears.values()), 0
    for name, linear in linears.items():
        setattr(parent, name, PackedPart(whole, slice(start, start + linear.out_features)))
        start += linear.out_features
