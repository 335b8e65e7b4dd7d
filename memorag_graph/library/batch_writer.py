"""Write documents into a library a batch at a time: those of a batch exist when all of it is written."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from memorag_graph.documents import Document
from memorag_graph.library.cut import Cut
from memorag_graph.library.entry import Entry
from memorag_graph.library.prepared import Prepared
from memorag_graph.library.stores import New, Rows, Stores, rows_of
from memorag_graph.library.workers import LostWorkError, Pending, Workers
from memorag_graph.ram import give_back_freed

_CHUNKS_AT_ONCE = 512
"""Chunks of a batch."""

_CHARACTERS_AHEAD = 32_000_000
"""Most characters of documents whose texts are being cut."""

_SETTLED_SHARE = 0.5
"""Rows that wait to be settled, as a share of the settled ones."""

_Batch = tuple[list[New], Pending[Rows], tuple[str, ...]]
"""Documents, their rows, and the units of their cuts."""


class BatchWriter:
    """Writes documents in the order in which they are given; call :meth:`finish` at the end.

    While workers cut and embed, later documents are read: as far ahead as they ask for. What a batch holds does not
    depend on the workers.

    Args:
        stores: Where documents are kept.
        workers: Cut and embed.
        fail: Called with the entry of a document that could not be taken in, and the reason.

    Attributes:
        chunks: Chunks that were written.
    """

    def __init__(self, stores: Stores, workers: Workers, fail: Callable[[Entry, str], None]) -> None:
        self._stores = stores
        self._workers = workers
        self._fail = fail
        self._settled = sum(entry.chunks for entry in stores.catalogue.entries())
        self._unsettled = 0
        self._cuts: deque[tuple[Entry, Document, Pending[Cut]]] = deque()
        self._waiting: list[New] = []
        self._units: tuple[str, ...] = ()
        self._batches: deque[_Batch] = deque()
        self.chunks = 0

    def add(self, entry: Entry, document: Document) -> None:
        """Write a document with the batch to which it belongs.

        Args:
            entry: Its entry, but for the language, the tokens and the chunks.
            document: The document.

        Raises:
            DiskError: If it cannot be written.
        """
        self._cuts.append((entry, document, self._workers.cut(document.text)))
        self._take_cuts(self._workers.texts_ahead)

    def write_all(self) -> None:
        """Write all documents that were given.

        Raises:
            DiskError: If they cannot be written.
        """
        self._take_cuts(0)
        self._begin_batch()
        self._write_batches(0)

    def finish(self) -> None:
        """Write all documents, and settle the tables.

        Raises:
            DiskError: If they cannot be written.
        """
        self.write_all()
        if self._unsettled:
            self._settle()

    def _take_cuts(self, ahead: int) -> None:
        while len(self._cuts) > ahead or sum(len(it.text) for _, it, _ in self._cuts) > _CHARACTERS_AHEAD:
            entry, document, cut = self._cuts.popleft()
            try:
                prepared = Prepared.of(document, cut.result())
                self._stores.weigh_meaning(prepared, self._workers)
            except LostWorkError as error:
                self._fail(entry, str(error))
                continue
            chunks = len(prepared.chunks)
            known = replace(entry, language=prepared.language, tokens=prepared.tokens, chunks=chunks)
            self._waiting.append((known, prepared))
            self._units += cut.units
            if sum(waiting.chunks for waiting, _ in self._waiting) >= _CHUNKS_AT_ONCE:
                self._begin_batch()

    def _begin_batch(self) -> None:
        if self._waiting:
            self._batches.append((self._waiting, rows_of(self._waiting, self._workers), self._units))
            self._waiting, self._units = [], ()
        self._write_batches(self._workers.batches_ahead)

    def _write_batches(self, ahead: int) -> None:
        while len(self._batches) > ahead:
            new, rows, units = self._batches.popleft()
            try:
                self._write(new, rows.result())
            except LostWorkError as error:
                if rest := self._survivors(new, error):
                    self._batches.appendleft((rest, rows_of(rest, self._workers), units + rows.units))
            else:
                self._workers.forget(units + rows.units)

    def _survivors(self, new: Sequence[New], error: LostWorkError) -> list[New]:
        """Return the documents without those of which nobody survives a text."""
        rest = []
        for entry, prepared in new:
            texts = {part.embedded for part in (*prepared.chunks, *prepared.note_parts)}
            if texts & error.texts:
                self._fail(entry, str(error))
            else:
                rest.append((entry, prepared))
        return rest

    def _write(self, new: Sequence[New], rows: Rows) -> None:
        self._stores.add(new, rows)
        give_back_freed()
        written = sum(entry.chunks for entry, _ in new)
        self.chunks += written
        self._unsettled += written
        if self._unsettled > _CHUNKS_AT_ONCE + _SETTLED_SHARE * self._settled:
            self._settle()

    def _settle(self) -> None:
        self._stores.settle()
        self._settled, self._unsettled = self._settled + self._unsettled, 0
