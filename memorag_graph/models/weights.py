"""Check before loading that a model's weights fit the device's memory."""

import json
from math import prod
from pathlib import Path

from safetensors import safe_open

from memorag_graph.errors import NoRoomError
from memorag_graph.ram import size

_FILE = "model.safetensors"
_SHARDED = "model.safetensors.index.json"


def require_room_for_weights(directory: Path, value_bytes: float, free: int) -> None:
    """Check that a saved model fits.

    Args:
        directory: A directory with a model; only weights in safetensors are counted.
        value_bytes: Bytes per value once they are loaded.
        free: Free bytes of the device.

    Raises:
        NoRoomError: If it does not; says the sizes.
    """
    needed = int(_values(directory) * value_bytes)
    if needed > free:
        raise NoRoomError(
            f"the weights of {directory} need {size(needed)}, but {size(free)} of the device's memory are free; use a "
            "smaller model, load it in 4 bits, or close other programs"
        )


def _values(directory: Path) -> int:
    """Return the number of values in all weights, from the headers of their files."""
    if (directory / _SHARDED).is_file():
        index = json.loads((directory / _SHARDED).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
    else:
        names = [_FILE]
    total = 0
    for path in (directory / name for name in names):
        if path.is_file():
            with safe_open(path, framework="pt") as stored:
                total += sum(prod(stored.get_slice(name).get_shape()) for name in stored.keys())  # noqa: SIM118 - no dict
    return total
