"""The code and commands of the README and the pages work."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from memorag_graph.cli.main import app
from tests.conftest import EXAMPLE
from tests.openai_server import OpenAIServer

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.embedded
def test_the_code_runs(
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
    letters = EXAMPLE.read_text(encoding="utf-8")[:2000]
    (tmp_path / "examples" / "skerrow_letters.txt").write_text(letters, encoding="utf-8")
    (first,) = blocks(README, "python")
    assert first.count("\n") == 12
    shared: dict[str, object] = {}
    exec(compile(first, "README.md", "exec"), shared)
    assert "million" in capsys.readouterr().out
    others = blocks(ROOT / "docs" / "interfaces.md", "python")
    assert len(others) == 5
    for code in others:
        exec(compile(code.replace("http://localhost:8000", openai_server.url), "interfaces.md", "exec"), shared)
        assert capsys.readouterr().out.strip()


def test_pages_repeat_the_readme_to_the_letter() -> None:
    assert blocks(ROOT / "docs" / "quickstart.md", "python") == blocks(README, "python")
    assert blocks(ROOT / "docs" / "index.md", "mermaid") == blocks(README, "mermaid")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_exist(page: Path) -> None:
    lines = [line.split(" #")[0].strip() for block in blocks(page, "sh") for line in block.splitlines()]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    for line in lines:
        if line.startswith("make "):
            assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE), line
        elif line.startswith("memorag-graph "):
            command: Any = group
            arguments = shlex.split(line)[1:]
            while arguments and arguments[0] in getattr(command, "commands", {}):
                command = command.commands[arguments.pop(0)]
            assert command is not group, line
            options = {name for option in command.params for name in option.opts}
            assert {argument for argument in arguments if argument.startswith("--")} <= options, line


def test_the_readme_is_short() -> None:
    assert README.read_text(encoding="utf-8").count("\n") <= 150
