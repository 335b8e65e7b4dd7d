"""Checkpoints with beacons: a stock architecture with an embedding and projections of its own for beacon tokens.

They are loaded into the library's own classes. The beacon is the token after the last of the vocabulary; it is read,
never written.
"""

from collections.abc import Iterable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

from memorag_graph.kv.beacon.config import BeaconConfig

_PREFIX = "beacon_"
_EMBEDDING = "beacon_embed_tokens"


class _Rows:
    """Which rows of the pass that is running are beacons; one model runs one pass at a time."""

    flags: Tensor | None = None
    """Shape (batch, tokens); None where there is none."""


def read_config(path: str, **hub: Any) -> PreTrainedConfig:  # noqa: ANN401 - handed on to the library
    """Return a model's config, without the remote code that it may name."""
    config: PreTrainedConfig = AutoConfig.from_pretrained(path, trust_remote_code=False, **hub)
    return config


def load_beacon_model(path: str, config: PreTrainedConfig, **given: Any) -> PreTrainedModel:  # noqa: ANN401 - likewise
    """Load a beacon checkpoint.

    Args:
        path: A directory or hub name.
        config: Its config.
        **given: What ``from_pretrained`` takes.

    Raises:
        ValueError: If its config cannot be used, or it lacks tensors that its config asks for.
    """
    beacons = BeaconConfig.of(config)
    if beacons is None:
        raise ValueError(
            "its name says that it is one of MemoRAG's models with beacons, but its config has no beacon_window; "
            "rename its directory if it is none"
        )
    config.sliding_window = None  # the reference implementation has none, whatever the config says
    stock = AutoModelForCausalLM._model_mapping[type(config)]
    loaded: Any = _class_of(stock).from_pretrained(path, config=config, output_loading_info=True, **given)
    model, found = loaded
    missing = sorted(name for name in found["missing_keys"] if _PREFIX in name)
    if missing:
        total = len([name for name, _ in model.named_parameters() if _PREFIX in name])
        raise ValueError(
            f"{len(missing)} of its {total} beacon tensors are missing, such as {missing[0]}: it would not compress "
            "what it reads. Download it again"
        )
    result: PreTrainedModel = model
    return result


@cache
def _class_of(stock: type[PreTrainedModel]) -> type[PreTrainedModel]:
    """Return an architecture with beacons."""

    def init(self: PreTrainedModel, config: PreTrainedConfig, *args: Any, **given: Any) -> None:  # noqa: ANN401
        stock.__init__(self, config, *args, **given)
        _add_beacons(self, config)

    return type(f"Beacon{stock.__name__}", (stock,), {"__init__": init, "__module__": __name__})


def _add_beacons(model: PreTrainedModel, config: PreTrainedConfig) -> None:
    """Give a model the parameters of beacons, and use them for the rows of beacon tokens."""
    beacons, rows, inner = BeaconConfig.of(config), _Rows(), model.base_model
    if beacons is None:
        raise ValueError("its config has no beacon_window")
    setattr(inner, _EMBEDDING, nn.Embedding(1, config.hidden_size))
    embedding = inner.get_submodule("embed_tokens")
    embedding.register_forward_pre_hook(partial(_mark, rows, int(config.vocab_size)))
    embedding.register_forward_hook(partial(_embed, rows, inner))
    for attention in _attentions(inner):
        for name in beacons.projections:
            ordinary: nn.Linear = getattr(attention, f"{name}_proj")
            own = nn.Linear(ordinary.in_features, ordinary.out_features, bias=ordinary.bias is not None)
            setattr(attention, f"{_PREFIX}{name}_proj", own)
            ordinary.register_forward_hook(partial(_project, rows, attention, f"{_PREFIX}{name}_proj"))


def _attentions(inner: nn.Module) -> Iterable[nn.Module]:
    return (layer.self_attn for layer in inner.layers)  # type: ignore[union-attr]


def _mark(rows: _Rows, beacon: int, _: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
    """Note which tokens are beacons, and hand an ordinary token on in their place."""
    (ids,) = given
    flags = ids == beacon
    rows.flags = flags if bool(flags.any()) else None
    return (ids.masked_fill(flags, 0),)


def _embed(rows: _Rows, inner: nn.Module, _: nn.Module, __: tuple[Tensor], embedded: Tensor) -> Tensor:
    if rows.flags is None:
        return embedded
    weight: Tensor = getattr(inner, _EMBEDDING).weight
    return torch.where(rows.flags[..., None], weight[0], embedded)


def _project(
    rows: _Rows, attention: nn.Module, name: str, _: nn.Module, given: tuple[Tensor], projected: Tensor
) -> Tensor:
    """Replace the rows of beacons by their own projection."""
    if rows.flags is None:
        return projected
    result = projected.clone()
    result[rows.flags] = getattr(attention, name)(given[0][rows.flags])
    return result
