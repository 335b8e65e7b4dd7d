"""A directory of memories, each in a folder named by its id."""

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from memorag_graph.disk_errors import advice
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.memory.storage.journal import JOURNAL
from memorag_graph.memory.storage.leases import LEASE, Lease, in_use
from memorag_graph.memory.storage.manifest import drop_stale_places, find_memories
from memorag_graph.memory.storage.sizes import size_of
from memorag_graph.memory.storage.transaction import LOCK, MANIFEST, finish_change, require_writable
from memorag_graph.paths import memories_dir
from memorag_graph.private_files import file_mode, make_private_dir, sync_directory
from memorag_graph.progress import Progress, ReportProgress, ignore_progress

_GATE = ".gate"
_MAKING = ".making"
_TRASH = ".trash-"
_ID = re.compile("[0-9a-f]{32}")
_POLL_SECONDS = 0.2
_RESUMABLE_SECONDS = 7 * 24 * 3600


class MemoryStore:
    """Memories on disk, safe for several processes and threads.

    A memory's folder also holds its locks, so that nothing is left once the folder is removed. Locks are taken, and
    folders removed, only under a lock of the whole store, the gate, which is held briefly: otherwise a process could
    open a lock file, see its folder removed, and lock a file that nobody else can find.

    Args:
        root: The directory; by default :func:`memorag_graph.paths.memories_dir`, evaluated at each use.
        quota: Maximum bytes of all memories together; the least recently used are removed. None means no limit.

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
        """Return the folder of a memory, whether or not it exists."""
        return self.root / memory_id

    def keeps(self, directory: Path) -> bool:
        """Return whether a directory is a memory's folder in this store, however its path is spelled."""
        return bool(_ID.fullmatch(directory.name)) and directory.resolve().parent == self.root.resolve()

    def require_writable(self, directory: Path) -> None:
        """Create a memory's directory, here or elsewhere, and check before long work that it can be written.

        Raises:
            MemoryFileError: If it cannot.
        """
        if self.keeps(directory):
            with _writing(self.root):
                make_private_dir(directory)
        require_writable(directory)

    @contextmanager
    def claim(self, directory: Path, report: ReportProgress = ignore_progress) -> Iterator[None]:
        """Hold a memory's directory exclusively while the memory is opened or built.

        Of several callers in any process one proceeds and the others wait, so that a memory is built once. A folder
        of the store that is still empty at the end is removed.

        Args:
            directory: The memory's directory, in the store or elsewhere; created if needed.
            report: Called while another caller is waited for; may raise to give up.

        Raises:
            MemoryFileError: If the directory or the store cannot be written.
        """
        with self._exclusive(directory, report):
            with _writing(directory):
                finish_change(directory)
                if self.keeps(directory):
                    Lease(directory).release()  # makes its file now: later, the disk may be full
            try:
                yield
            finally:
                if self.keeps(directory) and _is_empty(directory):
                    self._discard_claimed(directory)
        if self.keeps(directory):
            self.touch(directory.name)
            with suppress(MemoryFileError):  # the memory exists, whether or not others can be removed
                self.make_room(keep=directory.name)

    def is_claimed(self, directory: Path) -> bool:
        """Return whether a memory's directory is held now, as by a process that builds it."""
        if not (directory / _MAKING).exists():
            return False
        with _lock_now(directory) or nullcontext() as lock:
            return lock is None

    def lease(self, memory_id: str) -> Lease:
        """Mark a memory as in use, so that it is not removed.

        Raises:
            OSError: If the memory is gone or cannot be written.
        """
        with self._gate():
            return Lease(self.directory(memory_id))

    def touch(self, memory_id: str) -> None:
        """Record in its manifest's modification time that a memory was used now; ignored in a read-only store."""
        with suppress(OSError):
            os.utime(self.directory(memory_id) / MANIFEST)

    def memories(self) -> list[dict[str, Any]]:
        """Return the manifests of all readable memories with their ``place``, the most recently used first."""
        return sorted(find_memories(self.root), key=lambda info: -_last_used(Path(info["place"])))

    def delete(self, memory_id: str) -> None:
        """Remove a memory.

        Raises:
            MemoryFileError: If it does not exist or is in use, or the store cannot be written.
        """
        directory = self.directory(memory_id)
        if directory not in self._directories():
            raise MemoryFileError(f"{directory} does not exist; list the memories with: memorag-graph list")
        if not self._remove(directory):
            raise MemoryFileError(f"{directory} is in use; try again when no process has it open")

    def gc(self) -> int:
        """Remove leftovers of killed processes and of moved memories, then make room; return the bytes freed.

        An unfinished memory that can be resumed is kept for a week.

        Raises:
            MemoryFileError: If the store cannot be written.
        """
        before = size_of(self.root)
        with _writing(self.root):
            for path in self.root.glob(f"{_TRASH}*"):
                shutil.rmtree(path, ignore_errors=True)
        for directory in self._directories():
            self._tidy(directory)
        with _writing(self.root):
            drop_stale_places(self.root)
        self.make_room()
        return before - size_of(self.root)

    def make_room(self, keep: str = "") -> None:
        """Remove the least recently used memories that are not in use until the quota holds.

        Args:
            keep: Id of a memory to keep in any case.

        Raises:
            MemoryFileError: If the store cannot be written.
        """
        if self._quota is None:
            return
        sizes = {directory: size_of(directory) for directory in self._directories()}
        total = sum(sizes.values())
        for directory in sorted(sizes, key=_last_used):
            if total <= self._quota:
                return
            if directory.name != keep and self._remove(directory):
                total -= sizes[directory]

    def _directories(self) -> list[Path]:
        with _writing(self.root):
            if not self.root.is_dir():
                return []
            return [path for path in sorted(self.root.iterdir()) if path.is_dir() and _ID.fullmatch(path.name)]

    @contextmanager
    def _exclusive(self, directory: Path, report: ReportProgress) -> Iterator[None]:
        """Hold the lock under which a memory is built or changed, reporting while somebody else has it."""
        waited = False
        while (lock := self._try_lock(directory)) is None:
            waited = True
            report(Progress("waiting", 0, 1, "processes"))
            time.sleep(_POLL_SECONDS)
        with lock:
            if waited:
                report(Progress("waiting", 1, 1, "processes"))
            yield

    def _try_lock(self, directory: Path) -> AbstractContextManager[object] | None:
        with _writing(directory), self._gate() if self.keeps(directory) else nullcontext():
            if self.keeps(directory):
                make_private_dir(directory)
            directory.mkdir(parents=True, exist_ok=True)
            return _lock_now(directory)

    def _tidy(self, directory: Path) -> None:
        """Finish or undo what a killed process left of a change, and remove the remains of an unfinished memory."""
        lock = self._try_lock(directory)
        if lock is None:  # another process is building or changing it
            return
        with lock, _writing(directory):
            finish_change(directory)
            abandoned = not (directory / MANIFEST).exists() and _age(directory / JOURNAL) > _RESUMABLE_SECONDS
        if abandoned:
            self._remove(directory)

    def _remove(self, directory: Path) -> bool:
        """Remove a memory unless it is in use or being built; return whether it is gone."""
        trash = self._trash()
        with _writing(self.root), self._gate():
            if not directory.is_dir():  # removed by another process
                return True
            lock = _lock_now(directory)
            if lock is None:
                return False
            with lock:
                if in_use(directory):
                    return False
                os.replace(directory, trash)
        self._empty(trash)
        return True

    def _discard_claimed(self, directory: Path) -> None:
        """Remove a folder whose lock the caller holds."""
        trash = self._trash()
        with suppress(OSError), self._gate():  # gc tries again
            os.replace(directory, trash)
        self._empty(trash)

    def _empty(self, trash: Path) -> None:
        """Delete a removed folder; what cannot be deleted is left to :meth:`gc`."""
        with suppress(OSError):
            sync_directory(self.root)  # else a power failure could bring back a memory without its files
            shutil.rmtree(trash)

    def _trash(self) -> Path:
        return self.root / f"{_TRASH}{uuid.uuid4().hex}"

    def _gate(self) -> FileLock:
        make_private_dir(self.root)
        return FileLock(self.root / _GATE, mode=file_mode(self.root), thread_local=False)


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MemoryFileError(f"{directory} cannot be read or written ({error}); {advice(error)}") from error


def _lock_now(directory: Path) -> AbstractContextManager[object] | None:
    """Return the lock under which a memory is changed, already held; None if somebody else holds it."""
    try:
        return FileLock(directory / _MAKING, mode=file_mode(directory), thread_local=False).acquire(timeout=0)
    except Timeout:
        return None


def _is_empty(directory: Path) -> bool:
    """Return whether a folder has no files but locks; one that cannot be read is kept."""
    try:
        return set(os.listdir(directory)) <= {LOCK, LEASE, _MAKING}
    except OSError:
        return False


def _last_used(directory: Path) -> float:
    try:
        return (directory / MANIFEST).stat().st_mtime
    except OSError:
        return time.time()  # being built


def _age(path: Path) -> float:
    """Return the seconds since a file was last written; infinity if it does not exist."""
    return time.time() - path.stat().st_mtime if path.exists() else float("inf")
