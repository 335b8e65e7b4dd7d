"""Notes kept on disk as they are made, so that a killed process goes on where it was."""

import hashlib
import json
import os
from collections.abc import Collection
from pathlib import Path

from memorag_graph.errors import MemoryFileError

JOURNAL = ".journal"
"""Name of the journal in the directory where a memory is being made."""


class Journal:
    """A file with one line for each finished note, or none.

    Args:
        path: The file; created with the first note. None keeps nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def read(self) -> dict[str, str]:
        """Return the notes by their keys; a line that is torn or damaged is left out."""
        if self._path is None or not self._path.exists():
            return {}
        notes = {}
        for line in self._path.read_bytes().splitlines():
            try:
                key, text, seal = json.loads(line)
                if seal == _seal(key, text):
                    notes[key] = text
            except (ValueError, TypeError):
                continue
        return notes

    def add(self, key: str, text: str) -> None:
        """Keep a note, so that it survives whatever happens next.

        Raises:
            MemoryFileError: If it cannot be written.
        """
        if self._path is None:
            return
        line = json.dumps([key, text, _seal(key, text)], ensure_ascii=False).encode() + b"\n"
        try:
            with self._path.open("ab") as stream:
                if stream.tell():  # sets a torn line apart
                    line = b"\n" + line
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise MemoryFileError(f"{self._path} cannot be written ({error}); free some space and run again") from None

    def forget(self, keys: Collection[str]) -> None:
        """Remove the journal if all its notes are among those that are kept elsewhere."""
        if self.read().keys() <= set(keys):
            self.clear()

    def clear(self) -> None:
        """Forget all notes, once the memory that holds them is on disk."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _seal(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()[:16]
