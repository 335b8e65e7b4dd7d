"""Hash the identity of a model."""

import hashlib
import json
from collections.abc import Iterator

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.beacon.checkpoint import has_beacons
from memorag_graph.beacon.config import BeaconConfig
from memorag_graph.inference.packed_linear import PackedLinear, PackedPart

_SAMPLES_PER_PARAMETER = 64


def fingerprint(model: PreTrainedModel) -> str:
    """Return the hash of a model's architecture and of evenly spaced samples of every parameter.

    The hash does not depend on where the weights were loaded from, or whether they are held in float32 or bfloat16.
    Training changes it.
    """
    config = model.config.get_text_config().to_dict()
    described = {key: config.get(key) for key in ("model_type", "rope_parameters", "rms_norm_eps")}
    beacons = BeaconConfig.of(model.config) if has_beacons(model) else None
    if beacons is not None:
        described["beacons"] = beacons.described
    hashed = hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode())
    for name, parameter in sorted(_parameters(model)):
        flat = parameter.detach().reshape(-1)
        step = max(1, flat.numel() // _SAMPLES_PER_PARAMETER)
        sample = flat[::step][:_SAMPLES_PER_PARAMETER].to(torch.bfloat16).cpu().contiguous()
        hashed.update(f"{name} {tuple(parameter.shape)}".encode())
        hashed.update(sample.view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()[:32]


def _parameters(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """Yield each parameter once, including those of packed layers."""
    yield from model.named_parameters()
    tied = model.get_output_embeddings() if model.config.get_text_config().tie_word_embeddings else None
    for name, module in model.named_modules():
        if isinstance(module, PackedLinear | PackedPart) and module is not tied:
            yield f"{name}.weight", module.weight
            if module.bias is not None:
                yield f"{name}.bias", module.bias


def digest(data: bytes) -> str:
    """Return the hash of other data that belongs to a model's identity."""
    return hashlib.sha256(data).hexdigest()[:32]
