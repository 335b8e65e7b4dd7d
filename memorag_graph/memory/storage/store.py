"""A directory of memories, each kept under its content address."""

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.memory.storage.journal import JOURNAL
from memorag_graph.memory.storage.leases import Lease, in_use
from memorag_graph.memory.storage.manifest import find_memories
from memorag_graph.memory.storage.transaction import LOCK, MANIFEST, finish_change
from memorag_graph.paths import memories_dir
from memorag_graph.progress import Progress, ReportProgress, ignore_progress

_LEASES = ".leases"
_LOCKS = ".locks"
_MAKING = ".making"
_TRASH = ".trash-"
_USED = ".used"
_ID = re.compile("[0-9a-f]{32}")
_LOOKS_EVERY = 0.5
"""Seconds between two reports of waiting, at each of which it can be given up."""

_RESUMABLE_SECONDS = 7 * 24 * 3600


class MemoryStore:
    """Memories on disk, safe for many processes.

    Args:
        root: The directory; by default the user's, as :func:`memorag_graph.paths.memories_dir` says at each use.
        quota: Most bytes of all memories together; the least recently used ones make room. None has no limit.

    Raises:
        InputError: If the quota is not positive.
    """

    def __init__(self, root: Path | None = None, *, quota: int | None = None) -> None:
        if quota is not None and quota <= 0:
            raise InputError("quota", f"must be a positive number of bytes, not {quota}")
        self._root = root
        self._quota = quota

    @property
    def root(self) -> Path:
        """The directory."""
        return self._root or memories_dir()

    def directory(self, memory_id: str) -> Path:
        """Return where a memory is kept, or would be."""
        return self.root / memory_id

    @contextmanager
    def claim(self, directory: Path, report: ReportProgress = ignore_progress) -> Iterator[None]:
        """Hold a memory's directory while the memory is opened or made, so that several askers make it once.

        Of several callers, in this process and others, one goes first and the others wait.

        Args:
            directory: The memory's directory, in the store or outside.
            report: Called while another process is waited for.

        Raises:
            MemoryFileError: If the store cannot be written.
        """
        with _held(self.exclusive(directory), report):
            finish_change(directory)
            try:
                yield
            finally:
                if self.keeps(directory) and _holds_nothing(directory):
                    shutil.rmtree(directory, ignore_errors=True)  # stopped before there was anything to resume
        if self.keeps(directory):
            self.touch(directory.name)
            with suppress(MemoryFileError):  # the memory is there, whether or not others can go
                self.make_room(keep=directory.name)

    def keeps(self, directory: Path) -> bool:
        """Tell whether a directory is the place of a memory in this store, however it is spelled."""
        return bool(_ID.fullmatch(directory.name)) and directory.resolve().parent == self.root.resolve()

    def exclusive(self, directory: Path) -> FileLock:
        """Return the lock under which a memory is made or changed in a directory.

        The lock of a process that died is free.

        Raises:
            MemoryFileError: If the store cannot be written.
        """
        if not self.keeps(directory):
            return FileLock(directory / _MAKING, thread_local=False)
        with self._writing():
            (self.root / _LOCKS).mkdir(parents=True, exist_ok=True)
        return FileLock(self.root / _LOCKS / directory.name, thread_local=False)

    def lease(self, memory_id: str) -> Lease:
        """Say that a memory is in use, so that it is not deleted to make room."""
        with self._gate():
            return Lease(self.root / _LEASES / memory_id)

    def touch(self, memory_id: str) -> None:
        """Note that a memory was used now; a store that cannot be written is only read."""
        with suppress(OSError):
            (self.root / _USED).mkdir(parents=True, exist_ok=True)
            (self.root / _USED / memory_id).touch()

    def memories(self) -> list[dict[str, Any]]:
        """Return what is known of all readable memories, with ``place``, the most recently used first."""
        return sorted(find_memories(self.root), key=lambda info: -self._last_used(Path(info["place"])))

    def delete(self, memory_id: str) -> None:
        """Remove a memory.

        Raises:
            MemoryFileError: If there is none, it is in use, or the store cannot be written.
        """
        directory = self.directory(memory_id)
        if directory not in self._directories():
            raise MemoryFileError(f"{directory} does not exist; see what there is with: memorag-graph list")
        if not self._remove(directory):
            raise MemoryFileError(f"{directory} is in use; try again when no process has it open")

    def gc(self) -> int:
        """Remove what killed processes left, then make room; return bytes freed.

        What was begun and can be resumed is kept for a week.

        Raises:
            MemoryFileError: If the store cannot be written.
        """
        before = _size(self.root)
        for path in self.root.glob(f"{_TRASH}*"):
            shutil.rmtree(path, ignore_errors=True)
        for directory in self._directories():
            self._tidy(directory)
        self.make_room()
        return before - _size(self.root)

    def _tidy(self, directory: Path) -> None:
        """Finish what a killed process left of a change, or remove what it left of a memory."""
        try:
            with self._writing(), self.exclusive(directory).acquire(timeout=0):
                finish_change(directory)
        except Timeout:  # somebody is at work there
            return
        if not (directory / MANIFEST).exists() and _age(directory / JOURNAL) > _RESUMABLE_SECONDS:
            self._remove(directory)

    def make_room(self, keep: str = "") -> None:
        """Remove the least recently used memories until the quota holds, but none that is in use.

        Args:
            keep: Id of a memory to leave in any case.

        Raises:
            MemoryFileError: If the store cannot be written.
        """
        if self._quota is None:
            return
        sizes = {directory: _size(directory) for directory in self._directories()}
        total = sum(sizes.values())
        for directory in sorted(sizes, key=self._last_used):
            if total <= self._quota:
                return
            if directory.name != keep and self._remove(directory):
                total -= sizes[directory]

    def _directories(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return [path for path in sorted(self.root.iterdir()) if path.is_dir() and _ID.fullmatch(path.name)]

    def _last_used(self, directory: Path) -> float:
        for path in (self.root / _USED / directory.name, directory / MANIFEST):
            with suppress(OSError):
                return path.stat().st_mtime
        return time.time()  # just being made

    def _remove(self, directory: Path) -> bool:
        """Remove a memory unless it is in use or being made; tell whether it was removed."""
        trash = self.root / f"{_TRASH}{uuid.uuid4().hex}"
        try:
            with self._writing(), self._gate(), self.exclusive(directory).acquire(timeout=0):
                if in_use(self.root / _LEASES / directory.name):
                    return False
                os.replace(directory, trash)
                (self.root / _USED / directory.name).unlink(missing_ok=True)
        except Timeout:
            return False
        shutil.rmtree(trash, ignore_errors=True)
        return True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Timeout:  # an OSError that says nothing of the disk
            raise
        except OSError as error:
            raise MemoryFileError(f"{self.root} cannot be written ({error}); check its permissions") from error

    def _gate(self) -> FileLock:
        """Return the lock between those who begin to use a memory and those who remove it."""
        self.root.mkdir(parents=True, exist_ok=True)
        return FileLock(self.root / ".gate", thread_local=False)


def _holds_nothing(directory: Path) -> bool:
    return not any(path.is_file() and path.name != LOCK for path in directory.glob("*"))


@contextmanager
def _held(lock: FileLock, report: ReportProgress) -> Iterator[None]:
    """Hold a lock, saying so while somebody else has it."""
    waited = False
    while True:
        try:
            lock.acquire(timeout=_LOOKS_EVERY if waited else 0)
            break
        except Timeout:
            waited = True
            report(Progress("waiting", 0, 1, "processes"))
    try:
        if waited:
            report(Progress("waiting", 1, 1, "processes"))
        yield
    finally:
        lock.release()


def _age(path: Path) -> float:
    """Return the seconds since a file was last written; without end where there is none."""
    return time.time() - path.stat().st_mtime if path.exists() else float("inf")


def _size(directory: Path) -> int:
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += (Path(folder) / name).stat().st_size
            except OSError:  # removed meanwhile
                continue
    return total
