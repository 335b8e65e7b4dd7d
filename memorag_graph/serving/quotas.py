"""What each tenant may use: requests a minute, jobs at once, tokens a day, documents and bytes that are kept."""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorag_graph.disk_errors import telling
from memorag_graph.errors import QuotaError, StorageQuotaError
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.private_files import make_private_dir
from memorag_graph.service_settings import ServiceOptions

USAGE_FILE = "usage.db"
_MINUTE = 60.0
_DAY = 86_400
_KEPT_DAYS = 400
"""A clock that goes forward by a year, and back again, does not forget what was used."""

_JOB_SECONDS = 10.0
_MB = 1024**2

_CREATE = "CREATE TABLE IF NOT EXISTS used (tenant TEXT, day INTEGER, tokens INTEGER, PRIMARY KEY (tenant, day))"
_ADD = "INSERT INTO used VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET tokens = tokens + excluded.tokens"
_READ = "SELECT tokens FROM used WHERE tenant = ? AND day = ?"


@dataclass(frozen=True)
class Quota:
    """What one tenant may use; None means no limit.

    Attributes:
        requests_per_minute: Requests in any minute.
        jobs: Documents that are memorized at once.
        tokens_per_day: Tokens read and generated in a day (UTC).
        documents: Documents in all memories and libraries, those that are being made included.
        bytes: Bytes of all memories and libraries on disk; what does not fit is refused, nothing else is removed.
    """

    requests_per_minute: int | None = None
    jobs: int | None = None
    tokens_per_day: int | None = None
    documents: int | None = None
    bytes: int | None = None

    @classmethod
    def of(cls, options: ServiceOptions) -> "Quota":
        """Return the quota that a service is configured with."""
        return cls(
            options.tenant_requests,
            options.tenant_jobs,
            options.tenant_tokens,
            options.tenant_documents,
            options.tenant_mb and options.tenant_mb * _MB,
        )


@dataclass(frozen=True)
class Kept:
    """What a tenant keeps in libraries."""

    documents: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class _Job:
    """A memory that is being made or opened, or documents that a library takes in.

    Attributes:
        memory_id: The memory's id, or a name of its own.
        documents: The number of its documents.
        is_new: Whether it was not kept when the job began.
    """

    memory_id: str
    documents: int
    is_new: bool


class Usage:
    """Counts what tenants use. Thread-safe; tokens are counted across restarts, the rest in this process.

    Args:
        quota: What each tenant may use; the operator, whose tenant has no name, has no quota.
        directory: Where the tokens of the day are kept.
        clock: Returns the seconds since the epoch, which name the day.
        timer: Returns seconds that never go back, however the clock is set.
        in_libraries: Returns what a tenant keeps in libraries.

    Attributes:
        quota: What each tenant may use.
    """

    def __init__(
        self,
        quota: Quota,
        directory: Path,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
        in_libraries: Callable[[str], Kept] = lambda _: Kept(),
    ) -> None:
        self.quota = quota
        self._path = directory / USAGE_FILE
        self._in_libraries = in_libraries
        self._clock = clock
        self._timer = timer
        self._requests: dict[str, deque[float]] = {}
        self._lock = threading.Lock()
        self._jobs: dict[str, list[_Job]] = {}
        self._room = threading.Lock()

    def count_request(self, tenant: str) -> None:
        """Count a request.

        Raises:
            QuotaError: If the tenant has used up its requests or tokens.
        """
        if not tenant:
            return
        with self._lock:
            self._require_tokens(tenant)
            if (most := self.quota.requests_per_minute) is None:
                return
            now, recent = self._timer(), self._requests.setdefault(tenant, deque())
            while recent and recent[0] <= now - _MINUTE:
                recent.popleft()
            if len(recent) >= most:
                wait = recent[0] + _MINUTE - now
                raise QuotaError(f"{most} requests a minute are allowed; try again later", wait)
            recent.append(now)

    @contextmanager
    def job(
        self, tenant: str, store: MemoryStore, memory_id: str, documents: int, replaces: str = ""
    ) -> Iterator[None]:
        """Count a job while it runs, and keep room for its documents.

        What is kept already needs no room, and opening it again is no job.

        Args:
            tenant: The tenant.
            store: Its store.
            memory_id: The memory that the job makes; a name of its own if it makes none.
            documents: The number of its documents.
            replaces: Id of a memory that goes once the job is done, and so needs no room.

        Raises:
            QuotaError: If too many of the tenant's jobs run.
            StorageQuotaError: If the tenant may not keep more; says how much is used.
        """
        with self._room:
            jobs = self._jobs.setdefault(tenant, [])
            kept = self._kept(tenant, store, replaces)
            job = _Job(memory_id, documents, memory_id not in kept)
            if tenant and job.is_new:
                self._require_job(jobs)
                self._require_room(jobs, kept, self._kept_in_libraries(tenant), job)
            jobs.append(job)
        try:
            yield
        finally:
            with self._room:
                jobs.remove(job)

    def add_tokens(self, tenant: str, tokens: int) -> None:
        """Count tokens that were read or generated for a tenant."""
        if not tenant or self.quota.tokens_per_day is None or tokens <= 0:
            return
        with self._lock, self._database() as database:
            database.execute(_ADD, (tenant, self._day(), tokens))
            database.execute("DELETE FROM used WHERE day < ?", (self._day() - _KEPT_DAYS,))

    def limits_bytes(self, tenant: str) -> bool:
        """Return whether a tenant's bytes are limited."""
        return bool(tenant) and self.quota.bytes is not None

    def require_fit(self, tenant: str, store: MemoryStore, discard: Callable[[], None], replaces: str = "") -> None:
        """Check that what a tenant keeps fits with what was just made; its size was not known before.

        Args:
            tenant: The tenant.
            store: Its store.
            discard: Removes what is new.
            replaces: As for :meth:`job`.

        Raises:
            StorageQuotaError: If it does not fit; what is new is discarded.
        """
        if self.quota.bytes is None or not tenant:
            return
        with self._room:  # of two that fit alone, one stays
            size = _bytes(self._kept(tenant, store, replaces)) + self._kept_in_libraries(tenant).bytes
            if size > self.quota.bytes:
                discard()
                used = f"with this, {size:,} of {self.quota.bytes:,} bytes would be used"
                raise StorageQuotaError(f"{used}; send less, or delete something first")

    def _kept(self, tenant: str, store: MemoryStore, without: str) -> dict[str, dict[str, Any]]:
        """Return the manifests of a tenant's memories but one by id, if any limit depends on them."""
        if not tenant or (self.quota.jobs, self.quota.documents, self.quota.bytes) == (None, None, None):
            return {}
        return {memory["memory_id"]: memory for memory in store.memories() if memory["memory_id"] != without}

    def _kept_in_libraries(self, tenant: str) -> Kept:
        """Return what a tenant keeps in libraries, if a limit depends on it."""
        return self._in_libraries(tenant) if (self.quota.documents, self.quota.bytes) != (None, None) else Kept()

    def _require_job(self, jobs: Sequence[_Job]) -> None:
        most = self.quota.jobs
        if most is not None and sum(job.is_new for job in jobs) >= most:
            raise QuotaError(f"{most} jobs at once are allowed; wait for one to end", _JOB_SECONDS)

    def _require_room(
        self, jobs: Sequence[_Job], kept: Mapping[str, dict[str, Any]], in_libraries: Kept, new: _Job
    ) -> None:
        known = {it: len(memory["documents"]) for it, memory in kept.items()}
        making = {job.memory_id: job.documents for job in jobs if job.memory_id not in known}
        used, most = sum(known.values()) + in_libraries.documents + sum(making.values()), self.quota.documents
        if most is not None and new.memory_id not in making and used + new.documents > most:
            state = f"{used} of {most} documents are kept or being memorized, and {new.documents} would be added"
            raise StorageQuotaError(f"{state}; delete something first")
        size = _bytes(kept) + in_libraries.bytes
        if self.quota.bytes is not None and size >= self.quota.bytes:
            raise StorageQuotaError(f"{size:,} of {self.quota.bytes:,} bytes are used; delete something first")

    def _require_tokens(self, tenant: str) -> None:
        most = self.quota.tokens_per_day
        if most is not None and self._tokens(tenant) >= most:
            wait = _DAY - self._clock() % _DAY
            raise QuotaError(f"{most:,} tokens a day are used up; try again tomorrow", wait)

    def _tokens(self, tenant: str) -> int:
        with self._database() as database:
            row = database.execute(_READ, (tenant, self._day())).fetchone()
        return int(row[0]) if row else 0

    def _day(self) -> int:
        return int(self._clock() // _DAY)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with telling(self._path, "written"):
            make_private_dir(self._path.parent)
            self._path.touch(mode=0o600)  # keeps what another process has written
            with closing(sqlite3.connect(self._path)) as database, database:
                database.execute(_CREATE)
                yield database


def _bytes(memories: Mapping[str, dict[str, Any]]) -> int:
    return sum(file["bytes"] for memory in memories.values() for file in memory["files"].values())
