"""A library of many documents: taken in without a language model, filtered, replaced, removed, and asked."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.errors import InputError
from memorag_graph.library.chosen_place import place_of
from memorag_graph.library.chosen_workers import chosen_workers
from memorag_graph.library.entry import Report
from memorag_graph.library.found_files import Candidate, Metadata, all_candidates, file_candidates
from memorag_graph.library.home import EMBEDDING_MODEL, create_library, open_catalogue
from memorag_graph.library.intake import Intake
from memorag_graph.library.library_memories import checked_mode
from memorag_graph.library.open_library import OpenLibrary
from memorag_graph.library.rebuild import delete_left, give_up_rebuild, rebuild
from memorag_graph.library.workers import Workers
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.settings import MemoryMode, RunOptions

if TYPE_CHECKING:
    from langchain_core.documents import Document as LangChainDocument


class Library(OpenLibrary):
    """Many documents in a directory or on an object store.

    Safe to use from several threads, processes and, on an object store, machines; one of them changes it at a time.
    Open one with :meth:`open`.

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

    @classmethod
    def open(
        cls,
        directory: str | Path,
        registry: Registry | None = None,
        *,
        embedding_model: str = "",
        create: bool = True,
        memory: MemoryMode | None = None,
        options: RunOptions | None = None,
        index_at: str = "",
        catalogue_at: str = "",
    ) -> "Library":
        """Open a library.

        Args:
            directory: Its directory, or its URL on an object store: ``s3://BUCKET/NAME``, ``gs://BUCKET/NAME`` or
                ``az://CONTAINER/NAME``.
            registry: Holds the models; a new one by default.
            embedding_model: Name of its embedding model, which cannot be changed later; by default the embedded one.
            create: Whether to make it if there is none.
            memory: When the memories of documents are made: ``"background"``, ``"now"``, ``"when_asked"`` or
                ``"never"``; by default behind the library if the options name a model, else never.
            options: How memories are made, and by which model.
            index_at: Where a new library's index is kept, such as ``"http://localhost:6333"`` for a Qdrant server or
                ``"s3://BUCKET/NAME"`` for an object store; by default with its texts.
            catalogue_at: Where a new library's catalogue is kept, and an existing one's is found: the URL of a Postgres
                database; by default that of ``MEMORAG_GRAPH_CATALOGUE``, or else in the directory; on an object store
                there has to be one.

        Raises:
            LibraryError: If there is none and it is not to be made, it is damaged, or made by a newer version.
            InputError: If it has another embedding model, or one that the caller has to name.
            MissingExtraError: If the extra ``library`` is not installed, or one for where it is kept.
            ModelError: If the embedding model of a new library cannot be loaded.
            DiskError: If it cannot be read or written.
            UnavailableError: If a server where something of it is kept does not answer.
        """
        place, registry = place_of(directory), registry or Registry()
        if create:
            create_library(place, registry, embedding_model, index_at, catalogue_at)
        options = options or RunOptions()
        mode = checked_mode(memory or ("background" if options.model else "never"))
        catalogue = open_catalogue(place, registry, embedding_model, index_at, catalogue_at)
        return cls(place, catalogue, registry, mode, options)

    def add(
        self,
        *given: "str | Path | Candidate | LangChainDocument",
        metadata: Metadata | None = None,
        patterns: Sequence[str] = (),
        encoding: str = "",
        progress: ReportProgress = ignore_progress,
        memory: MemoryMode | None = None,
        ray: str = "",
    ) -> Report:
        """Take in files, directories with all that is in them, and LangChain documents.

        What the library has already costs a look-up; a file that has changed becomes a new version. Documents exist a
        batch at a time; if the process is killed, call this again to go on.

        Args:
            *given: What to take in; also what :func:`memorag_graph.library.found_files.uploaded_file` returns.
            metadata: What to keep with each document for filters, or a function that returns it by the file's name.
            patterns: If given, only files of directories whose name or path fits one, like ``*.pdf``.
            encoding: Encoding of text files; empty to find it.
            progress: Called after each document.
            memory: When memories are made; by default as the library was opened.
            ray: Cut, embed and, for memories that are made now, write gists by actors of Ray: ``"auto"`` on this
                machine, ``"HOST:PORT"`` on a cluster.

        Returns:
            What was done; it names the files that could not be read.

        Raises:
            InputError: If a path does not exist, a directory holds no files, or metadata cannot be used.
            LibraryError: If another process changes the library.
            DiskError: If it cannot be written; what was taken in before is kept.
            UnavailableError: If a server or Ray does not answer; what was taken in before is kept.
            MissingExtraError: If the extra ``ray`` is needed and not installed.
        """
        mode = checked_mode(memory or self.memory)
        candidates = all_candidates(given, patterns, self.directory, encoding)
        with self._changing(ray) as (report, workers):
            Intake(self.stores, workers, metadata or {}, report).take_all(candidates, progress)
        return self._remember(mode, report, progress, ray)

    def sync(
        self,
        directory: str | Path,
        metadata: Metadata | None = None,
        patterns: Sequence[str] = (),
        progress: ReportProgress = ignore_progress,
        *,
        ray: str = "",
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
        with self._changing(ray) as (report, workers):
            inside = [entry for entry in self.list() if Path(entry.origin).is_relative_to(root.absolute())]
            gone = {entry.name for entry in inside if not Path(entry.origin).exists()}
            self._remove(gone, report)
            Intake(self.stores, workers, metadata or {}, report).take_all(candidates, progress)
        return self._remember(self.memory, report, progress, ray)

    def replace(
        self,
        name: str,
        given: "str | Path | LangChainDocument",
        metadata: Metadata | None = None,
        encoding: str = "",
        *,
        ray: str = "",
    ) -> Report:
        """Take in a new version of a document; the old one can still be asked with ``as_of``. See :meth:`add`.

        Raises:
            InputError: If there is no such document, or the file cannot be read.
            LibraryError: If another process changes the library.
            DiskError: If it cannot be written; the old version stays.
        """
        (candidate,) = all_candidates([given], (), self.directory, encoding)
        with self._changing(ray) as (report, workers):
            (entry,) = [it for it in self._versions(name) if not it.replaced]
            intake = Intake(self.stores, workers, metadata or entry.metadata, report)
            intake.take(candidate, into=entry)
            intake.finish()
        if report.unreadable:
            raise InputError("file", report.unreadable[0][1].removeprefix("file: "))
        return self._remember(self.memory, report, ray=ray)

    def remove(self, *names: str) -> Report:
        """Remove documents with all their versions; no byte of them is left in the library.

        Other machines that ask a library on an object store drop their copies when they next open, list or ask it.

        Raises:
            InputError: If there is no such document; nothing is removed.
            LibraryError: If another process changes the library.
            DiskError: If it cannot be written; they are not answered from any more, and the next change goes on.
            UnavailableError: If an index that a rebuild left on a server cannot be deleted; nothing is removed.
        """
        with self._changing() as (report, _):
            self._remove(names, report)
        return report

    @staticmethod
    def rebuild(
        directory: str | Path,
        registry: Registry | None = None,
        *,
        embedding_model: str = "",
        index_at: str | None = None,
        catalogue_at: str = "",
        ray: str = "",
        progress: ReportProgress = ignore_progress,
    ) -> Report:
        """Make the index of a library again from its texts, if wanted with another embedding model or in another place.

        Memories stay as they are, and nothing is written by a language model. Until the new index is whole, questions
        are answered from the old one; if the process is killed, call this again to go on. Who has the library open
        opens it again.

        Args:
            directory: The library's directory, or its URL.
            registry: Holds the models; a new one by default.
            embedding_model: Name of the embedding model; that of the library by default.
            index_at: Where the index is kept, as for :meth:`open`; where it is by default.
            catalogue_at: Where the catalogue is, as for :meth:`open`.
            ray: Who cuts and embeds, as for :meth:`add`.
            progress: Called as documents are indexed.

        Returns:
            What was done.

        Raises:
            LibraryError: If there is no library, it is damaged, made by a newer version, or another process changes it.
            InputError: If its embedding model is one that the caller has to name, or the index cannot be kept there.
            ModelError: If the embedding model cannot be loaded.
            DiskError: If something cannot be read or written; the old index stays.
        """
        report = Report()
        with report.timed():
            registry = registry or Registry()
            rebuild(place_of(directory), registry, embedding_model, index_at, catalogue_at, ray, report, progress)
        return report

    def _remove(self, names: Iterable[str], report: Report) -> None:
        found = {name: self._versions(name) for name in names}
        if found:
            gone = [entry for versions in found.values() for entry in versions]
            give_up_rebuild(self.stores.catalogue)
            delete_left(self.place, self.stores.catalogue, insist=True)
            self.memories.forget_all(gone)
            self.stores.remove(gone)
            report.removed += found

    @contextmanager
    def _changing(self, ray: str = "") -> Iterator[tuple[Report, Workers]]:
        """Hold the library while workers change it, after what a killed change left is swept away."""
        report = Report()
        with report.timed(), self.place.changing() as is_unfinished:
            self._check_current()
            catalogue, models = self.stores.catalogue, self.registry.models
            delete_left(self.place, catalogue)
            model = catalogue.setting(EMBEDDING_MODEL)
            with chosen_workers(ray, self.place, models, model, is_unfinished=is_unfinished) as workers:
                self.stores.repair(workers, is_unfinished=is_unfinished)
                yield report, workers
