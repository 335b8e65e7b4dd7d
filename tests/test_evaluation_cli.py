"""The command ``eval``: output, exit codes, messages."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.cli import main as cli
from memorag_graph.registry import Registry
from tests.conftest import TEXT

TINY = ("--model", "tiny-llama", "--embedding-model", "hash", "--chunk-size", "64", "--budget", "192")
TWO = ("--pipelines", "dense,bm25")


@pytest.fixture
def call(registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr("memorag_graph.registry.Registry", lambda: registry)

    def run_command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["memorag-graph", "eval", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, " ".join(captured.err.split())

    return run_command


@pytest.fixture
def folder(tmp_path: Path) -> str:
    place = tmp_path / "letters"
    place.mkdir()
    (place / "log.txt").write_text(TEXT)
    questions = [
        {"document": "log.txt", "query": f"What did the ferry carry in {year}?", "evidence": [f"In the year {year}"]}
        for year in range(1990, 1994)
    ]
    (place / "questions.jsonl").write_text("".join(f"{json.dumps(question)}\n" for question in questions))
    return str(place)


def test_a_folder_of_your_own_from_the_command_line(call: Any, folder: str, tmp_path: Path) -> None:
    place = tmp_path / "out"
    code, shown, error = call(folder, *TWO, *TINY, "--out", str(place), "--limit", "3")
    assert code == 0, error
    assert "evidence_recall" in shown
    assert f"Report: {place / 'report.md'}" in shown
    found = json.loads((place / "results.json").read_text())
    assert {name: metrics["evidence_recall"]["n"] for name, metrics in found.items()} == {"dense": 3, "bm25": 3}
    report = (place / "report.md").read_text()
    assert "| pipeline | evidence_recall | evidence_precision | ndcg |" in report
    assert "## Differences from dense" in report
    assert all((place / name).exists() for name in ("config.json", "items/dense.jsonl", "plots/recall_by_budget.png"))
    code, again, _ = call(folder, *TWO, *TINY, "--out", str(place), "--limit", "3", "--json")
    assert code == 0
    assert json.loads(again) == found  # seconds and all: nothing was asked again


def test_metrics_that_no_question_has_give_an_empty_table(call: Any, folder: str, tmp_path: Path) -> None:
    only = ("--metrics", "citation_hit", "--no-answers")
    code, shown, error = call(folder, *TWO, *TINY, "--out", str(tmp_path / "out"), *only)
    assert code == 0, error
    assert "Report:" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pipelines", "dense,sparse"), "pipelines: 'sparse' is unknown"),
        (("--metrics", "bleu"), "metrics: 'bleu' is unknown"),
        (("--prices", "cheap"), "prices: 'cheap' is not of the form READ,WRITTEN"),
        (("--prices", "-1,2"), "prices: must be two finite numbers"),
        (("--prices", "1,inf"), "prices: must be two finite numbers"),
        (("--baseline", "hyde"), "baseline: 'hyde' is not among the pipelines"),
        (("--kind", "dream"), "kind: "),
    ],
)
def test_invalid_arguments_end_with_code_2(
    call: Any, folder: str, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, _, error = call(folder, *TWO, *TINY, "--out", str(tmp_path / "out"), *arguments)
    assert code == 2
    assert message in error


def test_an_invalid_data_set_ends_with_code_2(call: Any, folder: str, tmp_path: Path) -> None:
    path = Path(folder) / "questions.jsonl"
    path.write_text(path.read_text().replace('"In the year 1991"', '"In the year 1891"'))
    code, _, error = call(folder, *TWO, *TINY, "--out", str(tmp_path / "out"))
    assert code == 2
    assert "questions.jsonl, line 2: the quotation 'In the year 1891' does not occur in the document" in error


def test_a_second_process_is_refused(call: Any, folder: str, tmp_path: Path) -> None:
    from memorag_graph.evaluation.runner import locked

    with locked(tmp_path / "out"):
        code, _, error = call(folder, *TWO, *TINY, "--out", str(tmp_path / "out"))
    assert code == 2
    assert "another evaluation is running in" in error


def test_a_missing_extra_names_the_command_that_installs_it(
    call: Any, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("memorag_graph.evaluation")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rouge_score", None)
    code, _, error = call(folder, *TWO, *TINY, "--out", str(tmp_path / "out"))
    assert code == 2
    assert "pip install 'memorag-graph[eval]'" in error
