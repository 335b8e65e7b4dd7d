"""The examples run, with the embedded models and a shorter document."""

import re
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

with suppress(ImportError):
    import mcp.client.stdio  # noqa: F401 - it gives servers the sys.stderr of its first import, which must be a file

from tests.conftest import EXAMPLE
from tests.openai_server import REPLY, OpenAIServer
from tests.servers import ROOT, langgraph_dev, memorag_serve

pytestmark = pytest.mark.embedded

_CHARACTERS = 500


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
def run(
    place: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run a script as the main program and return what it prints; one process loads torch and the models once."""
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(place / "home"))
    monkeypatch.chdir(place)

    def run(script: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        runpy.run_path(str(place / script), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    yield server
    server.shutdown()
    server.server_close()


def test_the_python_interface(run: Callable[..., str]) -> None:
    printed = run("python_api.py")
    assert printed.startswith("Detected language: en\nContext length: ")
    assert re.search(r"^  \[\d+\] characters \d+ to \d+: ", printed, re.MULTILINE)


def test_the_chain(run: Callable[..., str]) -> None:
    printed = run("lcel_chain.py")
    assert "found by " in printed
    assert f"{EXAMPLE.name} says: " in printed


def test_the_library(run: Callable[..., str]) -> None:
    printed = run("library.py")
    assert printed.startswith("1 letters, ")
    assert re.search(r"^\[\d+\] letter for 2014: .*thirty-four weeks", printed, re.MULTILINE)


def test_the_langchain_agent(run: Callable[..., str]) -> None:
    pytest.importorskip("langchain.agents", reason="needs pip install 'memorag-graph[agents]'")
    printed = run("langchain_agent.py")
    assert "system: A search of the document for the user's question found these passages." in printed
    assert "\nai: On 3 March 2014." in printed


def test_the_agents_tool(run: Callable[..., str]) -> None:
    printed = run("agent_tool.py")
    assert [line.partition(":")[0] for line in printed.splitlines() if line.startswith(("human:", "ai:", "tool:"))] == [
        "human",
        "ai",
        "tool",
        "ai",
    ]
    assert f"{EXAMPLE.name}:" in printed


def test_a_served_generator(run: Callable[..., str], openai: OpenAIServer) -> None:
    printed = run("openai_generator.py")
    assert printed.splitlines()[0] == REPLY
    assert "1 calls, 120 tokens" in printed


def test_the_services_clients(place: Path, run: Callable[..., str], tmp_path: Path) -> None:
    with memorag_serve(tmp_path, {"MEMORAG_GRAPH_HOME": str(place / "home")}) as url:
        for client in ("langserve_client.py", "openai_client.py"):
            printed = run(client, url)
            assert re.search(rf"\[\d+\] {re.escape(EXAMPLE.name)}: ", printed)


def test_the_mcp_client(run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    printed = run("mcp_client.py")
    assert printed.startswith("tools: list_memories, search, ask, summarize, memorize\n")
    assert re.search(rf"\[\d+\] {re.escape(EXAMPLE.name)}: ", printed)


@pytest.fixture(scope="module")
def langgraph_server(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a LangGraph server."""
    with langgraph_dev(tmp_path_factory.mktemp("server"), {"MEMORAG_GRAPH_HOME": str(place / "home")}) as url:
        yield url


def test_the_langgraph_servers_client(run: Callable[..., str], langgraph_server: str) -> None:
    printed = run("langgraph_client.py", langgraph_server)
    assert "not verified" in printed.splitlines()[-1]


def test_what_agent_chat_ui_sends(run: Callable[..., str], langgraph_server: str) -> None:
    printed = run("agent_chat_ui.py", langgraph_server)
    answers = re.findall(r"^ai: (.*)\n  \[\d+\] (.*): .*", printed, re.MULTILINE)
    assert len(answers) == 2
    assert answers[0][0].count("thirty-four weeks") == 1, "no piece is streamed twice"
    assert "3 March" in answers[1][0]
    assert {source for _, source in answers} == {EXAMPLE.name}
    assert printed.endswith("messages: human, ai, human, ai\n")


def test_a_remote_graph(run: Callable[..., str], langgraph_server: str) -> None:
    printed = run("remote_graph.py", langgraph_server)
    assert re.search(rf"^ai: .*thirty-four weeks.*\n  \[\d+\] {re.escape(EXAMPLE.name)}: ", printed, re.MULTILINE)
    assert re.findall(r"^step: (\w+)", printed, re.MULTILINE)[-1] == "generate"
