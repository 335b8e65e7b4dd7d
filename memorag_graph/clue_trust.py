"""How far the clues of a memory model are trusted: as measured by ``memorag-graph tune``, else by the model's size."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError
from memorag_graph.models.model_size import is_small
from memorag_graph.paths import user_dir
from memorag_graph.private_files import make_private_dir, remove_unfinished, write_private
from memorag_graph.retrieval.clue_weights import CAREFUL, LEVELS, SILENT, ClueWeights

if TYPE_CHECKING:
    from memorag_graph.memory.memory_model import MemoryModel


def trust_file() -> Path:
    """Return the file that holds what was measured."""
    return user_dir() / "clue_trust.json"


def trust_fingerprint(model: "MemoryModel") -> str:
    """Return the hash of what writes the clues of a memory model: the model, and its adapter if it has one."""
    own = model.language_model.fingerprint
    return f"{own}+{model.adapter.fingerprint}" if model.adapter else own


def clue_weights(model: "MemoryModel", path: Path | None = None) -> ClueWeights:
    """Return how much a memory model's clues count.

    Args:
        model: The memory model; without a measurement of the user's, its adapter names what it was measured with.
        path: The file of what was measured; by default the user's.

    Raises:
        InputError: If that file is damaged.
        DiskError: If it cannot be read.
    """
    measured = read(path or trust_file()).get(trust_fingerprint(model))
    if measured is not None:
        return ClueWeights(**measured["weights"])
    return LEVELS[untuned_level(model)]


def untuned_level(model: "MemoryModel") -> str:
    """Return the level of trust in a model that was not tuned: its adapter's, or else by its size."""
    if model.adapter and model.adapter.learned.trust in LEVELS:
        return model.adapter.learned.trust
    return "careful" if is_small(model.language_model.size) else "even"


def trusts_clues(model: "MemoryModel") -> bool:
    """Return whether a memory model's clues count for more than those of a small one, which is often wrong."""
    return clue_weights(model) not in (SILENT, CAREFUL)


def keep(fingerprint: str, weights: ClueWeights, measured: Mapping[str, Any], path: Path | None = None) -> None:
    """Keep how much a model's clues are to count.

    Args:
        fingerprint: Hash of what writes them; see :func:`trust_fingerprint`.
        weights: The weights.
        measured: What they were chosen by, for a reader of the file.
        path: The file; by default the user's.

    Raises:
        InputError: If the file is damaged.
        DiskError: If it cannot be read or written.
    """
    path = path or trust_file()
    with telling(path, "written"):
        make_private_dir(path.parent)
        with FileLock(path.with_suffix(".lock")):
            kept = {**read(path), fingerprint: {"weights": asdict(weights), **measured}}
            remove_unfinished(path)
            write_private(path, (json.dumps(kept, ensure_ascii=False, indent=1) + "\n").encode())


def read(path: Path) -> dict[str, Any]:
    """Return what was measured of each model, by its hash.

    Raises:
        InputError: If the file is damaged.
        DiskError: If it cannot be read.
    """
    with telling(path, "read"):
        if not path.is_file():
            return {}
        content = path.read_bytes()
    try:
        kept: dict[str, Any] = json.loads(content)
        for entry in kept.values():
            ClueWeights(**entry["weights"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError("clue_trust", f"{path} is damaged; delete it and run memorag-graph tune again") from None
    return kept
