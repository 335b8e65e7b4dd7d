"""Load checkpoints with beacons: a stock architecture plus an embedding and projections for beacon tokens.

They are loaded into subclasses of the library's own classes. The beacon is the token id after the vocabulary; it is
read, never generated.
"""

import threading
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

from memorag_graph.beacon.config import BeaconConfig

_PREFIX = "beacon_"
_EMBEDDING = "beacon_embed_tokens"


class _Rows(threading.local):
    """The beacon rows of a thread's forward pass."""

    flags: Tensor | None = None
    """Shape (batch, tokens); None if there are none."""


def read_config(path: str, **hub: Any) -> PreTrainedConfig:  # noqa: ANN401 - passed on to the library
    """Return a model's config without running remote code that it may name."""
    config: PreTrainedConfig = AutoConfig.from_pretrained(path, trust_remote_code=False, **hub)
    return config


def load_beacon_model(
    path: str,
    config: PreTrainedConfig,
    *,
    leave_out: bool = False,
    **given: Any,  # noqa: ANN401 - passed on to the library
) -> PreTrainedModel:
    """Load a beacon checkpoint.

    Args:
        path: A directory or hub name.
        config: Its config.
        leave_out: Whether to ignore beacon tensors that the config does not name.
        **given: Arguments of ``from_pretrained``.

    Raises:
        ValueError: If its config cannot be used, or its beacon tensors are not those that the config names.
    """
    if BeaconConfig.of(config) is None:
        raise ValueError(
            "its name says that it is one of MemoRAG's models with beacons, but its config has no beacon_window; "
            "if it is not, rename its directory; otherwise download it again"
        )
    _see_everything(config)
    stock = AutoModelForCausalLM._model_mapping[type(config)]
    loaded: Any = beacon_class(stock).from_pretrained(path, config=config, output_loading_info=True, **given)
    model, found = loaded
    require_beacons(model, found, leave_out=leave_out)
    attach_beacons(model)
    result: PreTrainedModel = model
    return result


def require_beacons(model: PreTrainedModel, found: Mapping[str, Iterable[str]], *, leave_out: bool = False) -> None:
    """Check that a checkpoint has the beacon tensors that its config names, and no others.

    Args:
        model: The model.
        found: The loading info of ``from_pretrained``.
        leave_out: Whether to ignore other beacon tensors.

    Raises:
        ValueError: If some are missing, or there are others.
    """
    missing, others = (
        sorted(name for name in found[key] if _PREFIX in name) for key in ("missing_keys", "unexpected_keys")
    )
    if missing:
        total = len([name for name, _ in model.named_parameters() if _PREFIX in name])
        raise ValueError(
            f"{len(missing)} of its {total} beacon tensors are missing, such as {missing[0]}, so it cannot "
            "compress text; download it again"
        )
    if others and not leave_out:
        raise ValueError(
            f"it has {len(others)} beacon tensors that its config does not name, such as {others[0]}, and would not "
            "work as trained without them; restore its original config"
        )


@cache
def beacon_class(stock: type[PreTrainedModel]) -> type[PreTrainedModel]:
    """Return an architecture with beacon parameters; :func:`attach_beacons` makes a model use them."""

    def init(self: PreTrainedModel, config: PreTrainedConfig, *args: Any, **given: Any) -> None:  # noqa: ANN401
        stock.__init__(self, config, *args, **given)
        _add_parameters(self, config)

    return type(f"Beacon{stock.__name__}", (stock,), {"__init__": init, "__module__": __name__})


def _add_parameters(model: PreTrainedModel, config: PreTrainedConfig) -> None:
    beacons, inner = BeaconConfig.of(config), model.base_model
    if beacons is None:
        raise ValueError("its config has no beacon_window")
    if not hasattr(inner, "layers") or not hasattr(inner, "embed_tokens"):
        raise _unsupported(config)
    setattr(inner, _EMBEDDING, nn.Embedding(1, config.hidden_size))
    for attention in _attentions(inner):
        for name in beacons.projections:
            ordinary: nn.Linear | None = getattr(attention, f"{name}_proj", None)
            if ordinary is None:
                raise _unsupported(config)
            own = nn.Linear(ordinary.in_features, ordinary.out_features, bias=ordinary.bias is not None)
            setattr(attention, f"{_PREFIX}{name}_proj", own)


def _unsupported(config: PreTrainedConfig) -> ValueError:
    return ValueError(f"beacons need a model like Qwen2, Mistral or Llama, not {config.model_type!r}")


def attach_beacons(model: PreTrainedModel) -> None:
    """Make a loaded model use the beacon parameters for rows of beacon tokens.

    Called after loading, because quantization replaces the projections.
    """
    rows, inner = _Rows(), model.base_model
    embedding = inner.get_submodule("embed_tokens")
    embedding.register_forward_pre_hook(partial(_mark, rows, int(model.config.vocab_size)))
    embedding.register_forward_hook(partial(_embed, rows, inner))
    beacons = BeaconConfig.of(model.config)
    for attention in _attentions(inner):
        for name in beacons.projections if beacons else ():
            ordinary: nn.Module = getattr(attention, f"{name}_proj")
            ordinary.register_forward_hook(partial(_project, rows, attention, f"{_PREFIX}{name}_proj"))


def has_beacons(model: PreTrainedModel) -> bool:
    """Return whether a model was loaded with beacons."""
    return hasattr(model.base_model, _EMBEDDING)


def _see_everything(config: PreTrainedConfig) -> None:
    """Remove sliding windows from a config; the reference implementation ignores them."""
    config.sliding_window = None
    if hasattr(config, "use_sliding_window"):
        config.use_sliding_window = False
    if getattr(config, "layer_types", None):
        config.layer_types = ["full_attention"] * config.num_hidden_layers


def _attentions(inner: nn.Module) -> Iterable[nn.Module]:
    return (layer.self_attn for layer in inner.layers)  # type: ignore[union-attr]


def _mark(rows: _Rows, beacon: int, _: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
    """Record which tokens are beacons, and pass an ordinary token instead."""
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
