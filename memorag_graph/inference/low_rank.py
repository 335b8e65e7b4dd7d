"""Low-rank updates of a model's linear layers (Hu et al., "LoRA", 2021) that act only while they are switched on.

So one loaded model, and one memory that it read without them, serves requests with and without them ("activated LoRA":
Greenewald et al., 2025). The layers stay as they are: a hook adds to a layer's output.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from memorag_graph.inference.chosen_paths import fast_paths_of
from memorag_graph.inference.packed_linear import PackedLinear, PackedPart

Product = Callable[[Tensor], Tensor]
"""A linear layer: (..., in_features) → (..., out_features)."""

_ATTRIBUTE = "_memorag_active_updates"


@dataclass(frozen=True, slots=True)
class LowRank:
    """The update of one linear layer: ``up @ down`` is added to its weight.

    Attributes:
        down: Shape (rank, in_features).
        up: Shape (out_features, rank).
    """

    down: Tensor
    up: Tensor


class LowRankUpdates:
    """Updates of a model's layers.

    Args:
        model: The model, with its fast paths.
        updates: The update of each layer, by the layer's name in the model.

    Raises:
        ValueError: If the model has no such layer, or one of another shape.
    """

    def __init__(self, model: PreTrainedModel, updates: Mapping[str, LowRank]) -> None:
        self._model = model
        parts: dict[nn.Linear | PackedLinear, list[tuple[slice, LowRank]]] = defaultdict(list)
        for name, update in updates.items():
            layer = _layer(model, name, update)
            if isinstance(layer, PackedPart):
                parts[layer.whole].append((layer.part, update))
            else:
                parts[layer].append((slice(0, layer.out_features), update))
        packs = fast_paths_of(model).packed_weights
        self._hooks = [(layer, _hook(_together(layer, of_layer), packs=packs)) for layer, of_layer in parts.items()]

    @contextmanager
    def active(self) -> Iterator[None]:
        """Switch the updates on; the model must be run by one thread only meanwhile."""
        handles = [layer.register_forward_hook(hook) for layer, hook in self._hooks]
        setattr(self._model, _ATTRIBUTE, self)
        try:
            yield
        finally:
            setattr(self._model, _ATTRIBUTE, None)
            for handle in handles:
                handle.remove()


def updates_of(model: PreTrainedModel) -> LowRankUpdates | None:
    """Return the updates that are switched on, or None."""
    active: LowRankUpdates | None = getattr(model, _ATTRIBUTE, None)
    return active


def _layer(model: PreTrainedModel, name: str, update: LowRank) -> nn.Linear | PackedPart | PackedLinear:
    try:
        layer = model.get_submodule(name)
    except AttributeError:
        raise ValueError(f"the model has no layer {name}") from None
    shape = (update.up.shape[0], update.down.shape[1])
    if not isinstance(layer, nn.Linear | PackedPart | PackedLinear) or shape != (layer.out_features, layer.in_features):
        raise ValueError(f"the layer {name} has another shape than {shape[0]} x {shape[1]}")
    return layer


def _together(layer: nn.Linear | PackedLinear, parts: list[tuple[slice, LowRank]]) -> LowRank:
    """Return the update of a layer that combines several."""
    if len(parts) == 1 and parts[0][0] == slice(0, layer.out_features):
        return parts[0][1]
    down = torch.cat([update.down for _, update in parts])
    up = down.new_zeros(layer.out_features, len(down))
    column = 0
    for place, update in parts:
        rank = len(update.down)
        up[place, column : column + rank] = update.up
        column += rank
    return LowRank(down, up)


def _hook(update: LowRank, *, packs: bool) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    down, up = (_product(weight, packs=packs) for weight in (update.down, update.up))
    dtype = update.down.dtype

    def add(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + up(down(inputs[0].to(dtype))).to(output.dtype)

    return add


def _product(weight: Tensor, *, packs: bool) -> Product:
    """Return the product with a weight; a packed one has the same bits in any batch."""
    if not packs:
        return partial(functional.linear, weight=weight)
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    linear.weight = nn.Parameter(weight, requires_grad=False)
    return PackedLinear(linear)
