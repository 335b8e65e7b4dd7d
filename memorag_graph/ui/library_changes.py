"""Change libraries in background threads, those of one library one after another, so that no page waits for them."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from tempfile import TemporaryDirectory
from typing import Literal

from memorag_graph.cancellation import Cancellation
from memorag_graph.errors import CancelledRunError, LibraryBusyError, MemoragError
from memorag_graph.library.entry import Report
from memorag_graph.library.found_files import Candidate
from memorag_graph.library.library import Library
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.progress import Progress
from memorag_graph.serving.library_intake import LibraryIntake
from memorag_graph.serving.told_errors import told_without_addresses

State = Literal["waiting", "running", "done", "stopped", "failed"]

_AT_FIRST = 4
"""Files that are taken in at first; then twice as many each time, so that the first can be asked early."""

_MOST_ENDED = 200
"""Ended changes that are kept to be shown; the oldest is dropped first."""

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Change(ABC):
    """A change of a library.

    Attributes:
        library: Name of the library.
        visit: The visit that asked for it.
        names: Names of the documents.
        folder: Where files for it lie until it ends.
        state: Current state.
        done: How many documents are done.
        report: What it did so far.
        error: Message of the error that ended it.
    """

    library: str
    visit: str
    names: Sequence[str]
    folder: TemporaryDirectory[str] | None = None
    state: State = "waiting"
    done: int = 0
    report: Report = field(default_factory=Report)
    error: str = ""
    _cancellation: Cancellation = field(default_factory=Cancellation)

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")

    def stop(self) -> None:
        """Give it up; what was done before stays."""
        self._cancellation.cancel()

    def run(self, library: Library) -> None:
        """Do it.

        Raises:
            MemoragError: If it cannot be done, or was stopped.
        """
        with self._cancellation.bound():
            self._cancellation.check()
            self._run(library)

    def end(self) -> None:
        """Remove the files that were sent for it."""
        if self.folder is not None:
            self.folder.cleanup()

    @abstractmethod
    def _run(self, library: Library) -> None:
        """Do it, without the means to stop it."""


@dataclass(eq=False, kw_only=True)
class Addition(Change):
    """Files to take in.

    Attributes:
        files: The files.
        intake: Takes them in, within the quotas of the tenant.
    """

    files: Sequence[Candidate]
    intake: LibraryIntake

    def _run(self, library: Library) -> None:
        with library.worker.resting():
            for part in self._parts():
                before = self.done

                def tell(progress: Progress, before: int = before) -> None:
                    self._cancellation.check()
                    self.done = before + progress.done

                self.report = _joined(self.report, self.intake.take(part, tell))

    def _parts(self) -> Iterator[Sequence[Candidate]]:
        start, size = 0, _AT_FIRST
        while start < len(self.files):
            yield self.files[start : start + size]
            start, size = start + size, 2 * size


@dataclass(eq=False)
class Removal(Change):
    """Documents to remove."""

    def _run(self, library: Library) -> None:
        self.report = library.remove(*self.names)


class LibraryChanges:
    """The changes of a tenant's libraries.

    Args:
        libraries: The libraries.
    """

    def __init__(self, libraries: NamedLibraries) -> None:
        self._libraries = libraries
        self._changes: list[Change] = []
        self._working: set[str] = set()
        self._lock = threading.Lock()

    def start(self, change: Change) -> None:
        """Do a change after those that were asked for before."""
        with self._lock:
            self._changes.append(change)
            if change.library in self._working:
                return
            self._working.add(change.library)
        threading.Thread(target=self._work, args=(change.library,), daemon=True, name="change").start()

    def of(self, library: str, visit: str) -> Sequence[Change]:
        """Return the open changes of a library, and those of a visit that ended, in order."""
        with self._lock:
            mine = [it for it in self._changes if it.library == library]
            return [it for it in mine if it.is_open or it.visit == visit]

    def drop(self, change: Change) -> None:
        """Forget a change that ended."""
        with self._lock:
            self._changes = [it for it in self._changes if it is not change]

    def _work(self, library: str) -> None:
        while (change := self._next(library)) is not None:
            try:
                change.run(self._libraries.open(library))
                change.state = "done"
            except CancelledRunError:
                change.state = "stopped"
            except LibraryBusyError:
                change.error, change.state = "Somebody else is changing this library. Try again later.", "failed"
            except MemoragError as error:
                change.error, change.state = told_without_addresses(error), "failed"
            except Exception as error:  # noqa: BLE001 - a thread ends here: any error is logged and shown
                _log.exception("changing a library failed")
                change.error, change.state = f"{type(error).__name__}: {error}", "failed"
            finally:
                change.end()

    def _next(self, library: str) -> Change | None:
        """Begin the change that has waited longest; None if there is none left, and the thread ends."""
        with self._lock:
            ended = [it for it in self._changes if not it.is_open]
            for it in ended[:-_MOST_ENDED]:
                self._changes.remove(it)
            change = next((it for it in self._changes if it.library == library and it.state == "waiting"), None)
            if change is None:
                self._working.discard(library)
            else:
                change.state = "running"
            return change


def _joined(first: Report, second: Report) -> Report:
    """Return what two changes did together."""
    return Report(**{it.name: getattr(first, it.name) + getattr(second, it.name) for it in fields(Report)})
