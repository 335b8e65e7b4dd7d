"""Long texts are asked before they are embedded: by words first, by meaning among what those find."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memorag_graph.begin_turn import BY_WORDS
from memorag_graph.documents import from_text
from memorag_graph.errors import MemoryFileError
from memorag_graph.graph import build_graph
from memorag_graph.memory.storage.manifest import read_info, verify
from memorag_graph.memory_worker import Making
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.retrieval import words_first
from memorag_graph.retrieval.dense_index import FaissIndex, FaissKind
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.words_first import WordsFirst
from memorag_graph.settings import MemoryMode, RunOptions
from memorag_graph.text.chunking import Chunk
from tests.conftest import TEXT, TINY, HashEmbeddings

QUESTION = "Who was proud of the harbour at Thorle?"
DOCUMENTS = [from_text(TEXT, "ferry.txt")]
_SECONDS = 30


def options(memory: MemoryMode, **changes: Any) -> RunOptions:
    return TINY.model_copy(update={"memory": memory, **changes})


@pytest.fixture(autouse=True)
def _texts_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_first, "EMBEDDED_AT_ONCE", 1)


@pytest.fixture
def stopped(registry: Registry) -> Iterator[Registry]:
    """A registry whose worker rests, so that nothing is made behind answers until the test says so."""
    with registry.behind.worker.resting():
        yield registry
        registry.behind.worker.stop()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if not path.name.startswith(".")}


def chunks_of(words: list[str]) -> list[Chunk]:
    return [Chunk("text", 0, at * 10, at * 10 + len(it), it) for at, it in enumerate(words)]


def test_what_is_found_has_the_same_scores_as_in_the_whole_index_and_shares_a_word_with_the_query() -> None:
    chunks = chunks_of(["the red ferry", "a red house", "blue hills", "the ferry of Thorle", "green"])
    embeddings, queries = HashEmbeddings(), ["red ferry", "hills of Thorle", "purple"]
    found = WordsFirst(KeywordIndex.from_chunks(chunks, "en"), embeddings).search(queries, 10)
    whole = FaissIndex.from_chunks(chunks, embeddings).search(queries, 10)
    sharing = [{0, 1, 3}, {2, 3}, set()]
    for mine, every, expected in zip(found, whole, sharing, strict=True):
        oracle = [hit for hit in every if hit.chunk in expected]
        assert [hit.chunk for hit in mine] == [hit.chunk for hit in oracle]
        assert np.allclose([hit.score for hit in mine], [hit.score for hit in oracle], atol=1e-6)


def test_a_chunk_is_embedded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, seen = HashEmbeddings(), list[str]()
    embed = embeddings.embed_documents
    monkeypatch.setattr(embeddings, "embed_documents", lambda texts: seen.extend(texts) or embed(texts))
    index = WordsFirst(KeywordIndex.from_chunks(chunks_of(["red ferry", "red house", "hills"]), "en"), embeddings)
    index.search(["red"], 5)
    index.search(["red ferry", "house"], 5)
    assert sorted(seen) == ["red ferry", "red house"]


def test_a_long_text_is_answered_before_it_is_embedded_and_says_so(stopped: Registry) -> None:
    graph = build_graph(stopped)
    early = graph.invoke(
        {"context": TEXT, "query": QUESTION, "task_type": "lookup"},  # type: ignore[arg-type]
        context=options("background"),
    )
    assert "was proud of the harbour at Thorle" in early["answer"]
    assert early["citations"]
    assert early["notices"].count(BY_WORDS) == 1
    place = stopped.store.directory(early["memory_id"])
    assert "index.bin" not in contents(place)
    verify(place)


@pytest.mark.parametrize(("query", "is_search"), [("", False), ("Summarize what is said of Captain Petrie.", True)])
def test_a_summary_tells_of_a_search_only_if_it_comes_from_one(stopped: Registry, query: str, is_search: bool) -> None:
    given: Any = {"context": TEXT, "query": query, "task_type": "summarize"}
    early = build_graph(stopped).invoke(given, context=options("background"))
    assert early["answer"]
    assert (BY_WORDS in early["notices"]) is is_search
    assert any("is being made" in it for it in early["notices"])


def test_the_text_is_embedded_behind_the_answer_and_then_searched_by_meaning(registry: Registry) -> None:
    opened = registry.memorize(DOCUMENTS, options("background"))
    assert not opened.index.is_embedded
    assert registry.behind.worker.wait(_SECONDS)
    later = registry.open(opened.memory.id, options("background"))
    assert later.memory.is_whole
    assert later.index.is_embedded
    assert read_info(registry.store.directory(opened.memory.id)).get("embedded", True)


def test_it_is_embedded_before_the_model_reads_it(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    may_read, reading = threading.Event(), threading.Event()
    model = registry.models.memory_model("tiny-llama", TINY)
    build = type(model).build

    def gated(*given: Any, **named: Any) -> Any:
        reading.set()
        assert may_read.wait(_SECONDS)
        return build(*given, **named)

    monkeypatch.setattr(type(model), "build", gated)
    begun = registry.memorize(DOCUMENTS, options("background"))
    assert reading.wait(_SECONDS)
    meanwhile = registry.open(begun.memory.id, options("background"))
    assert meanwhile.index.is_embedded
    assert not meanwhile.memory.is_whole
    may_read.set()
    assert registry.behind.worker.wait(_SECONDS)


def test_the_memory_is_the_same_as_one_made_at_once(registry: Registry, tmp_path: Path) -> None:
    now, later = tmp_path / "now", tmp_path / "later"
    registry.forget(registry.memorize(DOCUMENTS, options("now"), now).memory.id)
    registry.memorize(DOCUMENTS, options("background"), later)
    assert registry.behind.worker.wait(_SECONDS)
    assert contents(later) == contents(now)


@pytest.mark.parametrize("mode", ["never", "when_asked", "now"])
def test_only_who_lets_it_be_made_behind_is_answered_by_words(
    stopped: Registry, tmp_path: Path, mode: MemoryMode
) -> None:
    begun = stopped.memorize(DOCUMENTS, options("background"), tmp_path)
    assert not begun.index.is_embedded
    stopped.behind.worker.stop()
    told: list[Progress] = []
    opened = stopped.open(tmp_path, options(mode), told.append)
    assert opened.index.is_embedded
    assert not opened.memory.is_whole
    assert {it.stage for it in told} == {"index"}
    assert stopped.memorize(DOCUMENTS, options(mode)).index.is_embedded


def test_a_short_text_is_embedded_at_once(stopped: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_first, "EMBEDDED_AT_ONCE", 128)
    assert stopped.memorize(DOCUMENTS, options("background")).index.is_embedded


def test_another_process_finds_it_as_far_as_it_is(stopped: Registry) -> None:
    begun = stopped.memorize(DOCUMENTS, options("background"))
    other = Registry(stopped.store)
    other.add_memory_model("tiny-llama", stopped.models.memory_model("tiny-llama", TINY))
    other.add_embeddings("hash", HashEmbeddings())
    stopped.behind.worker.stop()
    assert other.open(begun.memory.id, options("never")).index.is_embedded
    assert stopped.open(begun.memory.id, options("background")).index.is_embedded


def test_the_share_rises_while_the_text_is_embedded_and_never_falls() -> None:
    stages = [
        ("index", 5, 10),
        ("index", 10, 10),
        ("sections", 1, 1),
        ("gists", 5, 10),
        ("memory", 1, 2),
        ("memory", 2, 2),
    ]
    shares, making = [], Making("key")
    for stage, done, total in stages:
        making = making.after(Progress(stage, done, total, "units"))
        shares.append(making.share)
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[1] < shares[3] < shares[5] < 1


def test_the_share_of_a_text_that_is_embedded_last_is_that_of_its_memory() -> None:
    making = Making("key").after(Progress("gists", 10, 10, "gists"))
    assert making.after(Progress("index", 1, 10, "chunks")).share == making.share == 0.5


def test_who_waits_for_the_embedding_does_not_wait_for_the_memory(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding, waiting, may_embed, may_read = (threading.Event() for _ in range(4))
    model = type(registry.models.memory_model("tiny-llama", TINY))
    make, build = FaissKind.make, model.build

    def gated(*given: Any, **named: Any) -> Any:
        embedding.set()
        assert may_embed.wait(_SECONDS)
        return make(*given, **named)

    def read_later(*given: Any, **named: Any) -> Any:
        assert may_read.wait(_SECONDS)
        return build(*given, **named)

    monkeypatch.setattr(FaissKind, "make", gated)
    monkeypatch.setattr(model, "build", read_later)
    begun = registry.memorize(DOCUMENTS, options("background"))
    assert embedding.wait(_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(registry.open, begun.memory.id, options("never"), lambda _: waiting.set())
        assert waiting.wait(_SECONDS)
        may_embed.set()
        try:
            opened = asked.result(_SECONDS / 2)
        finally:
            may_read.set()
    assert opened.index.is_embedded
    assert not opened.memory.is_whole
    assert registry.behind.worker.wait(_SECONDS)


def test_a_text_in_a_directory_that_cannot_be_written_is_embedded_in_ram(
    stopped: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = stopped.memorize(DOCUMENTS, options("background"))
    stopped.behind.worker.stop()
    place = stopped.store.directory(begun.memory.id)
    before, made = contents(place), list[str]()
    make = FaissKind.make

    def counted(self: FaissKind, collection: str, *given: Any) -> Any:
        made.append(collection)
        return make(self, collection, *given)

    def refuse(directory: Path) -> None:
        raise MemoryFileError(f"{directory} cannot be written (read-only file system)")

    monkeypatch.setattr("memorag_graph.memory.storage.store.require_writable", refuse)
    monkeypatch.setattr(FaissKind, "make", counted)
    for _ in range(2):
        assert stopped.open(begun.memory.id, options("never")).index.is_embedded
    assert made == [begun.memory.id]
    assert contents(place) == before
