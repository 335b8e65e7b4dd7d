"""A library: documents are taken in, kept in versions, brought up to date and removed without a trace."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document as LangChainDocument

from memorag_graph.errors import DiskError, InputError, LibraryError, MissingExtraError
from memorag_graph.kept_turns import NewTurn
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.library import Library
from memorag_graph.library.sqlite_catalogue import SqliteCatalogue
from memorag_graph.library.stored_texts import StoredTexts
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.registry import Registry
from tests.conftest import TINY, HashEmbeddings, tiny_model


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings(8))
    return registry


@pytest.fixture
def open_library(tmp_path: Path, registry: Registry) -> Callable[[], Library]:
    return lambda: Library.open(tmp_path / "library", registry, embedding_model="hash")


@pytest.fixture
def library(open_library: Callable[[], Library]) -> Library:
    return open_library()


def without_origins(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "entries": [{**entry, "origin": ""} for entry in content["entries"]]}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return made_files(tmp_path)


def made_files(parent: Path) -> Path:
    folder = parent / "files"
    (folder / "2021").mkdir(parents=True)
    for name in ("ferry", "harbour", "2021/ferry"):
        (folder / f"{name}.txt").write_text(f"The {name} opens at seven in the morning. Tickets cost four pounds.")
    return folder


def names(library: Library) -> list[str]:
    return [entry.name for entry in library.list()]


def content(library: Library, texts: dict[str, bytes] | None = None) -> dict[str, Any]:
    """All that the stores of a library hold, without the times; the texts are in its directory, or given."""
    stores = library.stores
    entries = [{**entry.to_dict(), "id": entry.id, "added": "", "replaced": ""} for entry in stores.catalogue.entries()]
    ids = [entry["id"] for entry in entries]
    rows = [
        [(row.document, row.number, row.start, row.end, row.terms, row.vector.tobytes()) for row in table.rows_of(ids)]
        for table in (stores.chunks, stores.notes)
    ]
    if texts is None:
        texts = {path.name: path.read_bytes() for path in (library.directory / "texts").iterdir()}
    notes = [(stores.catalogue.notes(number), stores.catalogue.page_map(number)) for number in ids]
    known = [table.documents() for table in (stores.chunks, stores.notes)]
    return {"entries": entries, "rows": rows, "texts": texts, "notes": notes, "documents": known}


def test_files_of_a_directory_are_taken_in_once(library: Library, files: Path) -> None:
    assert library.add(files).added == ["ferry.txt", "harbour.txt", "2021/ferry.txt"]
    before = content(library)
    again = library.add(files)
    assert (again.added, again.unchanged) == ([], ["ferry.txt", "harbour.txt", "2021/ferry.txt"])
    assert content(library) == before
    assert library.info("ferry.txt")["notes"] == [(files / "ferry.txt").read_text()]


def test_hidden_and_temporary_files_and_the_library_itself_are_left_out(files: Path, registry: Registry) -> None:
    for name in (".hidden.txt", "~$report.docx", "draft.txt~", "load.part", ".git/config"):
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_text("Not to be read.")
    library = Library.open(files / "library", registry, embedding_model="hash")
    library.add(files)
    assert library.add(files, patterns=["2021/*", "h*.txt"]).unchanged == ["harbour.txt", "2021/ferry.txt"]
    assert names(library) == ["ferry.txt", "harbour.txt", "2021/ferry.txt"]


def test_what_cannot_be_read_is_told_and_the_rest_is_taken_in(library: Library, files: Path) -> None:
    (files / "broken.pdf").write_text("This is no PDF file.")
    (files / "empty.txt").write_text("  \n")
    report = library.add(files)
    assert len(report.added) == 3
    assert [Path(name).name for name, _ in report.unreadable] == ["broken.pdf", "empty.txt"]
    assert "is not a PDF file despite its name" in report.unreadable[0][1]


def test_a_file_that_vanishes_or_changes_while_it_is_read(
    library: Library, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memorag_graph.library import found_files

    def vanishing(path: Path, **how: Any) -> Any:
        document = found_files_read(path, **how)
        if path.name == "ferry.txt":
            path.unlink()
        elif not changed:
            changed.append(path.write_text("It was changed while it was read, and is complete now."))
        return document

    changed: list[int] = []
    found_files_read = found_files.read_document
    monkeypatch.setattr(found_files, "read_document", vanishing)
    report = library.add(files / "ferry.txt", files / "harbour.txt")
    assert [reason for _, reason in report.unreadable] == ["file: ferry.txt is gone; it was removed meanwhile"]
    (entry,) = library.list()
    assert library.stores.document(entry).text.startswith("It was changed")

    def growing(path: Path, **how: Any) -> Any:
        path.write_text(f"{path.read_text()} more")
        return found_files_read(path, **how)

    monkeypatch.setattr(found_files, "read_document", growing)
    (files / "new.txt").write_text("It grows")
    told = library.add(files / "new.txt").unreadable
    assert "changes while it is read; add it again when it is complete" in told[0][1]


def test_one_text_under_two_names_and_two_documents_of_one_name(library: Library, files: Path) -> None:
    (files / "copy.txt").write_text((files / "ferry.txt").read_text())
    assert library.add(files / "ferry.txt", files / "copy.txt").same_text == [("copy.txt", "ferry.txt")]
    report = library.add(files / "2021" / "ferry.txt")
    assert report.renamed == [("ferry.txt (2)", str(files / "2021" / "ferry.txt"))]
    assert library.add(files / "2021" / "ferry.txt").unchanged == ["ferry.txt (2)"]
    library.remove("ferry.txt")
    assert library.stores.document(library.list()[0]).text.startswith("The ferry opens")


def test_loaders_metadata_and_the_callers_are_kept(library: Library, files: Path) -> None:
    pages = [
        LangChainDocument("First page.", metadata={"source": "a.pdf", "page": 0, "year": 2020, "by": {"name": "Ada"}}),
        LangChainDocument("Second page.", metadata={"source": "a.pdf", "page": 1, "year": 2020, "by": {"name": "Ada"}}),
    ]
    library.add(*pages, files / "ferry.txt", metadata=lambda name: {"tags": ["x", "y"], "of": name})
    first, second = library.list()[::-1]
    assert dict(first.metadata) == {"year": 2020, "by.name": "Ada", "tags": ["x", "y"], "of": "a.pdf"}
    assert (first.pages, dict(second.metadata)) == (2, {"tags": ["x", "y"], "of": "ferry.txt"})
    assert library.add(files / "ferry.txt", metadata={"of": "new"}).unchanged == ["ferry.txt"]
    assert library.list()[0].metadata["of"] == "new"
    with pytest.raises(InputError, match=r"metadata.it: must be a text, number, truth value, date, or a list of these"):
        library.add(files / "harbour.txt", metadata={"it": object()})


def test_a_changed_file_and_replace_make_new_versions(library: Library, files: Path) -> None:
    library.add(files)
    (files / "ferry.txt").write_text("The ferry opens at eight now.")
    assert library.add(files).replaced == ["ferry.txt"]
    (files / "other.txt").write_text("The ferry is closed.")
    assert library.replace("ferry.txt", files / "other.txt").replaced == ["ferry.txt"]
    versions = [entry for entry in library.stores.catalogue.entries() if entry.name == "ferry.txt"]
    assert [it.version for it in versions] == [1, 2, 3]
    times = [it.added for it in versions]
    assert times == sorted(set(times))
    assert [it.replaced for it in versions] == [*times[1:], ""]
    assert [[it.is_visible(time) for it in versions] for time in ("", "2000", *times)] == [
        [False, False, True],
        [False, False, False],
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]
    (files / "bad.pdf").write_text("This is no PDF file.")
    with pytest.raises(InputError, match="not a PDF"):
        library.replace("ferry.txt", files / "bad.pdf")
    with pytest.raises(InputError, match=r"no document 'fery.txt'; did you mean 'ferry.txt'"):
        library.replace("fery.txt", files / "other.txt")


def test_sync_brings_the_library_to_the_state_of_a_directory(library: Library, files: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text("This is from elsewhere.")
    library.add(tmp_path / "elsewhere.txt")
    library.sync(files)
    (files / "harbour.txt").unlink()
    (files / "ferry.txt").write_text("The ferry opens at eight.")
    (files / "new.txt").write_text("A new file is here.")
    (files / "2021" / "ferry.txt").chmod(0o644)
    report = library.sync(files)
    assert (report.added, report.replaced, report.unchanged, report.removed) == (
        ["new.txt"], ["ferry.txt"], ["2021/ferry.txt"], ["harbour.txt"],
    )  # fmt: skip
    assert names(library) == ["elsewhere.txt", "2021/ferry.txt", "ferry.txt", "new.txt"]
    assert library.sync(files, patterns=["new*"]).removed == []
    with pytest.raises(InputError, match="nothing was changed"):
        library.sync(files / "absent")
    for path in [*files.glob("*.txt"), *files.glob("*/*.txt")]:
        path.unlink()
    with pytest.raises(InputError, match="holds no file"):
        library.sync(files)
    assert len(names(library)) == 4


class Killed(BaseException):
    """What a kill does to the code that runs."""


def killed(*_: object) -> None:
    raise Killed


def test_of_a_removed_document_no_byte_is_left(
    tmp_path: Path, registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of its memories, of which one is whole and one in the making."""
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    making = TINY.model_copy(update={"gist_chunk_size": 128, "gist_tokens": 48, "gist_writer": "extractive"})
    library = Library.open(tmp_path / "library", registry, embedding_model="hash", memory="never", options=making)
    text = "The zyxwvut of Qwertzu is hidden in the Yxcvbnm. " * 30
    (files / "Asdfghj.txt").write_text(f"# Heading Poiuztr\n\n{text}")
    library.add(files / "Asdfghj.txt", files / "ferry.txt", metadata=lambda name: {"by": f"Mnbvcxy of {name}"})
    library.add(files)
    assert library.remember("Asdfghj.txt").remembered
    (files / "Asdfghj.txt").write_text(text)
    library.add(files)
    with monkeypatch.context() as patch:
        patch.setattr(LocalMemoryModel, "_prefill", killed)
        with pytest.raises(Killed):
            library.remember("Asdfghj.txt")
    assert len([*library.directory.glob("memories/*/.journal")]) == 1
    (entry, *_) = (it for it in library.stores.catalogue.entries() if it.name == "Asdfghj.txt")
    asked = NewTurn("Where is the zyxwvut?", "The zyxwvut of Qwertzu is hidden.", [entry.name])
    library.stores.conversations.add("somebody", "visit", asked, lambda: {entry.name: [entry.mark]})
    rows = library.stores.chunks.rows_of([entry.id])
    traces = [b"zyxwvut", b"Qwertzu", b"Poiuztr", b"poiuztr", b"Asdfghj", b"asdfghj", b"Mnbvcxy of Asdf"]
    traces += [row.vector.tobytes() for row in rows]

    def left() -> set[bytes]:
        stored = [path for path in library.directory.rglob("*") if path.is_file()]
        read = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in stored]
        return {trace for trace in traces for found in read if trace in found}

    assert left() >= {b"zyxwvut", b"Qwertzu", b"Poiuztr", b"Asdfghj", b"asdfghj", b"Mnbvcxy of Asdf"}
    assert library.remove("Asdfghj.txt").removed == ["Asdfghj.txt"]
    assert not left()
    assert not [path for path in library.directory.glob("memories/*") if path.name != ".gate"]
    assert names(library) == ["ferry.txt", "harbour.txt", "2021/ferry.txt"]


def sync_twice(library: Library, files: Path) -> None:
    """Take in files, of which one is gone the second time."""
    library.sync(files)
    (files / "harbour.txt").unlink(missing_ok=True)
    library.sync(files)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The content of a library whose changes were not killed."""
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings(8))
    folder = tmp_path_factory.mktemp("whole")
    library = Library.open(folder / "library", registry, embedding_model="hash")
    sync_twice(library, made_files(folder))
    return content(library)


def killed_and_run_again(
    open_library: Callable[[], Library], files: Path, kind: type, method: str, is_done: bool
) -> Library:
    """Kill a process at a step, or after it, while it adds, or while it removes what a sync found gone; sync again."""
    original = getattr(kind, method)

    def killed(self: object, *given: Any) -> None:
        if is_done:
            original(self, *given)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, method, killed)
        with pytest.raises(Killed):
            sync_twice(open_library(), files)
    library = open_library()
    sync_twice(library, files)
    return library


@pytest.mark.parametrize(
    ("kind", "method", "is_done"),
    [
        (StoredTexts, "add", True),
        (LanceTable, "add", False),
        (LanceTable, "add", True),
        (SqliteCatalogue, "add", False),
        (SqliteCatalogue, "add", True),
        (LanceTable, "_index", False),
        (SqliteCatalogue, "remove", True),
        (LanceTable, "remove", True),
        (StoredTexts, "keep_only", False),
        (SqliteCatalogue, "tidy", False),
    ],
)
def test_the_same_command_after_a_kill_gives_the_same_library(
    open_library: Callable[[], Library], files: Path, whole: dict[str, Any], kind: type, method: str, is_done: bool
) -> None:
    library = killed_and_run_again(open_library, files, kind, method, is_done)
    for entry in content(library)["entries"]:
        assert Path(str(entry["origin"])).parent in (files, files / "2021")
    assert without_origins(content(library)) == without_origins(whole)
    assert not (library.directory / ".changing").exists()


def test_the_index_is_made_again_from_the_texts(open_library: Callable[[], Library], files: Path) -> None:
    import shutil

    library = open_library()
    library.add(files)
    before = content(library)
    shutil.rmtree(library.directory / "index")
    again = open_library()
    again.add(files)
    assert content(again) == before


def test_documents_are_listed_by_filter_and_time(library: Library, files: Path) -> None:
    library.add(files / "ferry.txt", metadata={"year": 2020})
    library.add(files / "harbour.txt", metadata={"year": 2021})
    (first, second) = library.list()
    library.replace("ferry.txt", files / "harbour.txt")
    assert [it.name for it in library.list({"year": {"gte": 2021}})] == ["harbour.txt"]
    assert [it.id for it in library.list(["suffix=.txt", "year<2021"], as_of=second.added)] == [first.id]
    with pytest.raises(InputError, match="no document has this field; the fields are added, characters"):
        library.list({"colour": "red"})


def test_export_writes_every_version(library: Library, files: Path, tmp_path: Path) -> None:
    library.add(files / "ferry.txt", metadata={"year": 2021})
    assert library.export(tmp_path / "all.jsonl") == 1
    (line,) = map(json.loads, (tmp_path / "all.jsonl").read_text().splitlines())
    assert (line["name"], line["metadata"], line["text"]) == (
        "ferry.txt",
        {"year": 2021},
        (files / "ferry.txt").read_text(),
    )


def test_bad_places_are_told(library: Library, tmp_path: Path, files: Path, registry: Registry) -> None:
    with pytest.raises(LibraryError, match=r"there is no library in .*; make one with: memorag-graph library add"):
        Library.open(tmp_path / "absent", create=False)
    with pytest.raises(LibraryError, match="holds other files and no library"):
        Library.open(files, registry, embedding_model="hash")
    with pytest.raises(InputError, match="was made with 'hash', not 'embedded'"):
        Library.open(library.directory, registry, embedding_model="embedded")
    with pytest.raises(InputError, match="uses 'hash'; name it, too, if you trust it"):
        Library.open(library.directory, Registry())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file; hidden and temporary files do not count"):
        library.add(tmp_path / "empty")
    with pytest.raises(InputError, match="does not exist"):
        library.add(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nothing to take in"):
        library.add()
    import sqlite3

    with sqlite3.connect(library.directory / "catalogue.sqlite") as database:
        database.execute("UPDATE setting SET value = '99' WHERE key = 'format'")
    with pytest.raises(LibraryError, match="was made by a newer version of memorag-graph"):
        Library.open(library.directory, registry)
    (library.directory / "catalogue.sqlite").write_bytes(b"no database at all, but long enough to be one" * 50)
    with pytest.raises(LibraryError, match="no catalogue of a library, or it is damaged"):
        Library.open(library.directory, registry)


def test_one_writer_at_a_time(library: Library, open_library: Callable[[], Library], files: Path) -> None:
    with library._changing(), pytest.raises(LibraryError, match="is being changed by somebody else"):
        open_library().add(files)
    assert open_library().add(files).added


def test_a_full_disk_is_told_and_loses_nothing(library: Library, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from memorag_graph.errors import DiskError

    library.add(files / "ferry.txt")
    before = content(library)

    def full(*_: object) -> None:
        raise OSError("lance error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(library.stores.notes._table, "add", full)
        with pytest.raises(DiskError, match="free some space and try again"):
            library.add(files)
    assert content(library)["entries"] == before["entries"]
    library.add(files / "ferry.txt")
    assert content(library) == before


def test_without_lancedb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lancedb", None)
    with pytest.raises(MissingExtraError, match=r"memorag-graph\[library\]"):
        LanceTable(tmp_path, "rows", 8)


def test_a_library_whose_folder_goes_while_it_is_open_says_what_cannot_be_read(library: Library, files: Path) -> None:
    library.add(files)
    shutil.rmtree(library.directory)
    with pytest.raises(DiskError, match=r"catalogue.sqlite cannot be read .*; check "):
        library.list()
