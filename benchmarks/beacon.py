"""Measure beacon memories: attention pattern, growth of the memory, time saved by reading windows in parallel.

    python benchmarks/beacon.py [--figure docs/beacon.png]

The model is the embedded one; its beacon projections are untrained copies of its own. Size and layout of its memories
are those of a trained checkpoint, but their content is not useful for answers.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from common import DOCUMENT, ROOT, write_result
from torch import Tensor
from transformers import AttentionInterface, AutoTokenizer, LlamaForCausalLM, PreTrainedModel

from memorag_graph.beacon.checkpoint import attach_beacons, beacon_class, read_config
from memorag_graph.beacon.compressor import BeaconCompressor
from memorag_graph.beacon.config import BeaconConfig
from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.prefix_attention import MEMORY_ATTENTION, Past, memory_attention
from memorag_graph.models.device import choose_dtype
from memorag_graph.models.embedded import language_model_dir
from memorag_graph.models.loading import silence_libraries

WINDOW, SMALL_WINDOW, RATIO = 1024, 32, 4
RATIOS = (2, 4, 8, 16)
TOKENS = 4 * WINDOW
REPEATS = 3
CAPTURE = "beacon_figure"


def make_model() -> tuple[PreTrainedModel, BeaconConfig]:
    """Return the embedded model with untrained beacons."""
    config = read_config(str(language_model_dir()))
    config.update({"beacon_window": WINDOW, "beacon_stride": WINDOW, "beacon_param": ["q", "k", "v"]})
    dtype = choose_dtype("auto", torch.device("cpu"))
    model = beacon_class(LlamaForCausalLM).from_pretrained(language_model_dir(), config=config, dtype=dtype)
    inner: Any = model.base_model
    inner.beacon_embed_tokens.weight.data[:] = inner.embed_tokens.weight.data[config.eos_token_id]
    for layer in inner.layers:
        for name in "qkv":
            getattr(layer.self_attn, f"beacon_{name}_proj").load_state_dict(
                getattr(layer.self_attn, f"{name}_proj").state_dict()
            )
    attach_beacons(model)
    model.set_attn_implementation(MEMORY_ATTENTION)
    beacons = BeaconConfig.of(config)
    if beacons is None:
        raise RuntimeError("the config has no beacons")
    return model.eval(), replace(beacons, ratios=(RATIO,))


def attention_of(model: PreTrainedModel, beacons: BeaconConfig, tokens: Sequence[int]) -> Tensor:
    """Return the third window's attention in the first layer, averaged over heads: (entries, memory + entries)."""
    seen: list[Tensor] = []

    def capture(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        past: Past = kwargs["memory_past"]

        def probe(layer: int, queries: Tensor, own: Tensor) -> None:
            if layer == 0:
                held = [prefix.layers[0][0] for _, prefix in past.prefixes]
                keys = torch.cat([*held, own[0]], dim=1).repeat_interleave(queries.shape[1] // own.shape[1], 0).float()
                scores = queries[0].float() @ keys.transpose(-1, -2)
                ahead = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(keys.shape[1] - queries.shape[2] + 1)
                seen.append(scores.masked_fill(ahead, float("-inf")).softmax(-1).mean(0))

        kwargs["memory_past"] = replace(past, probe=probe)
        return memory_attention(*args, **kwargs)

    AttentionInterface.register(CAPTURE, capture)
    reader = BeaconCompressor(model, replace(beacons, window=SMALL_WINDOW))
    model.set_attn_implementation(CAPTURE)
    reader.read(tokens[: 3 * SMALL_WINDOW])
    model.set_attn_implementation(MEMORY_ATTENTION)
    return seen[-1]


def growth(model: PreTrainedModel, beacons: BeaconConfig, tokens: Sequence[int], ratio: int) -> list[tuple[int, int]]:
    """Return the tokens read and the entries in memory, after every quarter of a window."""
    reader = BeaconCompressor(model, replace(beacons, ratios=(ratio,)))
    points, step = [], WINDOW // 4
    for start in range(0, len(tokens), step):
        reader.read(tokens[start : start + step])
        points.append((start + step, reader.prefix().length))
    return points


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def draw(path: Path, attention: Tensor, grown: dict[int, list[tuple[int, int]]]) -> None:
    memory = 2 * SMALL_WINDOW // RATIO
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), gridspec_kw={"width_ratios": [1.25, 1]})
    left.imshow(attention.clamp_min(1e-6).log10(), cmap="magma", vmin=-3.5, vmax=0, aspect="auto")
    left.axvline(memory - 0.5, color="white", linewidth=1)
    for place in range(RATIO, attention.shape[0], RATIO + 1):
        left.plot([-1.2], [place], marker=">", color="tab:cyan", clip_on=False, markersize=5)
        left.plot(
            [memory + place], [attention.shape[0] + 0.2], marker="^", color="tab:cyan", clip_on=False, markersize=5
        )
    left.set_xlabel(f"memory of two windows ({memory} beacons) | third window")
    left.set_ylabel("third window; ▸ beacons")
    left.set_title("Attention in the third window (log scale)")
    longest = max(tokens for tokens, _ in grown[RATIOS[0]])
    right.plot([0, longest], [0, longest], color="grey", linestyle="--", label="all keys and values")
    for ratio, points in grown.items():
        right.plot(*zip((0, 0), *points, strict=True), label=f"ratio {ratio}")
    right.set_xlabel("tokens read")
    right.set_ylabel("entries held in each layer")
    right.set_title(f"Growth of the memory, windows of {WINDOW}")
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, default=ROOT / "docs" / "beacon.png")
    given = parser.parse_args()
    silence_libraries()
    model, beacons = make_model()
    tokenizer = AutoTokenizer.from_pretrained(language_model_dir())
    tokens = tokenizer(DOCUMENT.read_text(encoding="utf-8"), add_special_tokens=False)["input_ids"][:TOKENS]
    grown = {ratio: growth(model, beacons, tokens[: 4 * WINDOW], ratio) for ratio in RATIOS}
    draw(given.figure, attention_of(model, beacons, tokens), grown)
    times: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        for name, work in {
            "one window at a time": lambda: BeaconCompressor(model, beacons).read(tokens),
            "four side by side": lambda: BeaconCompressor(model, beacons, 4).read(tokens),
            "without beacons": lambda: open_session(model, [None], TOKENS).prefill(0, tokens),
        }.items():
            times.setdefault(name, []).append(seconds(work))
    medians = {name: statistics.median(each) for name, each in times.items()}
    write_result(
        "beacon",
        {
            "tokens": TOKENS, "window": WINDOW, "ratio": RATIO,
            "dtype": str(model.dtype).removeprefix("torch."),
            "seconds": {name: round(it, 2) for name, it in medians.items()},
            "side_by_side_to_one_at_a_time": round(medians["one window at a time"] / medians["four side by side"], 2),
            "entries": {ratio: points[-1][1] for ratio, points in grown.items()},
            "all_seconds": times,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
