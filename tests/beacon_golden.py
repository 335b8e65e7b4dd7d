"""Check every case of a folder of golden vectors against the beacon reader.

    python -m tests.beacon_golden DIR

DIR holds ``index.json`` and a folder for each architecture with ``config.json``, ``model.safetensors`` and
``cases.safetensors``. Prints the largest error of keys and values and of logits of each case; the exit status is 1
where one is above the tolerance.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from memorag_graph.beacon.checkpoint import load_beacon_model, read_config
from memorag_graph.beacon.compressor import BeaconCompressor
from memorag_graph.beacon.config import BeaconConfig
from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.prefix_attention import MEMORY_ATTENTION
from memorag_graph.kv.prefix import KVPrefix

TOLERANCE = 1e-4
MARGIN = 1e-3
"""Greedy tokens are compared only where the reference's best two are further apart."""

Case = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a case showed.

    Attributes:
        name: Architecture and case.
        kv: Largest error of keys and values.
        logits: Largest error of logits.
        greedy: Whether the greedy tokens are the reference's, where its margin says something.
        refused: Why the case is not supported.
        fault: Why it could not be checked.
    """

    name: str
    kv: float = 0.0
    logits: float = 0.0
    greedy: bool = True
    refused: str = ""
    fault: str = ""

    @property
    def passed(self) -> bool:
        """Whether all is within the tolerance; what is refused does not count."""
        return bool(self.refused) or (max(self.kv, self.logits) <= TOLERANCE and self.greedy)

    def __str__(self) -> str:
        if self.refused:
            return f"{self.name:45} not supported: {self.refused}"
        if self.fault:
            return f"{self.name:45} FAILED: {self.fault}"
        told = "" if self.greedy else "  other greedy tokens"
        return f"{self.name:45} KV {self.kv:.1e}  logits {self.logits:.1e}{told}{'' if self.passed else '  FAILED'}"


def check_folder(folder: Path, side_by_side: int = 1) -> Iterator[Outcome]:
    """Check every case of a folder."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    for architecture, described in index["archs"].items():
        tensors = load_file(folder / architecture / "cases.safetensors")
        for case in described["cases"]:
            name = f"{architecture}/{case['name']}"
            mine = {key.removeprefix(f"{case['name']}."): it for key, it in tensors.items() if _is_of(key, case)}
            try:
                yield _Check(folder / architecture, case, mine, side_by_side).run(name)
            except UnsupportedError as error:
                yield Outcome(name, refused=str(error))
            except (ValueError, RuntimeError, KeyError) as error:
                yield Outcome(name, kv=math.inf, logits=math.inf, fault=str(error))


def _is_of(key: str, case: Case) -> bool:
    return key.startswith(f"{case['name']}.")


class UnsupportedError(Exception):
    """The case is one of those that the reference computes by mistake, or not at all."""


class _Check:
    """One case."""

    def __init__(self, place: Path, case: Case, tensors: Mapping[str, Tensor], side_by_side: int) -> None:
        config = read_config(str(place))
        for name, value in case["overrides"].items():
            setattr(config, name, value)
        try:
            beacons = BeaconConfig.of(config)
        except ValueError as error:
            raise UnsupportedError(str(error)) from None
        if beacons is None:
            raise ValueError("the config has no beacons")
        if beacons.sink and case["feeds"][0] < beacons.window:
            raise UnsupportedError("the reference takes a sink before the first window is full")
        self._model = load_beacon_model(str(place), config, leave_out=True, dtype=torch.float32)
        self._model.set_attn_implementation(MEMORY_ATTENTION)
        parallel = int(getattr(config, "beacon_parallel_window", None) or 1)
        try:
            self._reader = BeaconCompressor(self._model, beacons, max(side_by_side, parallel))
        except ValueError as error:
            raise UnsupportedError(str(error)) from None
        self._case, self._tensors = case, tensors
        self._kv = self._logits = 0.0
        self._greedy = True

    def run(self, name: str) -> Outcome:
        """Read the context in its feeds, and ask each question after it."""
        tokens = self._tensors["input_ids"][0].tolist()
        plain_from = self._case["plain_from"]
        woven, tail = (tokens, []) if plain_from is None else (tokens[:plain_from], tokens[plain_from:])
        logits, done = None, 0
        for feed in self._case["feeds"]:
            if part := woven[done : done + feed]:
                logits = self._reader.read(part)
            done += feed
        whole = self._reader.prefix()
        raw = self._reader.window.kv.prefix()
        if tail:
            session = open_session(self._model, [whole if whole.length else None], len(tail))
            logits, held = session.prefill(0, tail)[None], whole.length
            whole = session.prefix()
            raw = KVPrefix(tuple((keys[:, held:], values[:, held:]) for keys, values in whole.layers))
        self._compare(logits, self._tensors["context_last_logits"])
        sink, memory = self._reader.sink, self._reader.memory.prefix()
        for what, kv, first in (
            ("sink", sink, 0),
            ("beacon", memory, sink.length),
            ("raw", raw, sink.length + memory.length),
        ):
            self._compare_kv(what, self._reader.unrotated(kv, first))
        for question in ("q0", "q1"):
            if f"{question}.input_ids" in self._tensors:
                self._ask(question, whole)
        return Outcome(name, self._kv, self._logits, self._greedy)

    def _ask(self, question: str, whole: KVPrefix) -> None:
        tokens = self._tensors[f"{question}.input_ids"][0].tolist()
        greedy: Sequence[int] = self._case[f"{question}_greedy"]
        if self._case["plain_from"] is not None:
            session = open_session(self._model, [whole], len(tokens), len(greedy))
            each = torch.cat([session.step([token]) for token in tokens])
            steps = [each[-1:], *(session.step([token]) for token in greedy)]
        else:
            reader = self._reader.fork()
            each = reader.read(tokens, every=True)
            steps = [each[-1:], *(reader.read([token]) for token in greedy)]
        self._compare(each, self._tensors[f"{question}.logits_last_step"][0])
        found = torch.cat(steps)
        self._compare(found, self._tensors[f"{question}.step_logits"][0])
        if self._case[f"{question}_min_top1_margin"] > MARGIN:
            self._greedy &= found.argmax(-1).tolist()[: len(greedy)] == list(greedy)

    def _compare(self, found: Tensor | None, expected: Tensor) -> None:
        if found is None or found.shape != expected.shape:
            raise RuntimeError(f"shape {None if found is None else tuple(found.shape)}, not {tuple(expected.shape)}")
        self._logits = max(self._logits, error_between(found, expected))

    def _compare_kv(self, what: str, kv: KVPrefix) -> None:
        for layer in range(self._model.config.num_hidden_layers):
            for name, found in zip("kv", kv.layers[layer] if kv.layers else (None, None), strict=True):
                expected = self._tensors.get(f"{what}.{name}{layer}")
                held = 0 if found is None else found.shape[1]
                if held != (0 if expected is None else expected.shape[2]):
                    raise RuntimeError(f"{what}: {held} entries, not {0 if expected is None else expected.shape[2]}")
                if found is not None and expected is not None:
                    self._kv = max(self._kv, error_between(found, expected[0]))


def error_between(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference; infinite where a value is none."""
    error = float((found - expected).abs().max())
    return error if math.isfinite(error) else math.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side-by-side", type=int, default=1, help="full windows that are read in one pass")
    given = parser.parse_args()
    outcomes = []
    for outcome in check_folder(given.folder, given.side_by_side):
        sys.stdout.write(f"{outcome}\n")
        sys.stdout.flush()
        outcomes.append(outcome)
    checked = [outcome for outcome in outcomes if not outcome.refused]
    sys.stdout.write(f"{len(checked)} cases checked, {len(outcomes) - len(checked)} not supported\n")
    sys.exit(0 if checked and all(outcome.passed for outcome in checked) else 1)


if __name__ == "__main__":
    main()
