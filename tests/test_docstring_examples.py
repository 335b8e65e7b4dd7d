"""Each public class and function has one usage example in its docstring, which runs and prints what it shows."""

import doctest
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import memorag_graph
from memorag_graph.documents import from_text
from memorag_graph.graph import registry
from memorag_graph.langchain.runnable import MemoRAGRunnable
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.openai_server import OpenAIServer

pytestmark = pytest.mark.embedded

TEXT = (
    "Captain Struan was proud of the harbour at Thorle. The ferry calls on Tuesdays and Fridays. "
    "In 1971 the lighthouse burned down, and Captain Petrie rebuilt it in stone. The school has nine pupils."
)
DOCUMENTED = [*(getattr(memorag_graph, name) for name in memorag_graph.__all__), MemoRAGRunnable, Registry, RunOptions]


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory, embedded_home: Path) -> Path:
    """A home for all examples, so that memories are built once."""
    directory = tmp_path_factory.mktemp("home")
    (embedded_home / "models").mkdir(parents=True, exist_ok=True)
    (directory / "models").symlink_to(embedded_home / "models", target_is_directory=True)
    return directory


@pytest.fixture
def names(
    home: Path, shared_home: Path, monkeypatch: pytest.MonkeyPatch, openai_server: OpenAIServer
) -> dict[str, Any]:
    """Names that examples may use without defining them."""
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(shared_home))
    opened = registry.memorize([from_text(TEXT)], RunOptions(model="embedded"))
    return {"text": TEXT, "memory_id": opened.memory.id, "server_url": f"{openai_server.url}/v1"}


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda documented: documented.__name__)
def test_the_example_shows_what_happens(documented: Any, names: dict[str, Any]) -> None:
    module = import_module(documented.__module__)
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(documented, globs={**vars(module), **names})
    assert example.docstring is not None
    assert example.docstring.count("Example:\n") == 1
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert result.attempted > 1
    assert not result.failed, "".join(report)
