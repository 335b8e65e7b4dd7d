"""Adapters: what ``memorag-graph train`` learned, as one file; with them a memory model writes better clues."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from memorag_graph.errors import ModelError
from memorag_graph.inference.low_rank import LowRank, LowRankUpdates
from memorag_graph.models.compute_threads import compute
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.settings import PromptKey

_FORMAT = "memorag_graph_adapter"
"""Key of the description, as JSON, in the file's metadata."""

_DOWN, _UP = ".down", ".up"


@dataclass(frozen=True, slots=True)
class Learned:
    """What an adapter is for.

    Attributes:
        model: Fingerprint of the memory model.
        prompts: Keys of the prompts that it learned to reply to.
        tokens: Maximum tokens of a reply.
        trust: Name of the level of :data:`memorag_graph.retrieval.clue_weights.LEVELS` measured after training;
            empty if too few questions were held out to tell.
    """

    model: str
    prompts: frozenset[PromptKey]
    tokens: int
    trust: str


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter that is ready to be used with its model.

    Attributes:
        learned: What it is for.
        updates: The updates of the model's layers; a memory is read without them.
        fingerprint: Hash of what decides the clues that it writes.
    """

    learned: Learned
    updates: LowRankUpdates
    fingerprint: str


def save_adapter(path: Path, learned: Learned, weights: Mapping[str, LowRank]) -> None:
    """Write an adapter in 16 bits.

    Args:
        path: The file.
        learned: What it is for.
        weights: The update of each layer, by the layer's name in the model.
    """
    tensors = {f"{name}{_DOWN}": update.down for name, update in weights.items()}
    tensors |= {f"{name}{_UP}": update.up for name, update in weights.items()}
    described = json.dumps({**asdict(learned), "prompts": sorted(learned.prompts)}, sort_keys=True)
    in_16_bits = {name: it.detach().to(torch.float16).cpu().contiguous() for name, it in tensors.items()}
    save_file(in_16_bits, path, {_FORMAT: described})


def load_adapter(path: Path, model: LanguageModel) -> Adapter:
    """Load an adapter for its model.

    Raises:
        ModelError: If there is none, it is damaged, or it was trained for another model.
    """
    if not path.is_file():
        raise ModelError(f"there is no adapter {path}; make one with: memorag-graph train")
    try:
        learned, weights = _read(path)
    except (OSError, SafetensorError, LookupError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is not an adapter that memorag-graph train made ({error})") from None
    if learned.model != model.fingerprint:
        raise ModelError(
            f"the adapter {path} was trained for another memory model than {model.name!r}; use that model, leave the "
            "adapter out, or train one for this model with: memorag-graph train"
        )
    device, dtype = model.model.device, model.model.dtype
    held = {name: LowRank(it.down.to(device, dtype), it.up.to(device, dtype)) for name, it in weights.items()}
    try:
        updates = compute(device, lambda: LowRankUpdates(model.model, held))
    except ValueError as error:
        raise ModelError(f"the adapter {path} does not fit the memory model {model.name!r}: {error}") from None
    return Adapter(learned, updates, _fingerprint(learned, weights))


def _read(path: Path) -> tuple[Learned, dict[str, LowRank]]:
    with safe_open(path, "pt") as file:
        described = json.loads((file.metadata() or {})[_FORMAT])
        learned = Learned(**{**described, "prompts": frozenset(described["prompts"])})
        if not learned.prompts <= set(get_args(PromptKey)):
            raise ValueError(f"it names unknown prompts: {', '.join(described['prompts'])}")
        names = [name.removesuffix(_DOWN) for name in file.keys() if name.endswith(_DOWN)]  # noqa: SIM118 - no mapping
        weights = {name: LowRank(file.get_tensor(name + _DOWN), file.get_tensor(name + _UP)) for name in names}
    return learned, weights


def _fingerprint(learned: Learned, weights: Mapping[str, LowRank]) -> str:
    """Return the hash of what decides the clues that an adapter writes."""
    hashed = hashlib.sha256(f"{learned.model} {sorted(learned.prompts)} {learned.tokens}".encode())
    for name in sorted(weights):
        for tensor in (weights[name].down, weights[name].up):
            hashed.update(f"{name} {tuple(tensor.shape)}".encode())
            hashed.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()[:32]
