"""Actors of Ray take documents in: the library is that of one process, whoever dies meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from typer.testing import CliRunner

from memorag_graph.cli.main import app
from memorag_graph.errors import InputError, MissingExtraError, UnavailableError
from memorag_graph.library import batch_writer
from memorag_graph.library.entry import Report
from memorag_graph.library.kept_units import KeptUnits, unit_address
from memorag_graph.library.library import Library
from memorag_graph.registry import Registry
from tests.conftest import EXAMPLE
from tests.ray_process import Cutter, Deadly, Light, OfFirst, OfProcess
from tests.servers import free_port
from tests.test_library import content, without_origins

ray = pytest.importorskip("ray", reason="needs pip install 'memorag-graph[ray]'")
from memorag_graph.library import ray_pool, ray_session  # noqa: E402 - they need it
from memorag_graph.library.ray_actors import Role  # noqa: E402 - beside them

pytestmark = pytest.mark.usefixtures("ray_cluster")
ROOT = Path(__file__).parent.parent
DEADLY = "zyxwvut"


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_writer, "_CHUNKS_AT_ONCE", 40)
    monkeypatch.setattr(ray_pool, "_PAUSE", 0.01)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for boat in range(12):
        told = " ".join(f"Boat {boat} sails to harbour {at} with {boat * at} crates of fish." for at in range(40))
        (folder / f"{boat:02}.txt").write_text(f"# The boat {boat}\n\n{told}")
    (folder / "05.txt").write_text(f"{(folder / '05.txt').read_text()}\n\nIts mate is called {DEADLY}.")
    (folder / "broken.pdf").write_text("This is no PDF file.")
    (folder / "copy.txt").write_text((folder / "03.txt").read_text())
    return folder


def open_library(place: Path, embeddings: Embeddings | None = None) -> Library:
    registry = Registry()
    registry.add_embeddings("light", embeddings or Light())
    return Library.open(place, registry, embedding_model="light")


@pytest.fixture(scope="module")
def expected(files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the library holds, and the report tells, if one process takes the files in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_writer, "_CHUNKS_AT_ONCE", 40)
        library = open_library(tmp_path_factory.mktemp("expected") / "library")
        return outcome(library, library.add(files))


def outcome(library: Library, report: Report) -> dict[str, Any]:
    told = {name: getattr(report, name) for name in ("added", "unreadable", "same_text", "chunks")}
    return {**told, "content": content(library)}


def units(library: Library) -> set[str]:
    folder = library.directory / "units"
    return set(os.listdir(folder)) if folder.exists() else set()


def test_the_library_is_that_of_one_process(files: Path, tmp_path: Path, expected: dict[str, Any]) -> None:
    library = open_library(tmp_path / "library")
    assert outcome(library, library.add(files, ray="auto")) == expected
    assert [Path(name).name for name, _ in expected["unreadable"]] == ["broken.pdf"]
    Library.rebuild(library.directory, library.registry, embedding_model="light", ray="auto")
    again = open_library(library.directory)
    assert content(again)["rows"] == expected["content"]["rows"]
    assert again.add(files, ray="auto").unchanged == expected["added"]
    assert units(again) == set()


def test_a_worker_killed_midway_loses_and_doubles_nothing(
    files: Path, tmp_path: Path, expected: dict[str, Any]
) -> None:
    once = tmp_path / "once"
    once.touch()
    library = open_library(tmp_path / "library", Deadly(DEADLY, once))
    report = library.add(files, ray="auto")
    assert not once.exists()
    assert outcome(library, report) == expected
    assert units(library) == set()


def test_a_document_of_which_every_worker_dies_is_told_and_the_others_are_taken_in(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "MOST_DEATHS", 1)
    library = open_library(tmp_path / "library", Deadly(DEADLY))
    report = library.add(files, ray="auto")
    (lost,) = [reason for name, reason in report.unreadable if name.endswith("05.txt")]
    assert "workers that were given a part of it died" in lost
    without = open_library(tmp_path / "without")
    without.add(*(it for it in files.iterdir() if it.name != "05.txt"))
    assert sorted(report.added) == sorted(it.name for it in without.list())
    assert by_name(library) == by_name(without)
    assert units(library) == set()


def test_a_unit_is_lost_only_if_actors_die_that_hold_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "MOST_DEATHS", 1)
    once, go = tmp_path / "once", tmp_path / "go"
    once.touch()
    files = (once, go)
    pool = ray_pool.RayPool("Ray", Role(Cutter, ("cut",), lambda: files, "model", bytes.__eq__))
    units = [ray_pool.Unit("cut", text, [text], text) for text in "abcd"]
    for unit in units:
        pool.give(unit)
    try:
        while [len(worker.held) for worker in pool._workers] != [2, 2]:
            assert not list(pool.work(0.1))
        go.touch()
        done: list[ray_pool.Unit] = []
        while len(done) < 4:
            done += pool.work(0.1)
    finally:
        pool.close()
    assert not once.exists()
    assert [unit.result for unit in units] == [b"a", b"b", b"c", b"d"]
    assert [unit.deaths for unit in units] == [0, 0, 0, 0]
    assert sum(unit.is_suspect for unit in units) == 2


def test_a_new_version_of_which_every_worker_dies_is_refused_and_the_old_one_stays(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "MOST_DEATHS", 1)
    library = open_library(tmp_path / "library", Deadly(DEADLY))
    library.add(files / "04.txt")
    with pytest.raises(InputError, match="workers that were given a part of it died"):
        library.replace("04.txt", files / "05.txt", ray="auto")
    assert [(it.name, it.version) for it in library.list()] == [("04.txt", 1)]
    assert library.text("04.txt") == (files / "04.txt").read_text()
    assert units(library) == set()


def by_name(library: Library) -> dict[str, list[tuple[object, bytes]]]:
    """The terms and vectors of each document; a document that was not taken in has cost its id."""
    return {
        entry.name: [(row.terms, row.vector.tobytes()) for row in library.stores.chunks.rows_of([entry.id])]
        for entry in library.list()
    }


def test_workers_that_die_again_and_again_are_given_up_and_the_same_command_goes_on(
    files: Path, tmp_path: Path, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = tmp_path / "once"
    once.touch()
    library = open_library(tmp_path / "library", Deadly(DEADLY, once))
    monkeypatch.setattr(ray_pool, "_MOST_DEATHS_IN_A_ROW", 0)
    with pytest.raises(UnavailableError, match=r"Ray of this process does not do .* nothing is lost"):
        library.add(files, ray="auto")
    assert units(library)
    library.add(files)
    assert content(library) == expected["content"]
    assert units(library) == set()


def test_workers_that_cannot_begin_are_not_hired_for_ever(
    files: Path, tmp_path: Path, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hired: list[int] = []
    real = ray_pool.RayPool._hire
    monkeypatch.setattr(ray_pool.RayPool, "_hire", lambda pool: (hired.append(1), real(pool))[1])
    monkeypatch.setattr(ray_pool, "_MOST_STILLBORN", 1)
    library = open_library(tmp_path / "library", OfFirst(tmp_path / "claim"))
    assert outcome(library, library.add(files, ray="auto")) == expected
    assert len(hired) <= 2 + 2


def test_a_killed_process_goes_on_without_having_work_done_again(
    ray_cluster: str, files: Path, tmp_path: Path, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "library"
    open_library(place).add(files / "00.txt")
    command = [sys.executable, "-m", "tests.ray_process", str(place), str(files), ray_cluster, "14"]
    killed = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    library = open_library(place)
    left = units(library)
    assert left
    traces = [note.encode() for note in ("sails to harbour", "crates of fish")]
    assert any(trace in path.read_bytes() for path in (place / "units").iterdir() for trace in traces)
    shutil.copytree(place, tmp_path / "copy")

    given: list[str] = []
    real = ray_pool.RayPool.give
    monkeypatch.setattr(ray_pool.RayPool, "give", lambda pool, it: (given.append(it.address), real(pool, it))[1])
    library.add(files, ray="auto")
    assert without_origins(content(library)) == without_origins(expected["content"])
    assert given
    assert not left & set(given)
    assert units(library) == set()

    other = open_library(tmp_path / "copy")
    other.remove("00.txt")
    assert units(other) == set()


def test_a_damaged_result_is_made_again(tmp_path: Path) -> None:
    library = open_library(tmp_path / "library")
    kept, address = KeptUnits(library.place), unit_address("cut", "a text")
    assert kept.read(address) is None
    kept.add(address, b"result")
    kept.add(address, b"of one who came second")
    assert kept.read(address) == b"result"
    (library.directory / "units" / address).write_bytes(b"damaged")
    assert kept.read(address) is None
    kept.add(address, b"result")
    assert kept.read(address) == b"result"
    kept.sweep()
    assert kept.read(address) is None


def test_what_cannot_be_reached_or_used_is_told(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = open_library(tmp_path / "library")
    with pytest.raises(InputError, match=r"ray: 'ray://cluster:10001' must be 'auto' or HOST:PORT of a Ray cluster"):
        library.add(files, ray="ray://cluster:10001")
    with monkeypatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "everywhere")
        with pytest.raises(InputError, match="RAY_ADDRESS is 'everywhere', but it must be"):
            library.add(files, ray="auto")
    with monkeypatch.context() as patch:
        patch.setattr(ray, "is_initialized", lambda: False)
        patch.setattr(ray_session, "TRIED_SECONDS", 0.3)
        patch.setattr(ray, "shutdown", lambda: None)
        address = f"127.0.0.1:{free_port()}"
        with pytest.raises(UnavailableError, match=f"cluster at {address} does not answer .*Connection refused.*lost"):
            library.add(files, ray=address)
    sends_nothing = open_library(tmp_path / "other", Light())
    vars(sends_nothing.registry.models.embeddings("light"))["lock"] = threading.Lock()
    with pytest.raises(InputError, match="model cannot be sent to other processes"):
        sends_nothing.add(files, ray="auto")
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "memorag_graph.library.ray_workers", raising=False)
        patch.setitem(sys.modules, "ray", None)
        for name in ("ray_pool", "ray_session"):
            patch.delitem(sys.modules, f"memorag_graph.library.{name}")
        with pytest.raises(MissingExtraError, match=r"memorag-graph\[ray\]"):
            library.add(files, ray="auto")
    assert library.list() == []


def test_a_cluster_that_asks_for_a_token_says_so(ray_cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray waits for 20 seconds before it raises this."""

    def refused(**_: object) -> None:
        raise ConnectionError(f"Failed to connect to Ray cluster at {ray_cluster}") from ray.exceptions.RpcError(
            "Failed to connect to GCS. Last connection error: AuthenticationError: RPC error: InvalidAuthToken: "
            "Authentication token is missing or incorrect."
        )

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "init", refused)
    address = f"127.0.0.1:{ray_cluster.rpartition(':')[2]}"
    with (
        pytest.raises(UnavailableError, match="asks for a token: set RAY_AUTH_MODE=token"),
        ray_session.ray_session(address),
    ):
        pass


def test_machines_of_another_version_or_with_another_model_are_refused(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = open_library(tmp_path / "other", OfProcess())
    with pytest.raises(UnavailableError, match="have different embedding models; give all the same"):
        library.add(files, ray="auto")
    monkeypatch.setattr(ray_pool, "__version__", "0.0.1")
    library = open_library(tmp_path / "library")
    with pytest.raises(
        UnavailableError, match=r"has version .* of memorag-graph, and this is 0\.0\.1; install the same"
    ):
        library.add(files, ray="auto")


@pytest.mark.embedded
@pytest.mark.usefixtures("embedded_home")
def test_the_vectors_of_the_embedded_model_are_equal_to_the_bit(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    text = EXAMPLE.read_text(encoding="utf-8")
    for part in range(3):
        (folder / f"{part}.txt").write_text(text[part * 2000 : (part + 1) * 2000])
    one, other = (str(tmp_path / name) for name in ("one", "other"))
    for place, more in ((one, ()), (other, ("--ray", "auto"))):
        done = CliRunner().invoke(app, ["library", "add", str(folder), "--library", place, "--json", *more])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["added"] == ["0.txt", "1.txt", "2.txt"]
    assert content(Library.open(one)) == content(Library.open(other))
