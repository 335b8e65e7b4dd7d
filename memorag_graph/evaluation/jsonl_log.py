"""JSON-lines files that survive a killed process."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError

Line = Mapping[str, Any]


class JournalFile:
    """A file of JSON objects; :meth:`append` returns once the line is on disk.

    Opening the file truncates an unfinished last line, left by a killed process.

    Args:
        path: The file; created by the first append.

    Raises:
        InputError: If a line other than an unfinished last one is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: list[Line] = self._read()

    def append(self, line: Line) -> None:
        """Append a line."""
        with telling(self._path, "written"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.lines.append(line)

    def drop(self, unwanted: list[Line]) -> None:
        """Remove lines."""
        if unwanted:
            kept = [line for line in self.lines if line not in unwanted]
            replace_text(self._path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept))
            self.lines = kept

    def _read(self) -> list[Line]:
        with telling(self._path, "read"):
            if not self._path.is_file():
                return []
            data = self._path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            if len(whole) < len(data):
                os.truncate(self._path, len(whole))
        lines: list[Line] = []
        for number, text in enumerate(whole.splitlines(), start=1):
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                raise InputError("out", f"{self._path}, line {number} is damaged; remove the line, or use --fresh")
            lines.append(line)
        return lines


def replace_text(path: Path, text: str) -> None:
    """Replace a file atomically: a killed process leaves the old or the new text."""
    new = path.with_name(f"{path.name}.new")
    with telling(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
