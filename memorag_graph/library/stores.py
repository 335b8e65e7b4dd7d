"""Where a library keeps its documents: catalogue, texts, files, memories, two tables of rows; the order of changes.

A document is written to the texts, the files and the tables first and to the catalogue last, and is removed in the
opposite order. So what the catalogue names is whole, and what a killed process leaves is not named: the next change
sweeps it away.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from memorag_graph.documents import Document
from memorag_graph.kept_conversations import KeptConversations
from memorag_graph.library.catalogue import Catalogue, Detailed
from memorag_graph.library.entry import Entry
from memorag_graph.library.originals import Originals
from memorag_graph.library.place import TEXTS, Place
from memorag_graph.library.prepared import Prepared, begin_rows
from memorag_graph.library.row_table import Row, RowTable
from memorag_graph.library.stored_memories import StoredMemories
from memorag_graph.library.stored_texts import StoredTexts
from memorag_graph.library.workers import Pending, Workers
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.retrieval.embedding_fit import meaning_weight
from memorag_graph.settings import COPIES_MB
from memorag_graph.text.chunking import Chunk

WEIGHT = "meaning_weight."
"""Begins the settings with the weight of rankings by meaning, one for each language."""

New = tuple[Entry, Prepared]
"""A document that is taken in: its entry, with the id it gets, and what was prepared of it."""

Rows = tuple[list[Row], list[Row]]
"""The rows of documents: of their notes and of their chunks."""

_MADE_AGAIN = 32
"""Documents whose rows are made again at once."""


@dataclass(frozen=True, eq=False, slots=True)
class Stores:
    """The stores of a library.

    Attributes:
        catalogue: The entries.
        texts: The texts.
        originals: The files from which they were read, as far as they are kept.
        chunks: A row for each chunk of a document.
        notes: A row for each section of a document: the vector of its note, the terms of its text.
        memories: The memories of the texts, as far as they are made.
        conversations: What visitors of this machine asked, and what was answered.
    """

    catalogue: Catalogue
    texts: StoredTexts
    originals: Originals
    chunks: RowTable
    notes: RowTable
    memories: StoredMemories
    conversations: KeptConversations

    @classmethod
    def at(
        cls, place: Place, catalogue: Catalogue, chunks: RowTable, notes: RowTable, copies_mb: float = COPIES_MB
    ) -> "Stores":
        """Return the stores of a library at a place, of whose memories this machine keeps copies up to some MB."""
        texts, memories = StoredTexts(place.blobs(TEXTS)), place.memories(copies_mb)
        conversations = KeptConversations(place.directory)
        return cls(catalogue, texts, place.originals(), chunks, notes, memories, conversations)

    def add(self, new: Sequence[New], rows: Rows) -> None:
        """Add documents, which exist when this returns.

        Args:
            new: The documents.
            rows: Their rows, as :func:`rows_of` has them made.

        Raises:
            DiskError: If they cannot be written; none of them exists.
        """
        for entry, prepared in new:
            self.texts.add(entry.text_sha256, prepared.document.text)
        self._add_rows(rows)
        self.catalogue.add([Detailed(entry, it.document.page_map, it.notes) for entry, it in new])

    def remove(self, entries: Iterable[Entry]) -> None:
        """Remove documents, which cease to exist at once; no byte of them is left when this returns.

        Raises:
            DiskError: If something cannot be written; the next change of the library goes on with it.
        """
        gone = [entry.id for entry in entries]
        self.catalogue.remove(gone)
        self._erase(gone)

    def repair(
        self,
        workers: Workers,
        *,
        is_unfinished: bool,
        progress: ReportProgress = ignore_progress,
    ) -> None:
        """Sweep away what a killed change left, and make again the rows that are missing.

        Args:
            workers: Make the rows that are missing.
            is_unfinished: Whether the last change was not finished, so that there may be leftovers that no store names.
            progress: Called as rows are made.

        Raises:
            DiskError: If something cannot be written.
            LostWorkError: If the workers die of a document.
        """
        entries = self.catalogue.entries()
        ids, kept = {entry.id for entry in entries}, self.chunks.documents()
        stray = (kept | self.notes.documents()) - ids
        if stray or is_unfinished:
            self._erase(stray)
        self.memories.keep_only({entry.text_sha256 for entry in entries})  # one may just have been made when it went
        missing = [entry for entry in entries if entry.id not in kept]
        for start in range(0, len(missing), _MADE_AGAIN):
            part = missing[start : start + _MADE_AGAIN]
            self.notes.remove([entry.id for entry in part])
            self._make_rows(part, workers)
            progress(Progress("index", start + len(part), len(missing), "documents"))
        if missing:
            self.settle()

    def settle(self) -> None:
        """Bring the tables into the form that is searched fastest.

        Raises:
            DiskError: If they cannot be written.
            LibraryBusyError: If somebody else has begun to change the library, whose unfinished files would be deleted.
        """
        self.catalogue.require_alone()
        self.chunks.settle()
        self.notes.settle()

    def document(self, entry: Entry) -> Document:
        """Return the document of an entry.

        Raises:
            LibraryError: If its text is missing or damaged.
        """
        text, page_map = self.texts.read(entry.text_sha256), self.catalogue.page_map(entry.id)
        return Document(entry.name, text, page_map, entry.notices)

    def meaning_weights(self, codes: Iterable[str]) -> dict[str, float]:
        """Return the weight of rankings by meaning for each language where those by words have weight 1."""
        return {code: float(self.catalogue.setting(f"{WEIGHT}{code}", "1")) for code in codes}

    def weigh_meaning(self, new: Prepared, workers: Workers) -> None:
        """Find out how well the embedding model reads the language of a document, if that is not known yet."""
        if not self.catalogue.setting(f"{WEIGHT}{new.language}"):
            self.catalogue.change_settings({f"{WEIGHT}{new.language}": _weight(new, workers)})

    def found_weights(self, workers: Workers) -> dict[str, str]:
        """Return the settings that tell how well an embedding model reads each language of the documents."""
        firsts: dict[str, Entry] = {}
        for entry in self.catalogue.entries():
            firsts.setdefault(entry.language, entry)
        prepared = dict(zip(firsts, self._prepared(list(firsts.values()), workers), strict=True))
        return {f"{WEIGHT}{code}": _weight(it, workers) for code, it in prepared.items()}

    def _prepared(self, entries: Sequence[Entry], workers: Workers) -> list[Prepared]:
        documents = [self.document(entry) for entry in entries]
        cuts = [workers.cut(it.text) for it in documents]
        prepared = [Prepared.of(document, cut.result()) for document, cut in zip(documents, cuts, strict=True)]
        workers.forget(unit for cut in cuts for unit in cut.units)
        return prepared

    def _make_rows(self, entries: Sequence[Entry], workers: Workers) -> None:
        """Make the rows of documents again."""
        rows = rows_of(list(zip(entries, self._prepared(entries, workers), strict=True)), workers)
        self._add_rows(rows.result())
        workers.forget(rows.units)

    def _add_rows(self, rows: Rows) -> None:
        notes, chunks = rows
        self.catalogue.require_alone()
        self.notes.add(notes)
        self.chunks.add(chunks)  # the last, as repair asks these

    def _erase(self, ids: Collection[int]) -> None:
        """Erase what the catalogue does not name any more."""
        self.catalogue.require_alone()
        self.chunks.remove(ids)
        self.notes.remove(ids)
        self.catalogue.require_alone()
        entries = self.catalogue.entries()
        self.conversations.keep_only({entry.mark for entry in entries})
        texts = {entry.text_sha256 for entry in entries}
        self.texts.keep_only(texts)
        self.originals.keep_only(texts)
        self.memories.keep_only(texts)
        self.catalogue.tidy()


def rows_of(new: Sequence[New], workers: Workers) -> Pending[Rows]:
    """Have the rows of documents made."""
    notes = begin_rows([(entry.id, it.language, it.note_parts) for entry, it in new], workers)
    chunks = begin_rows([(entry.id, it.language, it.chunks) for entry, it in new], workers)
    return Pending(lambda: (notes.result(), chunks.result()), notes.units + chunks.units)


def _weight(new: Prepared, workers: Workers) -> str:
    chunks = [Chunk(new.document.source, 0, it.start, it.end, it.text) for it in new.chunks]
    return str(meaning_weight(lambda texts: workers.vectors(texts).result(), chunks))
