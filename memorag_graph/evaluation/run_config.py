"""What an evaluation is: all that decides its figures, resolved and kept beside them."""

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

_OURS = (RESULTS, REPORT, CLUES, ITEMS, PLOTS, INDEXES, CONFIG)

Config = Mapping[str, Any]


def settle(directory: Path, config: Config, *, fresh: bool) -> None:
    """Keep the config of a new evaluation, or check that an old one is gone on with as it began.

    What is not known yet (None), such as the fingerprint of a model that no pipeline needed so far, is filled in.

    Args:
        directory: The evaluation's directory.
        config: ``"fixed"`` decides every figure and cannot change; ``"free"`` can.
        fresh: Remove what an evaluation left there, and begin anew.

    Raises:
        InputError: If the directory holds an evaluation of another config, or other files.
    """
    path = directory / CONFIG
    if fresh and path.is_file():
        for name in _OURS:
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
                "Give the same settings, another --out, or --fresh to begin anew",
            )
        fixed = {key: before.get(key) if value is None else value for key, value in fixed.items()}
    elif any((directory / name).exists() for name in _OURS):
        raise InputError("out", f"{directory} holds files, but no {CONFIG} of an evaluation; give another --out")
    replace_text(path, json.dumps({**config, "fixed": fixed}, ensure_ascii=False, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["fixed"])
    except (ValueError, KeyError, TypeError):
        raise InputError("out", f"{path} is no config of an evaluation; give another --out") from None


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Name the settings that differ; None stands for what is not known."""
    for key in dict.fromkeys([*before, *now]):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{prefix}{key}.")
        elif old is not None and new is not None and old != new:
            yield f"{prefix}{key} ({old!r} there, {new!r} now)"
