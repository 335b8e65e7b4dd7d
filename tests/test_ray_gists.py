"""Actors of Ray write gists: the memories are those of one process, whoever dies meanwhile."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memorag_graph.cli import run_graph
from memorag_graph.cli.main import app
from memorag_graph.errors import InputError, UnavailableError
from memorag_graph.library.entry import Report
from memorag_graph.library.library import Library
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.gist_kind import GistKind, GistPlan
from memorag_graph.memory.build.gist_writer import BatchGistWriter
from memorag_graph.memory.memory_model import MemoryModel
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.models.loading import ModelSource, load_language_model
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.progress import Progress
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.settings import FastPathsOption, RunOptions
from tests.conftest import byte_tokenizer, tiny_model
from tests.ray_gist_model import Identity, LastSentence, Sent
from tests.ray_process import Light
from tests.test_gist_batch import FILLED

pytest.importorskip("ray", reason="needs pip install 'memorag-graph[ray]'")
from memorag_graph.library import ray_actors, ray_gists, ray_pool

pytestmark = pytest.mark.usefixtures("ray_cluster")
DEADLY = "zyxwvut"
SETTINGS = {"dtype": "float32", "gist_writer": "model", "gist_chunk_size": 256, "gist_tokens": 96}


class Deadly(LocalMemoryModel):
    """Drafts by :class:`tests.ray_gist_model.LastSentence`, and is sent without its weights."""

    def __init__(self, place: Path, word: str, once: Path | None = None) -> None:
        super().__init__(load_language_model(ModelSource(str(place), device="cpu", dtype="float32")))
        self._writer = LastSentence(word, once)

    def loader(self) -> Any:
        model = self._model
        return partial(Sent, Identity(model.fingerprint, model.tokenizer_fingerprint, model.dtype), self._writer)

    def gist_writer(self) -> Any:
        return self._writer


@pytest.fixture(autouse=True)
def _small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_gists, "_TOGETHER", 2)
    monkeypatch.setattr(ray_pool, "_PAUSE", 0.01)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny model."""
    place = tmp_path_factory.mktemp("model")
    tiny_model("llama", seed=18, **FILLED).model.save_pretrained(place)
    byte_tokenizer().save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for boat in range(4):
        told = " ".join(f"Boat {boat} sails to harbour {at} with {boat * at} crates of fish." for at in range(20))
        (folder / f"{boat}.txt").write_text(told)
    (folder / "2.txt").write_text(f"{(folder / '2.txt').read_text()} Its mate {DEADLY} has lost the oars at sea again.")
    (folder / "short.txt").write_text("Boat 9 has sunk.")
    return folder


def open_library(place: Path, model: Path, added: MemoryModel | None = None, **settings: Any) -> Library:
    registry = Registry()
    registry.add_embeddings("light", Light())
    if added is not None:
        registry.add_memory_model(str(model), added)
    options = RunOptions(model=str(model), **{**SETTINGS, **settings})
    return Library.open(place, registry, embedding_model="light", memory="never", options=options)


Opened = Callable[..., Library]


@pytest.fixture
def opened(files: Path, model: Path, tmp_path: Path) -> Opened:
    """Opens a library that has taken in the files."""

    def open_with(word: str = "\0", once: Path | None = None, name: str = "library") -> Library:
        library = open_library(tmp_path / name, model, Deadly(model, word, once))
        library.add(files)
        return library

    return open_with


def memories(library: Library) -> dict[str, dict[str, bytes]]:
    """The files of each document's memory."""
    found = {}
    for entry in library.list():
        place = library.stores.memories.place(entry.text_sha256)
        found[entry.name] = {it.name: it.read_bytes() for it in sorted(place.iterdir())} if place.exists() else {}
    return found


@pytest.fixture(scope="module")
def expected(files: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """The memories that one process makes."""
    library = open_library(tmp_path_factory.mktemp("expected") / "library", model, Deadly(model, "\0"))
    library.add(files)
    assert len(library.remember().remembered) == 5
    return memories(library)


@pytest.fixture
def journaled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of gists that are written to a journal."""
    keys: list[str] = []
    add = Journal.add
    monkeypatch.setattr(Journal, "add", lambda self, key, text: (keys.append(key), add(self, key, text))[1])
    return keys


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the sections that are handed out."""
    keys: list[str] = []
    give = ray_gists.RayGists._give
    monkeypatch.setattr(ray_gists.RayGists, "_give", lambda self, it: (keys.extend(it.costs), give(self, it))[1])
    return keys


def test_the_memories_are_those_of_one_process(
    files: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str]
) -> None:
    drafts: dict[str, dict[str, str]] = {"one": {}, "other": {}}
    of = drafts["one"]
    grounded = GistKind._grounded

    def seen(self: GistKind, draft: str, text: str, tokens: int) -> str:
        if draft:
            of[text] = draft
        return grounded(self, draft, text, tokens)

    monkeypatch.setattr(GistKind, "_grounded", seen)
    one, other = (open_library(tmp_path / name, model) for name in drafts)
    for library in (one, other):
        library.add(files)
    assert len(one.remember().remembered) == 5
    assert given == []
    of = drafts["other"]
    monkeypatch.setattr(run_graph, "new_registry", lambda: other.registry)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    in_ray = ["--embedding-model", "light", "--ray", "auto", "--json"]
    done = CliRunner().invoke(
        app, ["library", "remember", "--library", str(other.directory), "--model", str(model), *flags, *in_ray]
    )
    assert done.exit_code == 0, done.output
    assert sorted(json.loads(done.stdout)["remembered"]) == sorted(it.name for it in other.list())
    assert memories(other) == memories(one)
    assert len(set(given)) == len(given) == len(drafts["one"]) > 8
    assert drafts["other"] == drafts["one"]


def test_a_worker_killed_midway_loses_and_doubles_nothing(
    files: Path, model: Path, tmp_path: Path, journaled: list[str], expected: dict[str, dict[str, bytes]]
) -> None:
    once = tmp_path / "once"
    once.touch()
    library = open_library(tmp_path / "library", model, Deadly(model, DEADLY, once))
    events: list[Progress] = []
    report = library.add(files, memory="now", progress=events.append, ray="auto")
    assert not once.exists()
    assert (len(report.remembered), report.not_remembered) == (5, [])
    assert memories(library) == expected
    assert len(journaled) == len(set(journaled)) > 8
    told = [it for it in events if it.stage == "memories"]
    assert [it.done for it in told] == sorted(it.done for it in told)
    assert told[-1].done == told[-1].total == sum(entry.tokens for entry in library.list())


def test_a_section_of_which_every_worker_dies_is_told_and_other_memories_are_made(
    opened: Opened, journaled: list[str], monkeypatch: pytest.MonkeyPatch, expected: dict[str, dict[str, bytes]]
) -> None:
    monkeypatch.setattr(ray_pool, "MOST_DEATHS", 1)
    library = opened(DEADLY)
    report = library.remember(ray="auto")
    ((name, reason),) = report.not_remembered
    assert name == "2.txt"
    assert "workers that were given a part of it died" in reason
    assert {name: it for name, it in memories(library).items() if name != "2.txt"} == {
        name: it for name, it in expected.items() if name != "2.txt"
    }
    (lost,) = [entry for entry in library.list() if entry.name == "2.txt"]
    kept = Journal(library.stores.memories.place(lost.text_sha256) / JOURNAL).read()
    assert kept
    assert kept.keys() <= set(journaled)

    journaled.clear()
    library = opened()
    assert library.remember(ray="auto").remembered == ["2.txt"]
    assert memories(library) == expected
    assert journaled
    assert not kept.keys() & set(journaled)


def test_workers_that_die_again_and_again_are_given_up_and_the_same_call_goes_on(
    opened: Opened,
    tmp_path: Path,
    journaled: list[str],
    given: list[str],
    monkeypatch: pytest.MonkeyPatch,
    expected: dict[str, dict[str, bytes]],
) -> None:
    once = tmp_path / "once"
    once.touch()
    with monkeypatch.context() as patch:
        patch.setattr(ray_pool, "_MOST_DEATHS_IN_A_ROW", 0)
        with pytest.raises(UnavailableError, match=r"Ray of this process does not do .* nothing is lost"):
            opened(DEADLY, once).remember(ray="auto")
    written = set(journaled)
    assert written
    given.clear()
    library = opened()
    library.remember(ray="auto")
    assert memories(library) == expected
    assert given
    assert not written & set(given)
    assert len(journaled) == len(set(journaled))


def test_where_the_model_writes_no_gists_ray_is_not_started(
    files: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_gists, "RayPool", None)
    one, other = (open_library(tmp_path / name, model, gist_writer="extractive") for name in ("one", "other"))
    reports: list[Report] = []
    for library, ray in ((one, ""), (other, "auto")):
        library.add(files)
        reports.append(library.remember(ray=ray))
    assert reports[0].remembered == reports[1].remembered != []
    assert memories(one) == memories(other)


def test_what_cannot_be_used_is_told(
    files: Path, model: Path, tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = open_library(tmp_path / "other", model, LocalMemoryModel(tiny_model("llama")))
    with pytest.raises(InputError, match="ray: 'everywhere' must be 'auto' or HOST:PORT"):
        library.remember(ray="everywhere")
    library.add(files)
    with pytest.raises(InputError, match=r"^model: the registry's model cannot be sent to other processes"):
        library.remember(ray="auto")
    library = opened()
    monkeypatch.setattr(ray_actors, "_identity", lambda _: b"another")
    with pytest.raises(UnavailableError, match="have different models; give all the same"):
        library.remember(ray="auto")
    assert library.memories.made(library.stores.catalogue.entries()) == []


@pytest.mark.parametrize("fast_paths", ["auto", "off"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_draft_does_not_depend_on_the_sections_of_its_unit(
    dtype: str, fast_paths: FastPathsOption, model: Path, prompts: Prompts
) -> None:
    loaded = load_language_model(ModelSource(str(model), device="cpu", dtype=dtype, fast_paths=fast_paths))
    writer = BatchGistWriter(Scheduler(loaded), loaded)
    texts = {str(at): f"Boat {at} sails to harbour {at}. " * (2 + at) for at in range(7)}
    costs = {key: loaded.count(text) for key, text in texts.items()}
    plan = GistPlan(prompts, 16, 256, 400)

    def drafts(size: int) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(costs), size):
            keys = list(costs)[start : start + size]
            found |= writer.draft(texts, {key: costs[key] for key in keys}, plan, lambda _: None)
        return found

    assert drafts(1) == drafts(2) == drafts(7)
