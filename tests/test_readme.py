"""The README is true: its code runs, its commands and files exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from memorag_graph.cli.main import app
from tests.conftest import EXAMPLE
from tests.openai_server import OpenAIServer

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.embedded
def test_the_example_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    embedded_home: Path,
    capsys: pytest.CaptureFixture[str],
    openai_server: OpenAIServer,
) -> None:
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path))
    (tmp_path / "models").symlink_to(embedded_home / "models", target_is_directory=True)
    (embedded_home / "models").mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").mkdir()
    letters = EXAMPLE.read_text(encoding="utf-8")[:9000]
    (tmp_path / "examples" / "skerrow_letters.txt").write_text(letters, encoding="utf-8")
    first, *others = blocks("python")
    assert first.count("\n") == 12
    shared: dict[str, object] = {}
    exec(compile(first, "README.md", "exec"), shared)
    assert "million" in capsys.readouterr().out
    assert len(others) == 3
    for code in others:
        exec(compile(code.replace("http://localhost:8000", openai_server.url), "README.md", "exec"), shared)
        assert capsys.readouterr().out.strip()


def test_the_commands_exist() -> None:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    for line in filter(None, lines):
        program, command, *arguments = shlex.split(line)
        if program == "make":
            assert re.search(rf"^{command}:", makefile, re.MULTILINE), line
            continue
        options = {name for parameter in group.commands[command].params for name in parameter.opts}  # type: ignore[attr-defined]
        assert program == "memorag-graph"
        assert {argument for argument in arguments if argument.startswith("--")} <= options, line


def test_the_files_it_names_exist() -> None:
    named = set(re.findall(r"`((?:tests|benchmarks|docs|examples)/[\w./]+)`", README))
    named |= set(re.findall(r"\]\(((?!http)[^)]+)\)", README))
    assert len(named) > 12
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
