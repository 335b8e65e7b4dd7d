"""Take documents into a library, a batch at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MissingExtraError
from memorag_graph.library.batch_writer import BatchWriter
from memorag_graph.library.entry import Entry, Fields, Report
from memorag_graph.library.found_files import Candidate, Metadata, checked_metadata
from memorag_graph.library.prepared import title_of
from memorag_graph.library.stores import Stores
from memorag_graph.library.workers import Workers
from memorag_graph.progress import Progress, ReportProgress

_READ_TWICE = 2


class Intake:
    """Takes in documents; call :meth:`finish` at the end.

    Args:
        stores: Where they are kept.
        workers: Cut and embed them.
        metadata: The caller's metadata.
        report: Receives what was done.
    """

    def __init__(self, stores: Stores, workers: Workers, metadata: Metadata, report: Report) -> None:
        self._stores = stores
        self._writer = BatchWriter(stores, workers, self._fail)
        self._metadata = metadata
        self._report = report
        entries = stores.catalogue.entries()
        self._current = {entry.name: entry for entry in entries if not entry.replaced}
        self._origins = {entry.origin: entry for entry in self._current.values()}
        self._texts = {entry.text_sha256: entry.name for entry in self._current.values()}
        self._next_id = stores.catalogue.next_id()

    def take_all(self, candidates: Sequence[Candidate], progress: ReportProgress) -> None:
        """Take in documents, and tell the progress."""
        for done, candidate in enumerate(candidates, start=1):
            self.take(candidate)
            progress(Progress("documents", done, len(candidates), "documents"))
        self.finish()

    def take(self, candidate: Candidate, into: Entry | None = None) -> None:
        """Take in a document; one that cannot be read is reported.

        Args:
            candidate: The document.
            into: The document of which it is a new version; None to find that out.

        Raises:
            DiskError: If it cannot be written.
            InputError: If its metadata cannot be used.
        """
        try:
            digest = candidate.digest()
            known = into or self._known(candidate, digest)
            metadata = self._metadata_of(known.name if known else candidate.name, candidate.metadata)
            if known and known.content_sha256 == digest:
                self._keep(known, metadata)
                self._keep_file(candidate, known.text_sha256)
                return
            name = known.name if known else self._free_name(candidate)
            document, digest = _read(candidate, name, digest)
        except (InputError, MissingExtraError) as error:
            if isinstance(error, InputError) and error.field.startswith("metadata"):
                raise
            self._report.unreadable.append((candidate.origin, str(error)))
            return
        self._add(candidate, document, known, metadata, digest)

    def finish(self) -> None:
        """Write what waits, and settle the tables.

        Raises:
            DiskError: If it cannot be written.
        """
        self._writer.finish()
        self._report.chunks += self._writer.chunks

    def _known(self, candidate: Candidate, digest: str) -> Entry | None:
        """Return the document that a candidate is, or is a new version of."""
        if (same_origin := self._origins.get(candidate.origin)) is not None:
            return same_origin
        same_name = self._current.get(candidate.name)
        return same_name if same_name and same_name.content_sha256 == digest else None

    def _metadata_of(self, name: str, of_loader: Fields) -> Fields:
        given: Mapping[str, Any] = self._metadata(name) if callable(self._metadata) else self._metadata
        return {**of_loader, **checked_metadata(given)}

    def _keep(self, known: Entry, metadata: Fields) -> None:
        self._report.unchanged.append(known.name)
        if metadata and dict(known.metadata) != {**known.metadata, **metadata}:
            self._writer.write_all()  # it may be waiting
            self._stores.catalogue.describe(known.id, {**known.metadata, **metadata})

    def _keep_file(self, candidate: Candidate, text_sha256: str) -> None:
        if candidate.kept is not None:
            self._stores.originals.add(text_sha256, candidate.kept)

    def _free_name(self, candidate: Candidate) -> str:
        name, counts = candidate.name, Counter(dict.fromkeys([candidate.name], 1))
        while name in self._current:
            counts[candidate.name] += 1
            name = f"{candidate.name} ({counts[candidate.name]})"
        if name != candidate.name:
            self._report.renamed.append((name, candidate.origin))
        return name

    def _add(
        self, candidate: Candidate, document: Document, known: Entry | None, metadata: Fields, digest: str
    ) -> None:
        entry = Entry(
            id=self._next_id,
            name=document.source,
            version=known.version + 1 if known else 1,
            origin=known.origin if known else candidate.origin,
            content_sha256=digest,
            text_sha256=document.sha256,
            added=_now(known.added if known else ""),
            replaced="",
            language="",
            title=title_of(document.page_map),
            characters=len(document.text),
            tokens=0,
            chunks=0,
            pages=len(document.page_map.pages),
            metadata=metadata,
            notices=document.notices,
        )
        self._keep_file(candidate, entry.text_sha256)
        if (other := self._texts.get(entry.text_sha256)) not in (None, entry.name):
            self._report.same_text.append((entry.name, str(other)))
        (self._report.replaced if known else self._report.added).append(entry.name)
        self._next_id += 1
        self._current[entry.name] = self._origins[entry.origin] = entry
        self._texts.setdefault(entry.text_sha256, entry.name)
        self._writer.add(entry, document)

    def _fail(self, entry: Entry, reason: str) -> None:
        """Report a document of which the workers died; an earlier version of it stays."""
        (self._report.added if entry.version == 1 else self._report.replaced).remove(entry.name)
        self._report.unreadable.append((entry.origin, reason))
        del self._current[entry.name], self._origins[entry.origin]
        for it in self._stores.catalogue.entries():
            if it.name == entry.name and not it.replaced:
                self._current[it.name] = self._origins[it.origin] = it


def _read(candidate: Candidate, name: str, digest: str) -> tuple[Document, str]:
    """Read a document, again if it changed meanwhile; return it and the SHA-256 of its content.

    Raises:
        InputError: If it cannot be read, or changes all the time.
    """
    for _ in range(_READ_TWICE):
        document = candidate.read(name)
        if (after := candidate.digest()) == digest:
            return document, digest
        digest = after
    raise InputError("file", f"{name} changes while it is read; add it again when it is complete")


def _now(after: str) -> str:
    """Return the time in ISO 8601 (UTC), later than that of an earlier version also if the clock was set back."""
    now = datetime.now(UTC)
    if after:
        now = max(now, datetime.fromisoformat(after) + timedelta(microseconds=1))
    return now.isoformat(timespec="microseconds")
