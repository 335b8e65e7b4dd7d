"""Files that a client sends to a library."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import UploadFile

from memorag_graph.documents import document_name
from memorag_graph.library.found_files import uploaded_file
from memorag_graph.progress import ReportProgress
from memorag_graph.serving.library_intake import LibraryIntake, told

_FOLDER = "memorag-upload-"


class ReceivedFiles:
    """Uploaded files, kept in a folder until a library has taken them in.

    Args:
        files: The files.
        encoding: Encoding of text files; empty to find it.
    """

    def __init__(self, files: Sequence[UploadFile], encoding: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=_FOLDER)
        self._candidates = []
        for number, sent in enumerate(files):
            path = Path(self._folder.name) / str(number)
            with path.open("wb") as target:
                shutil.copyfileobj(sent.file, target)
            self._candidates.append(uploaded_file(path, document_name(sent.filename or ""), encoding))

    def take_into(self, intake: LibraryIntake, report: ReportProgress) -> dict[str, Any]:
        """Take the files in, remove the folder, and tell what was done; see :meth:`LibraryIntake.take`."""
        with self._folder:
            return told(intake.take(self._candidates, report))
