"""What visitors of the web demo are told of what is damaged: files by their names, not where they lie."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from memorag_graph.errors import DiskError, UnavailableError
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory_worker import MemoryWorker
from memorag_graph.paths import user_dir
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Everybody, Principal
from memorag_graph.serving.tenants import Tenants
from memorag_graph.ui import resources, without_directories
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.questions import Question
from memorag_graph.ui.resources import Demo, Resources
from memorag_graph.ui.visitors import Visitors
from tests.conftest import TINY
from tests.test_ui_parts import DOCUMENTS, QUESTION, answered

ALICE, OPERATOR = Principal("alice", "acme", "writer"), Principal()
FOLDER = "the operator's disk"


@pytest.fixture
def shown(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Resources, Callable[..., str]]]:
    """Returns what a visitor may use, and what shows the visitor the page at an address and returns its errors."""
    without_directories._note.cache_clear()
    of_operator = registry.with_store(MemoryStore(tmp_path / FOLDER / "memories"))
    demo = Demo(TINY, Tenants(of_operator, options=TINY), Visitors(Everybody()))
    monkeypatch.setattr(resources, "running", demo)

    def page_of(visitor: Principal) -> tuple[Resources, Callable[..., str]]:
        monkeypatch.setattr(Visitors, "find", lambda *_: visitor)

        def errors(**address: str) -> str:
            it = AppTest.from_file(Path(resources.__file__).with_name("page.py"), default_timeout=60)
            it.query_params.update(address)
            it.run()
            assert not it.exception
            return "\n".join(message.value for message in [*it.error, *it.warning])

        return demo.resources(visitor), errors

    return page_of


@pytest.mark.parametrize("visitor", [ALICE, OPERATOR], ids=["alice", "operator"])
def test_a_damaged_memory_is_named_without_its_directory(
    shown: Any, visitor: Principal, caplog: pytest.LogCaptureFixture
) -> None:
    shared, errors = shown(visitor)
    memory_id = shared.registry.memorize(DOCUMENTS, TINY).memory.id
    shared.registry.forget(memory_id)
    folder = shared.registry.store.directory(memory_id)
    (folder / "memory.bin").write_bytes(b"damaged")
    caplog.set_level(logging.WARNING)
    told = errors(memory=memory_id)
    assert f"{memory_id}/memory.bin" in told
    assert (FOLDER in told) == (visitor == OPERATOR)
    shared.questions.ask("a", Question(QUESTION, {"memory_id": memory_id}, "lookup", False, TINY))
    answered()
    (question,) = shared.questions.open("a")
    assert "memory.bin" in question.error
    assert (FOLDER in shared.told(question.error)) == (visitor == OPERATOR)
    if visitor != OPERATOR:
        assert str(folder) in caplog.text


def test_a_damaged_library_is_named_without_its_directory(
    shown: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, errors = shown(ALICE)
    library = shared.libraries.create("coast")
    library.add(uploaded_text("The ferry sails at seven.", "ferry.txt", {}), memory="never")
    monkeypatch.setattr(MemoryWorker, "fault", lambda *_: f"{library.directory}/memories cannot be written")
    told = errors(library="coast")
    assert "ferry.txt could not be made" in told
    assert FOLDER not in told
    shared.libraries.close()
    (library.directory / "catalogue.sqlite").write_bytes(b"no database at all, but long enough to be one" * 99)
    caplog.set_level(logging.WARNING)
    told = errors(library="coast")
    assert "coast" in told
    assert FOLDER not in told
    assert str(library.directory) in caplog.text


def test_the_operator_is_told_directories_but_no_addresses(shown: Any, caplog: pytest.LogCaptureFixture) -> None:
    shared, _ = shown(OPERATOR)
    path = user_dir() / "memories" / "memory.bin"
    assert shared.told(DiskError(f"{path} is damaged")) == f"{path} is damaged"
    told = shared.told(UnavailableError("10.0.0.7:5432 refuses connections", engine="the database"))
    assert told.startswith("the database cannot be used")
    assert "10.0.0.7:5432 refuses connections" in caplog.text


def test_why_a_library_could_not_be_deleted_is_told_letter_by_letter(
    shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of libraries may have what Markdown takes for emphasis."""
    shared, _ = shown(ALICE)
    shared.libraries.create("my_old_coast")
    page = AppTest.from_file(Path(resources.__file__).with_name("page.py"), default_timeout=60)
    page.query_params["library"] = "my_old_coast"
    page.run()

    def fail(*_: Any) -> None:
        raise DiskError("my_old_coast cannot be written")

    monkeypatch.setattr(NamedLibraries, "delete", fail)
    next(it for it in page.button if it.label == "Delete for good").click().run()
    assert [it.value for it in page.error] == [escaped("my_old_coast cannot be written")]


def test_a_library_in_another_directory_is_named_without_it(registry: Registry, tmp_path: Path) -> None:
    tenants = Tenants(registry, options=TINY, libraries_at=str(tmp_path / FOLDER))
    for visitor in (ALICE, Principal("operator", "")):
        shared = Demo(TINY, tenants, Visitors(Everybody())).resources(visitor)
        directory = shared.libraries.create("coast").directory
        told = shared.told(f"{directory / 'catalogue.sqlite'} is damaged")
        assert told == f"{directory if shared.is_operator else 'coast'}/catalogue.sqlite is damaged"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/srv/data/memories/ab/index.bin is damaged; delete /srv/data", "ab/index.bin is damaged; delete data"),
        ("“/var/lib/other/model.gguf” cannot be read", "“model.gguf” cannot be read"),
        ("cannot open:/var/lib/other/a.bin or file:///var/lib/other//b.bin", "cannot open:a.bin or b.bin"),
        ("/mnt/srv/data/memories/index.bin, /srv/data/memories/index.bin", "index.bin, index.bin"),
        ("there is no s3://bucket/shelf/coast", "there is no coast"),
        (
            "see https://example.org/a/b, and/or ask: 3/4/5 of 1/2",
            "see https://example.org/a/b, and/or ask: 3/4/5 of 1/2",
        ),
    ],
)
def test_directories_are_left_out_and_what_looks_like_them_is_not(text: str, told: str) -> None:
    assert without_directories.without_directories(text, [Path("/srv/data/memories")]) == told
