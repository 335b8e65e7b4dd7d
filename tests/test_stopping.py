"""A service that is stopped ends soon, and what it had written of a memory is used by the next one."""

import json
from pathlib import Path

import httpx
import pytest

from memorag_graph.documents import from_text
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, HashEmbeddings, tiny_model
from tests.servers import memorag_serve

pytestmark = pytest.mark.embedded

SETTINGS = {"gist_chunk_size": 256, "gist_tokens": 128}
LONG = "\n\n".join(TEXT.replace("ferry", f"ferry number {number}") for number in range(6))


def progress(url: str, most_notes: int) -> list[dict[str, object]]:
    """Memorize, reading the events until some notes are written; return the progress of writing them."""
    body = {"documents": [{"name": "a.txt", "text": LONG}], "settings": SETTINGS}
    told: list[dict[str, object]] = []
    with httpx.stream(
        "POST", f"{url}/memories", json=body, headers={"Accept": "text/event-stream"}, timeout=300
    ) as got:
        for line in got.iter_lines():
            if line.startswith("event: error"):
                pytest.fail(next(got.iter_lines()))
            found = json.loads(line[6:]) if line.startswith("data: {") else {}
            if found.get("stage") == "gists":
                told.append(found)
            if sum(bool(it["note"]) for it in told) >= most_notes:
                break
    return told


def test_a_stopped_service_ends_and_the_next_one_resumes(
    tmp_path: Path, embedded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama")
    model.model.save_pretrained(tmp_path / "model")
    model.tokenizer.save_pretrained(tmp_path / "model")
    environment = {"MEMORAG_GRAPH_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    options = ("--model", str(tmp_path / "model"), "--embedding-model", "embedded", "--stop-limit", "0")
    with memorag_serve(tmp_path, environment, *options) as url:
        before = progress(url, most_notes=3)
    log = (tmp_path / "log").read_text()
    assert "Finished server process" in log  # else it was killed
    assert "Traceback" not in log
    (journal,) = (tmp_path / "home" / "memories").rglob(JOURNAL)
    notes = Journal(journal).read()
    assert len(notes) >= 3
    registry, told = Registry(MemoryStore(tmp_path / "home" / "memories")), list[Progress]()
    registry.add_embeddings("embedded", HashEmbeddings())
    chosen = RunOptions(model=str(tmp_path / "model"), embedding_model="embedded", **SETTINGS)
    registry.memorize([from_text(LONG, "a.txt")], chosen, report=told.append)
    total = next(it.total for it in told if it.stage == "gists")
    assert total < before[0]["total"]  # type: ignore[operator]
    assert not journal.exists()
