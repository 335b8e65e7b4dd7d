"""Measure the package on one GPU against transformers' own ``generate`` and against the card's peak.

python benchmarks/gpu.py            # meant for six minutes of one card; writes benchmarks/results/gpu.json
python benchmarks/gpu.py --tiny --device cpu --to DIRECTORY     # a dry run: every stage, no figure of worth

Seeded weights of the shape of Qwen2.5-1.5B, so nothing is downloaded: speed does not depend on what the weights know.
The peak is what large matrix products and copies reach in the same run. The result is written after every stage.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from common import DOCUMENT, RESULTS, build, write_result
from gpu_model import FULL_PLAN, TINY_PLAN, Plan, batch_cache, save_seeded, weights
from transformers import DynamicCache

from memorag_graph.inference import decode_session
from memorag_graph.inference.chosen_paths import fast_paths_of, use_fast_paths
from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.prefix_attention import FLASH_MEMORY_ATTENTION, MEMORY_ATTENTION
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.loading import ModelSource, load_language_model, silence_libraries
from memorag_graph.settings import MemorySettings

GOALS = {"prefill_share_of_peak": 0.6, "decode_share_of_bandwidth": 0.5, "times_faster_than_generate": 1.0}

T = TypeVar("T")


class Card:
    """Runs and times work on a device."""

    def __init__(self, device: str, repeats: int) -> None:
        self.device = torch.device(device)
        self._repeats = repeats

    @property
    def name(self) -> str:
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"

    def seconds(self, work: Callable[[], object], repeats: int = 0) -> float:
        """Return the median seconds of some work, after a run that warms it up."""
        work()
        return statistics.median(self.timed(work)[0] for _ in range(repeats or self._repeats))

    def timed(self, work: Callable[[], T]) -> tuple[float, T]:
        """Return the seconds of some work, and its result."""
        self._wait()
        began = time.perf_counter()
        result = work()
        self._wait()
        return time.perf_counter() - began, result

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class Bench:
    """The stages.

    Args:
        plan: What is measured.
        card: Where.
        directory: Holds the seeded weights and memories.
    """

    def __init__(self, plan: Plan, card: Card, directory: Path) -> None:
        self._plan = plan
        self._card = card
        self._directory = directory
        self._dtype = "bfloat16" if card.device.type == "cuda" else "float32"
        save_seeded(plan.config, directory / "model", card.device, getattr(torch, self._dtype))
        self._loaded = self._load()
        self._model = self._loaded.model
        generator = torch.Generator().manual_seed(0)
        self._tokens: list[int] = torch.randint(
            0, plan.config.vocab_size, (plan.remembered,), generator=generator
        ).tolist()
        self._memory = self._read(self._loaded)
        self._peak: dict[str, float] = {}

    def peak(self) -> dict[str, Any]:
        """Operations per second of large matrix products, and bytes per second read and written by a copy."""
        dtype, device, side = self._model.dtype, self._card.device, self._plan.side
        first, second = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        source = torch.ones(self._plan.copied // 4, device=device)
        target = torch.empty_like(source)
        self._peak = {
            "operations_per_second": 2 * side**3 / self._card.seconds(lambda: first @ second, 9),
            "bytes_per_second": 2 * source.nbytes / self._card.seconds(lambda: target.copy_(source), 9),
        }
        return self._peak

    def prefill(self) -> dict[str, Any]:
        """Seconds to read the memory's tokens: in pieces, with and without FlashAttention; by transformers alone."""
        ids = torch.tensor([self._tokens], device=self._card.device)
        forward = self._stock(lambda: self._card.seconds(lambda: self._forward(ids)))
        found: dict[str, Any] = {"tokens": len(self._tokens), "transformers_seconds": forward}
        chosen = self._model.config._attn_implementation
        implementations = dict.fromkeys([chosen, MEMORY_ATTENTION])
        for implementation in implementations:
            self._model.set_attn_implementation(implementation)
            for piece in self._plan.pieces:
                seconds = self._card.seconds(partial(self._read, self._loaded, piece))
                name = "flash" if implementation == FLASH_MEMORY_ATTENTION else "plain"
                found[f"{name}_{piece}"] = {
                    "seconds": seconds,
                    "share_of_peak": self._operations() / self._peak["operations_per_second"] / seconds,
                    "times_faster_than_transformers": forward / seconds,
                }
        self._model.set_attn_implementation(chosen)
        return found

    def decode(self) -> dict[str, Any]:
        """Seconds of a decoding step behind the memory, with and without CUDA graphs, and in ``generate``."""
        paths = fast_paths_of(self._model)
        found: dict[str, Any] = {"remembered": len(self._tokens), "graphs": paths.captured_steps}
        for rows in self._plan.rows:
            least = self._step_bytes(rows) / self._peak["bytes_per_second"]
            generating, theirs = self._stock(partial(self._generate, rows))
            seconds, ours = self._steps(self._loaded, rows)
            use_fast_paths(self._model, replace(paths, captured_steps=False))
            without, _ = self._steps(self._loaded, rows)
            use_fast_paths(self._model, paths)
            found[f"rows_{rows}"] = {
                "seconds": seconds,
                "seconds_without_graphs": without,
                "seconds_generate": generating,
                "share_of_bandwidth": least / seconds,
                "times_faster_than_generate": generating / seconds,
                "same_tokens": sum(map(int.__eq__, ours, theirs)) / len(theirs),
            }
        return found

    def memorize(self) -> dict[str, Any]:
        """Seconds to make a full memory of a text, a token per character."""
        text = DOCUMENT.read_text(encoding="utf-8")[: len(self._tokens)]
        model = LocalMemoryModel(self._loaded)
        seconds, _ = self._card.timed(lambda: build(model, text, MemorySettings(kind="full")))
        return {"characters": len(text), "seconds": seconds, "tokens_per_second": len(text) / seconds}

    def four_bits(self) -> dict[str, Any]:
        """The same with weights in 4 bits: seconds to read the memory's tokens, and of decoding steps."""
        if importlib.util.find_spec("bitsandbytes") is None:
            return {"left_out": "bitsandbytes is not installed"}
        loaded = self._load(load_in_4bit=True)
        return {
            "graphs": fast_paths_of(loaded.model).captured_steps,
            "prefill_seconds": self._card.seconds(lambda: self._read(loaded)),
            **{f"rows_{rows}_seconds": self._steps(loaded, rows)[0] for rows in self._plan.rows},
        }

    def _load(self, **changes: Any) -> LanguageModel:  # noqa: ANN401 - options of a source
        source = ModelSource(str(self._directory / "model"), str(self._card.device), self._dtype, **changes)
        return load_language_model(source)

    def _read(self, loaded: LanguageModel, piece: int = decode_session.PIECE) -> KVPrefix:
        """Read the memory's tokens in pieces."""
        before, decode_session.PIECE = decode_session.PIECE, piece
        session = open_session(loaded.model, [None], len(self._tokens))
        session.prefill(0, self._tokens)
        decode_session.PIECE = before
        return session.prefix()

    def _steps(self, loaded: LanguageModel, rows: int) -> tuple[float, list[int]]:
        """Return the median seconds of the last half of the steps, and the first row's tokens."""
        session = open_session(loaded.model, [self._memory] * rows, 1, self._plan.steps)
        tokens, seconds, written = [self._tokens[0]] * rows, [], []

        def step() -> list[int]:
            return [int(token) for token in session.step(tokens).argmax(-1).tolist()]

        for _ in range(self._plan.steps):
            took, tokens = self._card.timed(step)
            seconds.append(took)
            written.append(tokens[0])
        return statistics.median(seconds[len(seconds) // 2 :]), written

    def _generate(self, rows: int) -> tuple[float, list[int]]:
        """Return the seconds per token of ``generate``, and the first row's tokens."""
        ids = torch.tensor([[*self._tokens, self._tokens[0]]] * rows, device=self._card.device)

        def seconds(new: int) -> tuple[float, list[int]]:
            cache = batch_cache(self._memory, rows)  # it grows, so each run has one of its own
            how = {"attention_mask": torch.ones_like(ids), "max_new_tokens": new, "do_sample": False}
            took, found = self._card.timed(partial(self._model.generate, ids, past_key_values=cache, **how))
            return took, [int(token) for token in found[0, ids.shape[1] :]]

        seconds(2)
        first, _ = seconds(1)
        whole, written = seconds(self._plan.steps)
        return (whole - first) / (self._plan.steps - 1), written

    def _stock(self, work: Callable[[], T]) -> T:
        """Run some work with transformers' own attention."""
        chosen = self._model.config._attn_implementation
        self._model.set_attn_implementation("sdpa")
        try:
            return work()
        finally:
            self._model.set_attn_implementation(chosen)

    def _forward(self, ids: torch.Tensor) -> None:
        with torch.inference_mode():
            self._model(ids, past_key_values=DynamicCache(), use_cache=True, logits_to_keep=1)

    def _operations(self) -> float:
        """Multiplications and additions of reading the memory's tokens."""
        config, tokens = self._plan.config, len(self._tokens)
        attention = 2.0 * config.hidden_size * config.num_hidden_layers * tokens * tokens
        return 2.0 * (weights(config) - config.vocab_size * config.hidden_size) * tokens + attention

    def _step_bytes(self, rows: int) -> float:
        """Bytes that a step has to read: the weights, and once the keys and values that all rows share."""
        own = rows * self._plan.steps * self._loaded.cache_bytes_per_token
        return float(weights(self._plan.config) * self._model.dtype.itemsize + self._memory.nbytes + own)


def reached(stages: dict[str, Any]) -> dict[str, bool]:
    """Return which goals were reached: the best piece of a prefill, and every number of rows."""
    rows = [stage for name, stage in stages["decode"].items() if name.startswith("rows_")]
    prefills = [stage for stage in stages["prefill"].values() if isinstance(stage, dict)]
    best = max(prefills, key=lambda stage: stage["share_of_peak"])
    faster = [best["times_faster_than_transformers"], *(stage["times_faster_than_generate"] for stage in rows)]
    figures = {
        "prefill_share_of_peak": best["share_of_peak"],
        "decode_share_of_bandwidth": min(stage["share_of_bandwidth"] for stage in rows),
        "times_faster_than_generate": min(faster),
    }
    return {name: figures[name] >= goal for name, goal in GOALS.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a dry run with a tiny model")
    parser.add_argument("--to", type=Path, default=RESULTS, help="directory of the result")
    given = parser.parse_args(arguments)
    silence_libraries()
    plan = TINY_PLAN if given.tiny else FULL_PLAN
    card = Card(given.device, plan.repeats)
    result: dict[str, Any] = {"device": card.name, "goals": GOALS}
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(plan, card, Path(directory))
        for stage in (bench.peak, bench.prefill, bench.decode, bench.memorize, bench.four_bits):
            began = time.perf_counter()
            result[stage.__name__] = stage()
            result.setdefault("stage_seconds", {})[stage.__name__] = time.perf_counter() - began
            write_result("gpu", result, given.to)
    write_result("gpu", {**result, "reached": reached(result)}, given.to)


if __name__ == "__main__":
    main()
