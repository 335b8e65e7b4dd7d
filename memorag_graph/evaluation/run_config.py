"""The resolved configuration of an evaluation, stored beside its results."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.evaluation.jsonl_log import replace_text

CONFIG = "config.json"
RESULTS = "results.json"
REPORT = "report.md"
ITEMS = "items"
CLUES = "clues.jsonl"
PLOTS = "plots"
INDEXES = "indexes"

_OUTPUTS = (RESULTS, REPORT, CLUES, ITEMS, PLOTS, INDEXES, CONFIG)

Config = Mapping[str, Any]


def store_or_check(directory: Path, config: Config, *, fresh: bool) -> None:
    """Store the config of a new evaluation, or check that a resumed one has the same config.

    Values that are still unknown (None), for example the fingerprint of a model not needed so far, are filled in.

    Args:
        directory: Output directory of the evaluation.
        config: ``"fixed"`` determines the results and must not change between runs; ``"free"`` may.
        fresh: Delete an earlier evaluation there first.

    Raises:
        InputError: If the directory holds an evaluation of another config, or other files.
    """
    path = directory / CONFIG
    if fresh and path.is_file():
        for name in _OUTPUTS:
            shutil.rmtree(directory / name) if (directory / name).is_dir() else (directory / name).unlink(
                missing_ok=True
            )
    fixed = dict(config["fixed"])
    if path.is_file():
        before = _read(path)
        differences = list(_differences(before, fixed))
        if differences:
            raise InputError(
                "out",
                f"{directory} holds an evaluation with another {'; another '.join(differences)}. "
                "Use the same settings, another --out, or --fresh to start over",
            )
        fixed = {key: before.get(key) if value is None else value for key, value in fixed.items()}
    elif any((directory / name).exists() for name in _OUTPUTS):
        raise InputError("out", f"{directory} holds files but no {CONFIG} of an evaluation; use another --out")
    replace_text(path, json.dumps({**config, "fixed": fixed}, ensure_ascii=False, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["fixed"])
    except (ValueError, KeyError, TypeError):
        raise InputError("out", f"{path} is not the config of an evaluation; use another --out") from None


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the settings that differ; None means unknown."""
    for key in dict.fromkeys([*before, *now]):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{prefix}{key}.")
        elif old is not None and new is not None and old != new:
            yield f"{prefix}{key} ({old!r} there, {new!r} now)"
