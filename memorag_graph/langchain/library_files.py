"""The documents of a library as read-only files of a Deep Agent."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from memorag_graph.errors import MissingExtraError
from memorag_graph.library.entry import Entry
from memorag_graph.library.library import Library
from memorag_graph.library.where import Where

try:
    from deepagents.backends.protocol import (
        BackendProtocol,
        EditResult,
        FileInfo,
        GlobResult,
        GrepMatch,
        GrepResult,
        LsResult,
        ReadResult,
        WriteResult,
    )  # fmt: skip
    from wcmatch import glob as wildcards
except ImportError:
    raise MissingExtraError("LibraryFiles", "agents") from None

_READ_ONLY = "the documents of the library are read-only; write to another place"
_WILDCARDS = wildcards.GLOBSTAR | wildcards.BRACE


class LibraryFiles(BackendProtocol):
    """A backend for ``create_deep_agent(backend=...)``: each document is a file with its text; nothing can be changed.

    Put it beside a writable backend with ``CompositeBackend``, for example under ``/library/``.

    Args:
        library: The library.
        where: Which documents; see :mod:`memorag_graph.library.where`. Default: all, in their current versions.
    """

    def __init__(self, library: Library, where: Where | None = None) -> None:
        self._library = library
        self._where = where

    def ls(self, path: str) -> LsResult:
        """List the documents and folders in a folder."""
        folder = PurePosixPath("/", path)
        inside: dict[str, FileInfo] = {}
        for file, entry in self._files():
            if folder not in file.parents:
                continue
            child = folder / file.relative_to(folder).parts[0]
            inside[str(child)] = _info(file, entry) if child == file else FileInfo(path=f"{child}/", is_dir=True)
        return LsResult(entries=[inside[name] for name in sorted(inside)])

    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        """Return lines of a document."""
        entry = dict(self._files()).get(PurePosixPath("/", file_path))
        if entry is None:
            return ReadResult(error=f"{file_path} is no document of the library")
        if limit <= 0:
            return ReadResult(no_lines_requested=True)
        lines, start = self._lines(entry), max(0, offset)
        shown = lines[start : start + limit]
        if not shown:
            return ReadResult(error=f"{file_path} has {len(lines)} lines")
        end = start + len(shown)
        return ReadResult(
            file_data={"content": "\n".join(shown), "encoding": "utf-8", "created_at": entry.added},
            total_lines=len(lines),
            start_line=start + 1,
            end_line=end,
            next_offset=end if end < len(lines) else None,
        )

    def grep(
        self, pattern: str, path: str | None = None, glob: str | None = None, *, max_count: int | None = None
    ) -> GrepResult:
        """Find the lines that hold a text."""
        found: list[GrepMatch] = []
        for file, entry in self._files(path, glob):
            for number, line in enumerate(self._lines(entry), start=1):
                if pattern not in line:
                    continue
                if max_count is not None and len(found) >= max_count:
                    return GrepResult(matches=found, truncated=True)
                found.append(GrepMatch(path=str(file), line=number, text=line))
        return GrepResult(matches=found)

    def glob(self, pattern: str, path: str | None = None) -> GlobResult:
        """Find documents by their names."""
        return GlobResult(matches=[_info(file, entry) for file, entry in self._files(path, pattern)])

    def write(self, file_path: str, content: str) -> WriteResult:
        """Refuse."""
        return WriteResult(error=_READ_ONLY)

    def edit(self, file_path: str, old_string: str, new_string: str, replace_all: bool = False) -> EditResult:
        """Refuse."""
        return EditResult(error=_READ_ONLY)

    def _files(self, path: str | None = None, pattern: str | None = None) -> Iterator[tuple[PurePosixPath, Entry]]:
        """Yield the documents in a folder, or a document, whose names fit."""
        root = PurePosixPath("/", path or "")
        for entry in sorted(self._library.list(self._where), key=lambda it: it.name):
            file = PurePosixPath("/", entry.name)
            if file != root and root not in file.parents:
                continue
            name = file.name if pattern and "/" not in pattern else str(file.relative_to(root if file != root else "/"))
            if pattern is None or wildcards.globmatch(name, pattern.removeprefix("/"), flags=_WILDCARDS):
                yield file, entry

    def _lines(self, entry: Entry) -> list[str]:
        return self._library.stores.texts.read(entry.text_sha256).splitlines()


def _info(file: PurePosixPath, entry: Entry) -> FileInfo:
    return FileInfo(path=str(file), is_dir=False, size=entry.characters, modified_at=entry.added)
