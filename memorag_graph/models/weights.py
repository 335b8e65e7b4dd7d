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
    needed = _bytes(directory, value_bytes)
    if needed > free:
        raise NoRoomError(
            f"the weights of {directory} need {size(needed)}, but {size(free)} of the device's memory are free; use a "
            "smaller model or fewer bits, or close other programs"
        )


def _bytes(directory: Path, value_bytes: float) -> int:
    """Return the bytes of all weights once they are loaded, from the headers of their files."""
    if (directory / _SHARDED).is_file():
        index = json.loads((directory / _SHARDED).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
    else:
        names = [_FILE]
    needed = 0.0
    for path in (directory / name for name in names):
        if path.is_file():
            with safe_open(path, framework="pt") as stored:
                slices = [stored.get_slice(name) for name in stored.keys()]  # noqa: SIM118 - not a dict
            needed += sum(prod(it.get_shape()) * (value_bytes if _is_real(it.get_dtype()) else 1) for it in slices)
    return int(needed)


def _is_real(dtype: str) -> bool:
    """Return whether values are loaded in the model's dtype; others are quantized and keep theirs, about a byte."""
    return dtype in ("F64", "F32", "F16", "BF16")
