"""The bytes of a manifest: JSON that holds its own hash, so that a damaged one is known."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SEAL = "sha256"


def sealed(manifest: Mapping[str, Any]) -> bytes:
    """Return the bytes of a manifest, with the hash of its other keys."""
    return json.dumps(_with_seal(manifest), ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def unsealed(content: bytes) -> dict[str, Any]:
    """Return the manifest of which these are the bytes.

    Raises:
        ValueError: If it is damaged.
    """
    manifest = json.loads(content)
    if not isinstance(manifest, dict) or manifest != _with_seal(manifest):
        raise ValueError("its contents do not match its hash")
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(map(_is_described, files.values())):
        raise ValueError("it lists no files")
    if any(Path(name).name != name for name in files):
        raise ValueError("it lists files outside its directory")
    return manifest


def _is_described(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("bytes"), int) and isinstance(entry.get("sha256"), str)


def _with_seal(manifest: Mapping[str, Any]) -> dict[str, Any]:
    content = {key: value for key, value in manifest.items() if key != _SEAL}
    return {**content, _SEAL: hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()}
