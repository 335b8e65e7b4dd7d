"""Take what clients send into libraries, within the quotas of their tenants."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.library.entry import Report
from memorag_graph.library.found_files import UPLOADED, Candidate
from memorag_graph.progress import ReportProgress
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.tenants import Tenants
from memorag_graph.serving.told_errors import without_path
from memorag_graph.settings import MemoryMode


@dataclass(frozen=True)
class LibraryIntake:
    """Documents that a client sends to a library; call it to take them in.

    Attributes:
        tenants: Keep libraries.
        client: Who sends them.
        name: Name of the library.
        metadata: What to keep with all of them.
        memory: When their memories are made; None for the library's own way. Never for a tenant whose bytes are
            limited, as what is made later could not be refused.
    """

    tenants: Tenants
    client: Principal
    name: str
    metadata: dict[str, Any]
    memory: MemoryMode | None

    def take(self, given: Sequence[Candidate], report: ReportProgress) -> Report:
        """Take documents in, and return what was done.

        Raises:
            ForbiddenError: If the client may only read.
            InputError: If two have the same name, or metadata cannot be used.
            LibraryError: If there is no such library, or somebody else changes it.
            QuotaError: If too many jobs of the tenant run.
            StorageQuotaError: If the tenant may not keep more; the new documents are removed.
        """
        self.client.require("writer")
        names = [it.name for it in given]
        if twice := next((it for it in names if names.count(it) > 1), None):
            raise InputError("documents", f"two documents are named {twice!r}; give each a name of its own")
        tenant, usage = self.client.tenant, self.tenants.usage
        libraries, store = self.tenants.libraries(tenant), self.tenants.registry(tenant).store
        with without_path(libraries.place(self.name), self.name):
            library = libraries.open(self.name)
        mode: MemoryMode | None = "never" if usage.limits_bytes(tenant) else self.memory

        def discard() -> None:
            library.remove(*done.added)

        with without_path(library.place, self.name), usage.job(tenant, store, uuid.uuid4().hex, len(given)):
            done = library.add(*given, metadata=self.metadata, progress=report, memory=mode)
            new = {*done.added, *done.replaced}
            usage.add_tokens(tenant, sum(it.tokens for it in library.list() if it.name in new))
            if done.added:
                usage.require_fit(tenant, store, discard)
        return done


def told(done: Report) -> dict[str, Any]:
    """Return what was done as clients are told."""
    return {**asdict(done), "unreadable": [(it.removeprefix(UPLOADED), reason) for it, reason in done.unreadable]}
