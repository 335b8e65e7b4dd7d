"""A library of many documents: taken in without a language model, filtered, replaced, removed, and asked."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorag_graph.errors import InputError
from memorag_graph.library.catalogue import Catalogue
from memorag_graph.library.entry import Entry, Report
from memorag_graph.library.export import export
from memorag_graph.library.found_files import Candidate, Metadata, document_candidates, file_candidates
from memorag_graph.library.home import EMBEDDING_MODEL, VECTOR_SIZE, changing, create_library, open_catalogue
from memorag_graph.library.intake import Intake
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.library_answer import LibraryAnswer, ask_library
from memorag_graph.library.snapshot import AsOf, Snapshot
from memorag_graph.library.stored_texts import StoredTexts
from memorag_graph.library.stores import Stores
from memorag_graph.library.where import Where
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from langchain_core.documents import Document as LangChainDocument
    from langchain_core.embeddings import Embeddings

_TEXTS, _INDEX = "texts", "index"


class Library:
    """Many documents in a directory. Safe to use from several threads and processes; one of them changes it at a time.

    Open one with :meth:`open`.

    Args:
        directory: Its directory.
        catalogue: The catalogue there.
        registry: Holds the models.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> text = "The ferry to Inshay leaves at seven. It takes lorries, too."
        >>> (folder / "ferry.txt").write_text(text) == len(text)
        True
        >>> library = Library.open(folder / "library")
        >>> library.add(folder, metadata={"year": 2021}).added
        ['ferry.txt']
        >>> answer = library.ask("When does the ferry to Inshay leave?", where={"year": {"gte": 2020}})
        >>> answer.citations[0].source
        'ferry.txt'
    """

    def __init__(self, directory: Path, catalogue: Catalogue, registry: Registry) -> None:
        self.directory = directory
        self.registry = registry
        size, index = int(catalogue.setting(VECTOR_SIZE)), directory / _INDEX
        chunks, notes = LanceTable(index, "chunks", size), LanceTable(index, "notes", size)
        self.stores = Stores(catalogue, StoredTexts(directory / _TEXTS), chunks, notes)

    @classmethod
    def open(
        cls,
        directory: str | Path,
        registry: Registry | None = None,
        *,
        embedding_model: str = "",
        create: bool = True,
    ) -> "Library":
        """Open a library.

        Args:
            directory: Its directory.
            registry: Holds the models; a new one by default.
            embedding_model: Name of its embedding model, which cannot be changed later; by default the embedded one.
            create: Whether to make it if there is none.

        Raises:
            LibraryError: If there is none and it is not to be made, it is damaged, or made by a newer version.
            InputError: If it has another embedding model, or one that the caller has to name.
            MissingExtraError: If the extra ``library`` is not installed.
            ModelError: If the embedding model of a new library cannot be loaded.
            DiskError: If it cannot be read or written.
        """
        directory, registry = Path(directory), registry or Registry()
        if create:
            create_library(directory, registry, embedding_model)
        return cls(directory, open_catalogue(directory, registry, embedding_model), registry)

    @cached_property
    def embeddings(self) -> "Embeddings":
        """The embedding model, loaded when it is first needed."""
        return self.registry.models.embeddings(self.stores.catalogue.setting(EMBEDDING_MODEL))

    def add(
        self,
        *given: "str | Path | LangChainDocument",
        metadata: Metadata | None = None,
        patterns: Sequence[str] = (),
        encoding: str = "",
        progress: ReportProgress = ignore_progress,
    ) -> Report:
        """Take in files, directories with all that is in them, and LangChain documents.

        What the library has already costs a look-up; a file that has changed becomes a new version. Documents exist a
        batch at a time; if the process is killed, call this again to go on.

        Args:
            *given: What to take in.
            metadata: What to keep with each document for filters, or a function that returns it by the file's name.
            patterns: If given, only files of directories whose name or path fits one, like ``*.pdf``.
            encoding: Encoding of text files; empty to find it.
            progress: Called after each document.

        Returns:
            What was done; it names the files that could not be read.

        Raises:
            InputError: If a path does not exist, a directory holds no files, or metadata cannot be used.
            LibraryError: If another process changes the library.
            DiskError: If it cannot be written; what was taken in before is kept.
        """
        candidates = self._candidates(given, patterns, encoding)
        with self._changing() as report:
            Intake(self.stores, self.embeddings, metadata or {}, report).take_all(candidates, progress)
        return report

    def sync(
        self,
        directory: str | Path,
        metadata: Metadata | None = None,
        patterns: Sequence[str] = (),
        progress: ReportProgress = ignore_progress,
    ) -> Report:
        """Bring the library to the state of a directory: take in what is new or changed, and remove what is gone.

        Documents from elsewhere stay, and so do those whose file is there but cannot be read now, or does not fit the
        patterns. See :meth:`add`.

        Raises:
            InputError: If there is no such directory, or it holds no files, as where a disk is not mounted; nothing is
                changed.
        """
        root = Path(directory)
        if not root.is_dir():
            raise InputError("directory", f"{root} is not a directory; nothing was changed")
        candidates = file_candidates([root], patterns, self.directory)
        with self._changing() as report:
            inside = [entry for entry in self.list() if Path(entry.origin).is_relative_to(root.absolute())]
            gone = {entry.name for entry in inside if not Path(entry.origin).exists()}
            self._remove(gone, report)
            Intake(self.stores, self.embeddings, metadata or {}, report).take_all(candidates, progress)
        return report

    def replace(
        self, name: str, given: "str | Path | LangChainDocument", metadata: Metadata | None = None, encoding: str = ""
    ) -> Report:
        """Take in a new version of a document; the old one can still be asked with ``as_of``.

        Raises:
            InputError: If there is no such document, or the file cannot be read.
            LibraryError: If another process changes the library.
            DiskError: If it cannot be written; the old version stays.
        """
        (candidate,) = self._candidates([given], (), encoding)
        with self._changing() as report:
            (entry,) = [it for it in self._versions(name) if not it.replaced]
            intake = Intake(self.stores, self.embeddings, metadata or entry.metadata, report)
            intake.take(candidate, into=entry)
            if report.unreadable:
                raise InputError("file", report.unreadable[0][1].removeprefix("file: "))
            intake.finish()
        return report

    def remove(self, *names: str) -> Report:
        """Remove documents with all their versions; no byte of them is left in the library.

        Raises:
            InputError: If there is no such document; nothing is removed.
            LibraryError: If another process changes the library.
            DiskError: If it cannot be written; they are not answered from any more, and the next change goes on.
        """
        with self._changing() as report:
            self._remove(names, report)
        return report

    def ask(
        self,
        question: str,
        where: Where | None = None,
        as_of: AsOf | None = None,
        options: RunOptions | None = None,
    ) -> LibraryAnswer:
        """Answer a question with citations.

        Args:
            question: The question.
            where: Which documents may be used; see :mod:`memorag_graph.library.where`.
            as_of: The time whose versions are meant, such as ``"2026-01-31"``; by default now.
            options: ``generator``, ``hits``, ``evidence_tokens``, ``reranker`` and others of a run; by default
                sentences of the documents are quoted.

        Raises:
            InputError: If the question is empty, or the filter, the time or an option cannot be used.
            LibraryError: If a text is missing or damaged.
            DiskError: If the library cannot be read.
            ModelError: If a model cannot be loaded.
        """
        return ask_library(question, self.stores, self.embeddings, self.registry, options or RunOptions(), where, as_of)

    def list(self, where: Where | None = None, as_of: AsOf | None = None) -> Sequence[Entry]:
        """Return one version of each document, in the order in which they were taken in.

        Args:
            where: Which documents; see :mod:`memorag_graph.library.where`.
            as_of: The time whose versions are meant, such as ``"2026-01-31"``; by default now.

        Raises:
            InputError: If the filter or the time cannot be used.
        """
        return [*Snapshot.of(self.stores.catalogue.entries(), where, as_of).entries.values()]

    def info(self, name: str) -> dict[str, Any]:
        """Return what is known of a document: its fields, versions and notes.

        Raises:
            InputError: If there is no such document.
        """
        versions = self._versions(name)
        notes = self.stores.catalogue.notes(versions[-1].id)
        older = [{"version": it.version, "added": it.added, "replaced": it.replaced} for it in versions[:-1]]
        return {**versions[-1].to_dict(), "older": older, "notes": [note.text for note in notes]}

    def export(self, path: str | Path) -> int:
        """Write all versions of all documents as JSON lines: their text, metadata, pages and sections.

        Returns:
            The number of lines.

        Raises:
            DiskError: If the file cannot be written.
        """
        return export(Path(path), self.stores)

    def _candidates(
        self, given: "Iterable[str | Path | LangChainDocument]", patterns: Sequence[str], encoding: str
    ) -> Sequence[Candidate]:
        paths, documents = [], []
        for one in given:
            if isinstance(one, str | Path):
                paths.append(one)
            else:
                documents.append(one)
        if not (paths or documents):
            raise InputError("paths", "nothing to take in; give files, directories or LangChain documents")
        return [*file_candidates(paths, patterns, self.directory, encoding), *document_candidates(documents)]

    def _versions(self, name: str) -> Sequence[Entry]:
        entries = self.stores.catalogue.entries()
        if found := [entry for entry in entries if entry.name == name]:
            return found
        close = get_close_matches(name, {entry.name for entry in entries}, n=1)
        near = f"; did you mean {close[0]!r}?" if close else "; list shows the names"
        raise InputError("name", f"the library has no document {name!r}{near}")

    def _remove(self, names: Iterable[str], report: Report) -> None:
        found = {name: self._versions(name) for name in names}
        if found:
            self.stores.remove(entry for versions in found.values() for entry in versions)
            report.removed += found

    @contextmanager
    def _changing(self) -> Iterator[Report]:
        """Hold the library while it is changed, after what a killed change left is swept away."""
        start, report = time.perf_counter(), Report()
        with changing(self.directory) as is_unfinished:
            self.stores.repair(lambda: self.embeddings, is_unfinished=is_unfinished)
            yield report
        report.seconds = round(time.perf_counter() - start, 3)
