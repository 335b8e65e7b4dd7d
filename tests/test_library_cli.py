"""The commands of a library: what they print, and what they say of mistakes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from memorag_graph.cli import run_graph
from memorag_graph.cli.main import app
from memorag_graph.errors import InputError, LibraryError
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.registry import Registry
from tests.conftest import HashEmbeddings, tiny_model


@pytest.fixture(autouse=True)
def _small_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings(16))
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    monkeypatch.setattr(run_graph, "new_registry", lambda: registry)
    monkeypatch.setenv("MEMORAG_GRAPH_EMBEDDING_MODEL", "hash")
    monkeypatch.setenv("MEMORAG_GRAPH_MODEL", "tiny-llama")
    monkeypatch.setenv("MEMORAG_GRAPH_GENERATOR", "extractive")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    for name, fee in {"thorle": 12, "inshay": 15}.items():
        text = f"# Harbour of {name.title()}\n\nThe mooring fee in {name.title()} is {fee} pounds a night."
        (tmp_path / "files" / f"{name}.md").write_text(text)
    (tmp_path / "files" / "broken.pdf").write_text("This is no PDF file.")


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["library", *arguments, "--library", "lib"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def found(*arguments: str) -> dict[str, object]:
    parsed: dict[str, object] = json.loads(run(*arguments, "--json").stdout)
    return parsed


def test_a_library_from_the_first_file_to_the_last() -> None:
    added = run("add", "files", "--metadata", "year=2021", "--pattern", "*.md", "--pattern", "*.pdf").stdout
    assert added.startswith("Added: 2, could not be read: 1 (2 chunks, ")
    assert "files/broken.pdf: broken.pdf is not a PDF file despite its name" in added
    assert 'To ask it: memorag-graph library ask "..." --library lib' in added

    question = "What is the mooring fee in Inshay?"
    answer = found("ask", question, "--where", "year=2021", "--where", "suffix=.md")
    citations, considered = answer["citations"], answer["considered"]
    assert isinstance(citations, list)
    assert isinstance(considered, list)
    assert (citations[0]["source"], citations[0]["version"], citations[0]["section"]) == (
        "inshay.md", 1, "Harbour of Inshay",
    )  # fmt: skip
    assert considered[0]["name"] == "inshay.md"
    shown = run("ask", question, "--show-considered").stdout
    assert "The mooring fee in Inshay is 15 pounds a night. [1]" in shown
    assert "chunks by words: 1" in shown

    listed = run("list").stdout
    assert "inshay.md" in listed
    assert "year=2021" in listed
    assert max(map(len, listed.splitlines())) <= 80
    assert "No documents." in run("list", "--where", "year=2021", "--where", "pages>3").stdout

    Path("new.md").write_text("# Harbour of Inshay\n\nThe mooring fee in Inshay is 99 pounds a night.")
    assert run("replace", "inshay.md", "new.md").stdout.startswith("New versions: 1 (1 chunks, ")
    assert "inshay.md:" in (now := run("ask", question).stdout)
    assert "99 pounds" in now
    assert ", version 2" in now
    assert "version 1, 2" in run("info", "inshay.md").stdout
    assert found("info", "inshay.md")["version"] == 2

    assert run("remember", "--limit", "1", "--gist-chunk-size", "512").stdout.startswith("Memories made: 1 (0 chunks, ")
    assert found("info", "thorle.md")["memory"] == "ready"
    assert found("info", "inshay.md")["memory"] == "none"
    remembered = found("ask", "Which mooring fee has Thorle?", "--task", "memorag", "--memories", "1")
    assert (remembered["task"], remembered["memory_share"]) == ("memorag", 1.0)
    assert found("ask", question, "--task", "qa", "--memory", "when_asked", "--memories", "1")["basis"] == "memory"

    assert run("export", "all.jsonl").stdout == "Wrote 3 documents to all.jsonl.\n"
    Path("files/thorle.md").unlink()
    synced = found("sync", "files")
    assert (synced["removed"], synced["replaced"], synced["added"]) == (["thorle.md"], ["inshay.md"], [])
    assert run("remove", "inshay.md").stdout.startswith("Removed: 1 (0 chunks, ")
    assert run("list").stdout == "No documents.\n"
    assert "No passage matches" in run("ask", question).stdout or "do not" in run("ask", question).stdout


def test_mistakes_are_told() -> None:
    with pytest.raises(LibraryError, match="there is no library in lib; make one with: memorag-graph library add"):
        run("ask", "What?")
    with pytest.raises(InputError, match="'year' is not of the form KEY=VALUE"):
        run("add", "files", "--metadata", "year")
    with pytest.raises(InputError, match="nowhere does not exist"):
        run("add", "nowhere")
    run("add", "files")
    with pytest.raises(InputError, match="no document has this field"):
        run("ask", "What?", "--where", "year=2021")
    with pytest.raises(InputError, match=r"did you mean 'inshay\.md'"):
        run("remove", "inshai.md")


def test_the_library_may_stand_before_the_question() -> None:
    run("add", "files", "--pattern", "*.md", "--metadata", "year=2021")
    question = "Which mooring fee has Thorle?"
    plain = ["library", "ask", "lib", question, "--where", "year=2021", "--json"]
    asked = CliRunner().invoke(app, plain)
    assert json.loads(asked.stdout)["answer"] == found("ask", question, "--where", "year=2021")["answer"]
    for faulty in (["library", "ask", question], ["library", "ask", "lib", "Which", "fee?"]):
        told = CliRunner().invoke(app, faulty)
        assert told.exit_code == 2
        assert "the question in quotes" in " ".join(told.stderr.split())
