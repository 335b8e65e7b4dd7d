"""What each tenant may use: requests a minute, jobs at once, tokens a day, documents and bytes of its memories."""

import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from memorag_graph.disk_errors import telling
from memorag_graph.errors import QuotaError, StorageQuotaError
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.private_files import make_private_dir

USAGE_FILE = "usage.db"
_MINUTE = 60.0
_DAY = 86_400
_KEPT_DAYS = 400
"""A clock that goes forward by a year, and back again, does not forget what was used."""

_JOB_SECONDS = 10.0


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
        documents: Documents in all memories.
        bytes: Bytes of all memories on disk; a memory that does not fit is refused, none is removed.
    """

    requests_per_minute: int | None = None
    jobs: int | None = None
    tokens_per_day: int | None = None
    documents: int | None = None
    bytes: int | None = None


class Usage:
    """Counts what tenants use. Thread-safe; tokens are counted across restarts.

    Args:
        quota: What each tenant may use; the operator, whose tenant has no name, has no quota.
        directory: Where the tokens of the day are kept.
        clock: Returns the seconds since the epoch.
        timer: Returns seconds that nobody sets back or forward.
    """

    def __init__(
        self,
        quota: Quota,
        directory: Path,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quota = quota
        self._path = directory / USAGE_FILE
        self._clock = clock
        self._timer = timer
        self._requests: dict[str, deque[float]] = {}
        self._jobs: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count_request(self, tenant: str) -> None:
        """Count a request.

        Raises:
            QuotaError: If the tenant has used up its requests or tokens.
        """
        if not tenant:
            return
        quota, now = self._quota, self._timer()
        with self._lock:
            recent = self._requests.setdefault(tenant, deque())
            while recent and recent[0] <= now - _MINUTE:
                recent.popleft()
            if quota.requests_per_minute is not None and len(recent) >= quota.requests_per_minute:
                wait = recent[0] + _MINUTE - now
                raise QuotaError(f"{quota.requests_per_minute} requests a minute are allowed; try again later", wait)
            if quota.tokens_per_day is not None and self._tokens(tenant) >= quota.tokens_per_day:
                wait = _DAY - self._clock() % _DAY
                raise QuotaError(f"{quota.tokens_per_day:,} tokens a day are used up; try again tomorrow", wait)
            recent.append(now)

    @contextmanager
    def job(self, tenant: str) -> Iterator[None]:
        """Count a job while it runs.

        Raises:
            QuotaError: If too many of the tenant's jobs run.
        """
        with self._lock:
            if tenant and self._quota.jobs is not None and self._jobs[tenant] >= self._quota.jobs:
                raise QuotaError(f"{self._quota.jobs} jobs at once are allowed; wait for one to end", _JOB_SECONDS)
            self._jobs[tenant] += 1
        try:
            yield
        finally:
            with self._lock:
                self._jobs[tenant] -= 1

    def add_tokens(self, tenant: str, tokens: int) -> None:
        """Count tokens that were read or generated for a tenant."""
        if not tenant or self._quota.tokens_per_day is None or tokens <= 0:
            return
        with self._lock, self._database() as database:
            database.execute(_ADD, (tenant, self._day(), tokens))
            database.execute("DELETE FROM used WHERE day < ?", (self._day() - _KEPT_DAYS,))

    def require_room(self, tenant: str, store: MemoryStore, documents: int) -> None:
        """Check before memorizing that a tenant may keep more.

        Args:
            tenant: The tenant.
            store: Its store.
            documents: Number of documents to be memorized.

        Raises:
            StorageQuotaError: If it may not; says how much is used.
        """
        if not tenant or (self._quota.documents, self._quota.bytes) == (None, None):
            return
        memories = store.memories()
        kept = sum(len(memory["documents"]) for memory in memories)
        if self._quota.documents is not None and kept + documents > self._quota.documents:
            used = f"{kept} of {self._quota.documents} documents are kept, and {documents} would be added"
            raise StorageQuotaError(f"{used}; delete a memory first")
        size = sum(file["bytes"] for memory in memories for file in memory["files"].values())
        if self._quota.bytes is not None and size >= self._quota.bytes:
            raise StorageQuotaError(f"{size:,} of {self._quota.bytes:,} bytes are used; delete a memory first")

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
