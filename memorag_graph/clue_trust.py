"""How far the clues of a memory model are trusted: as measured by ``memorag-graph tune``, else by the model's size."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from memorag_graph.errors import InputError
from memorag_graph.paths import user_dir
from memorag_graph.private_files import make_private_dir, write_private
from memorag_graph.retrieval.clue_weights import CAREFUL, EVEN, ClueWeights

if TYPE_CHECKING:
    from memorag_graph.models.text_model import TextModel

_SMALL = 400e6
"""Parameters, without embeddings, below which a model is trusted little; the embedded one has 0.1e9."""


def trust_file() -> Path:
    """Return the file that holds what was measured."""
    return user_dir() / "clue_trust.json"


def clue_weights(model: "TextModel") -> ClueWeights:
    """Return how much a model's clues count.

    Raises:
        InputError: If the file of what was measured is damaged.
    """
    measured = _read().get(model.fingerprint)
    if measured is not None:
        return ClueWeights(**measured["weights"])
    return CAREFUL if model.size and model.size < _SMALL else EVEN


def keep(fingerprint: str, weights: ClueWeights, measured: Mapping[str, Any]) -> None:
    """Keep how much a model's clues are to count.

    Args:
        fingerprint: Hash of the model.
        weights: The weights.
        measured: What they were chosen by, for a reader of the file.

    Raises:
        InputError: If the file is damaged.
        OSError: If it cannot be written.
    """
    path = trust_file()
    make_private_dir(path.parent)
    with FileLock(f"{path}.lock"):
        kept = {**_read(), fingerprint: {"weights": asdict(weights), **measured}}
        write_private(path, (json.dumps(kept, ensure_ascii=False, indent=1) + "\n").encode())


def _read() -> dict[str, Any]:
    path = trust_file()
    try:
        kept = json.loads(path.read_bytes())
        if all(ClueWeights(**entry["weights"]) for entry in kept.values()):
            return dict(kept)
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise InputError("clue_trust", f"{path} is damaged; delete it and run memorag-graph tune again")
