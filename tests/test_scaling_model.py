"""The arithmetic of docs/scaling.md: it predicts the size it comes from, and the page shows its figures."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from memorag_graph.kv.encoding import encode
from memorag_graph.kv.prefix import KVPrefix

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("scaling_model")


@pytest.fixture
def result() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / "scaling_model.json").read_text(encoding="utf-8"))
    return found


def test_it_predicts_the_size_that_it_comes_from(model: Any, result: dict[str, Any]) -> None:
    library, memories = result["measured"]["libraries"][0], result["measured"]["memories"][0]
    constants = model.Constants.of(library, memories)
    assert constants == model.Constants(**result["constants"])
    predicted = constants.library(library["tokens"], library["documents"])
    assert predicted == pytest.approx({name: library[name] for name in predicted})
    remembered = constants.memories(memories["tokens"])
    assert remembered["remembered_tokens"] == pytest.approx(memories["remembered_tokens"])


def test_ten_times_the_chunks_take_ten_times_the_bytes_of_text(model: Any, result: dict[str, Any]) -> None:
    constants = model.Constants(**result["constants"])
    for smaller, larger in zip(model.SIZES, model.SIZES[1:], strict=False):
        before, after = constants.at(smaller), constants.at(larger)
        for name in ("tokens", "text_gb", "gists_gb", "keys_and_values_7b_16_bits_gb", "intake_core_hours"):
            assert after[name] == pytest.approx(10 * before[name])
        assert before["question_core_seconds"] <= after["question_core_seconds"] <= 10 * before["question_core_seconds"]


@pytest.mark.parametrize(
    ("storage", "name"),
    [("float16", "float16 (float32)"), ("int8", "int8 (float32)"), ("int4", "int4 (float32)")],
)
def test_the_bytes_of_a_token_are_those_that_are_stored(model: Any, storage: Any, name: str) -> None:
    shape, tokens = model.EMBEDDED, 2048
    torch.manual_seed(0)
    keys, values = (torch.randn(shape.heads, tokens, shape.size) for _ in range(2))
    stored = encode(KVPrefix([(keys, values)]), storage, None)
    held = sum(part.nbytes for part in stored.values()) * shape.layers / tokens
    assert held == pytest.approx(model.FORMATS[name], rel=0.02)


def test_the_checks_of_published_results_are_current(model: Any, result: dict[str, Any]) -> None:
    published = [it for it in result["checks"] if it["source"] != "here"]
    assert list(model.checks_published(RESULTS)) == published
    assert result["misses"] == [it for it in result["checks"] if abs(it["predicted"] / it["measured"] - 1) > 0.2]


def test_the_page_shows_the_figures(model: Any, result: dict[str, Any]) -> None:
    tables = importlib.import_module("scaling_tables")
    assert result["sizes"] == [model.Constants(**result["constants"]).at(chunks) for chunks in model.SIZES]
    assert tables.table(result["sizes"]) in PAGE
    assert tables.table_of_checks(result["checks"]) in PAGE
    for miss in result["misses"]:
        assert f"`{miss['what']}`" in PAGE.split("The misses:")[1]
