"""Uploaded files whose pages can be shown: kept for a while, then beside the memory that is made of them."""

import logging
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Iterable
from pathlib import Path

from memorag_graph.documents import Document
from memorag_graph.documents.kept_files import KEPT, KeptFiles
from memorag_graph.errors import MemoragError
from memorag_graph.memory.storage.store import MemoryStore

_log = logging.getLogger(__name__)


class UploadedFiles:
    """The PDF files of an upload, in a private temporary folder that ends with this object or its process."""

    def __init__(self) -> None:
        folder = Path(tempfile.gettempdir(), f"memorag-upload-{uuid.uuid4().hex}")
        self._files = KeptFiles(folder)  # makes the folder with the first PDF
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def add(self, document: Document, file: Path) -> None:
        """Keep a file, if it is a PDF, for the document that was read from it.

        Raises:
            DiskError: If the copy cannot be written.
        """
        self._files.add(document.sha256, file)

    def keep_with(self, store: MemoryStore, memory_id: str, texts: Iterable[str], earlier: str = "") -> None:
        """Keep the files of texts in the folder of their memory, with which they are deleted; end this object.

        If files cannot be kept, that is logged: the memory can be asked without.

        Args:
            store: The store of the memory.
            memory_id: The memory's id.
            texts: SHA-256 of each text.
            earlier: Id of the memory that was changed to this one: its files are kept, too.
        """
        try:
            lease = store.lease(memory_id)
        except OSError:  # deleted meanwhile
            return
        try:
            kept = KeptFiles(store.directory(memory_id) / KEPT)
            for text in texts:
                if file := self._files.find(text) or (earlier and kept_file(store, earlier, text)):
                    kept.add(text, file)
            store.make_room(keep=memory_id)
        except MemoragError as error:
            _log.warning("the uploaded files were not kept: %s", error)
        finally:
            lease.release()
            self._remove()


def kept_file(store: MemoryStore, memory_id: str, text_sha256: str) -> Path | None:
    """Return the file from which a text of a memory was read; None if it was not kept."""
    return KeptFiles(store.directory(memory_id) / KEPT).find(text_sha256)
