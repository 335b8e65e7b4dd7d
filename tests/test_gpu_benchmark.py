"""The benchmark for GPUs runs every stage, here with a tiny model on the CPU, and its shares are right."""

import importlib
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_the_dry_run_measures_every_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    gpu = importlib.import_module("gpu")
    model = importlib.import_module("gpu_model")
    gpu.main(["--tiny", "--device", "cpu", "--to", str(tmp_path)])
    result = json.loads((tmp_path / "gpu.json").read_text())
    plan = model.TINY_PLAN

    assert result["peak"].keys() == {"operations_per_second", "bytes_per_second"}
    for piece in plan.pieces:
        measured = result["prefill"][f"plain_{piece}"]
        done = measured["share_of_peak"] * measured["seconds"] * result["peak"]["operations_per_second"]
        products = 2 * plan.remembered * 2 * (64 * (64 + 2 * 2 * 16) + 64 * 64 + 3 * 64 * 128)
        attention = 2 * 2 * 2 * 64 * sum(range(plan.remembered))  # scores and sums of values, in two layers
        assert done == pytest.approx(products + attention, rel=0.02)
    for rows in plan.rows:
        measured = result["decode"][f"rows_{rows}"]
        assert measured["same_tokens"] == 1
        read = measured["share_of_bandwidth"] * measured["seconds"] * result["peak"]["bytes_per_second"]
        remembered = 2 * 2 * 2 * 16 * 4 * plan.remembered
        assert read == pytest.approx(4 * model.weights(plan.config) + remembered, rel=0.1)
    assert result["memorize"]["tokens_per_second"] > 0
    assert "prefill_seconds" in result["four_bits"] or "left_out" in result["four_bits"]
    assert result["reached"].keys() == result["goals"].keys()


def test_the_full_plan_has_the_shape_of_qwen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    model = importlib.import_module("gpu_model")
    assert model.weights(model.FULL_PLAN.config) == 1_543_714_304
