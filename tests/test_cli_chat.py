"""``memorag-graph chat``: a conversation typed line by line."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.cli import main as cli
from memorag_graph.cli import run_graph
from memorag_graph.documents import Document
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY

QUESTION = "Who was proud of the harbour at Thorle?"


@pytest.fixture
def say(registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Type lines into a conversation with a memory; return the exit code, what was shown, and errors."""
    place = tmp_path / "memory"
    registry.memorize([Document("letters.txt", TEXT)], TINY, place)
    monkeypatch.setattr(run_graph, "new_registry", lambda: registry)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "400")

    def typed(*lines: str, place: str = str(place), task: str = "memorag") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        monkeypatch.setattr(sys, "argv", ["memorag-graph", "chat", place, "--task", task, "--generator", "extractive"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err  # type: ignore[return-value]

    return typed


def test_questions_are_answered_with_citations_until_the_end_of_the_input(say: Any) -> None:
    code, out, _ = say(QUESTION, "", "How many lorries came in 1999?")
    assert code == 0
    assert out.count("Citations") == 2
    assert "letters.txt:" in out


def test_clues_and_evidence_of_an_answer_can_be_shown(say: Any) -> None:
    _, out, _ = say(QUESTION, "/evidence", "/clues", "/history", "/quit", "never asked")
    after = out.partition("Confidence")[2]
    assert f"question: {QUESTION}" in after
    assert f"1. {QUESTION}" in after
    assert "recalled from memory" in after
    assert "never asked" not in out


def test_the_task_can_be_changed(say: Any) -> None:
    _, out, err = say("/task", "/task lookup", "/task sing", QUESTION, "/task qa", QUESTION)
    assert "Task: memorag" in out
    assert "Task: lookup" in out
    assert "'sing' is unknown; choose from" in " ".join(err.split())
    assert out.count("recalled from memory, unverified") == 1


@pytest.mark.parametrize(("line", "shown"), [("/sing", "Unknown command /sing"), ("/help", "/evidence")])
def test_commands_explain_themselves(say: Any, line: str, shown: str) -> None:
    assert shown in say(line)[1]


def test_an_error_does_not_end_the_conversation(say: Any) -> None:
    code, out, err = say("/clues", QUESTION)
    assert code == 0
    assert "there is no answer yet" in " ".join(err.split())
    assert "Citations" in out


@pytest.mark.parametrize(("change", "message"), [({"place": "nowhere"}, "nowhere"), ({"task": "sing"}, "is unknown")])
def test_an_unknown_memory_or_task_is_refused(say: Any, change: dict[str, str], message: str) -> None:
    code, _, err = say(QUESTION, **change)
    assert code == 2
    assert message in " ".join(err.split())
