"""The examples run: each as a process of its own, with the embedded models and a shorter document."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import EXAMPLE
from tests.openai_server import REPLY, OpenAIServer
from tests.servers import ROOT, langgraph_dev, memorag_serve

pytestmark = pytest.mark.embedded

_CHARACTERS = 2500


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, embedded_home: Path) -> Path:
    """A copy of the examples, with a shorter document, and a home of its own."""
    place = tmp_path_factory.mktemp("examples")
    for script in EXAMPLE.parent.glob("*.py"):
        shutil.copy(script, place)
    (place / EXAMPLE.name).write_text(EXAMPLE.read_text(encoding="utf-8")[:_CHARACTERS], encoding="utf-8")
    (place / "home").mkdir()
    (embedded_home / "models").mkdir(parents=True, exist_ok=True)
    (place / "home" / "models").symlink_to(embedded_home / "models", target_is_directory=True)
    return place


@pytest.fixture
def environment(place: Path) -> dict[str, str]:
    return {"MEMORAG_GRAPH_HOME": str(place / "home"), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def run(place: Path, environment: dict[str, str], script: str, *arguments: str) -> str:
    command = [sys.executable, str(place / script), *arguments]
    finished = subprocess.run(
        command, env={**os.environ, **environment}, cwd=place, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    yield server
    server.shutdown()
    server.server_close()


def test_the_python_interface(place: Path, environment: dict[str, str]) -> None:
    told = run(place, environment, "python_api.py")
    assert told.startswith("Detected language: en\nContext length: ")
    assert re.search(r"^  \[\d+\] characters \d+ to \d+: ", told, re.MULTILINE)


def test_the_chain(place: Path, environment: dict[str, str]) -> None:
    assert "found by " in run(place, environment, "lcel_chain.py")


def test_the_agents_tool(place: Path, environment: dict[str, str]) -> None:
    told = run(place, environment, "agent_tool.py")
    assert [line.partition(":")[0] for line in told.splitlines() if line.startswith(("human:", "ai:", "tool:"))] == [
        "human",
        "ai",
        "tool",
        "ai",
    ]
    assert f"{EXAMPLE.name}:" in told


def test_a_served_generator(place: Path, environment: dict[str, str], openai: OpenAIServer) -> None:
    told = run(place, environment, "openai_generator.py")
    assert told.splitlines()[0] == REPLY
    assert "1 calls, 120 tokens" in told


def test_the_services_client(place: Path, environment: dict[str, str], tmp_path: Path) -> None:
    with memorag_serve(tmp_path, environment) as url:
        told = run(place, environment, "langserve_client.py", url)
    assert re.search(rf"\[\d+\] {re.escape(EXAMPLE.name)}: ", told)


def test_the_langgraph_servers_client(place: Path, environment: dict[str, str], tmp_path: Path) -> None:
    with langgraph_dev(tmp_path, environment) as url:
        told = run(place, environment, "langgraph_client.py", url)
    assert "not verified" in told.splitlines()[-1]
