"""Linear layers with weights in the memory layout of oneDNN's matrix products.

A decoding step is bound by reading the weights. In PyTorch's layout, one to four rows in float32 read them at a third
to a half of the memory bandwidth, and three rows take twice as long as one; in oneDNN's layout they are read near full
bandwidth for any number of rows, in float32 and bfloat16.
"""

import ctypes
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional

FEWEST_ROWS = 4
"""Fewer rows are padded to this many: oneDNN's kernels for fewer are slower, and the one for a single row rounds
differently."""

_EXPECTED_ROWS = 16
"""Rows per product that oneDNN chooses the layout for."""

PACKED_DTYPES = (torch.float32, torch.bfloat16)
"""Dtypes for which oneDNN has a packed product; whether it works depends on the processor."""

_reorder: Any = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
_product: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class PackedLinear(nn.Module):
    """A linear layer, or several that share an input, for inference on a CPU.

    A row's result has the same bits whatever other rows there are.

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
        return self.forward(filled)[: rows.shape[0]].view(*states.shape[:-1], self.out_features)

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        _save(self, destination, prefix)


class PackedPart(nn.Module):
    """One of the layers that a packed layer combines.

    Args:
        whole: The packed layer.
        part: The outputs that belong to this layer.
    """

    def __init__(self, whole: PackedLinear, part: slice) -> None:
        super().__init__()
        self.in_features = whole.in_features
        self.out_features = part.stop - part.start
        self._whole = (whole,)  # as a submodule it would be saved once per part
        self._part = part

    @property
    def whole(self) -> PackedLinear:
        """The packed layer."""
        return self._whole[0]

    @property
    def part(self) -> slice:
        """The outputs of the packed layer that are this layer's."""
        return self._part

    @property
    def weight(self) -> Tensor:
        """The weight in PyTorch's layout, shape (out_features, in_features); a copy."""
        return self.whole.weight[self._part]

    @property
    def bias(self) -> Tensor | None:
        """The bias, shape (out_features,)."""
        return None if self.whole.bias is None else self.whole.bias[self._part]

    def forward(self, states: Tensor) -> Tensor:
        """Return this layer's outputs; the other layers are computed, too."""
        return self.whole(states)[..., self._part]  # type: ignore[no-any-return]

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        _save(self, destination, prefix)


def pack_linears(model: nn.Module, dtypes: Collection[torch.dtype], together: Sequence[Sequence[str]] = ()) -> None:
    """Replace a model's plain linear layers on the CPU by packed ones.

    Args:
        model: The model.
        dtypes: The dtypes to pack; see :func:`memorag_graph.inference.fast_paths.packable_dtypes`.
        together: Names of layers that share an input; they are combined if one module holds them all.
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
        _release_mapped_file(model)


def joined(layers: Sequence[nn.Module]) -> Callable[[Tensor], Tensor]:
    """Return a function that computes layers sharing an input and concatenates their outputs in the last dimension."""
    whole = getattr(layers[0], "whole", None)
    if whole is not None and all(getattr(layer, "whole", None) is whole for layer in layers):
        return whole  # type: ignore[no-any-return]
    return lambda states: torch.cat([layer(states) for layer in layers], dim=-1)


def _release_mapped_file(model: nn.Module) -> None:
    """Copy the parameters that were not packed: they may be views of a mapped file, all of which would stay in RAM.

    glibc keeps the memory of the replaced weights; return it to the system.
    """
    for parameter in model.parameters():
        if parameter.device.type == "cpu":
            parameter.data = parameter.data.clone()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def _save(layer: PackedLinear | PackedPart, destination: dict[str, Tensor], prefix: str) -> None:
    """Save a layer under the names of the linear layer it replaced."""
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
