"""Memories and libraries of tenants: each has its own, and all share the loaded models."""

import threading
from collections.abc import Iterator
from pathlib import Path

from memorag_graph.library.named_libraries import LIBRARIES, NamedLibraries
from memorag_graph.library.shelf import Shelf, shelf_of
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.serving.client_scope import ClientScope
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.quotas import Kept, Quota, Usage
from memorag_graph.serving.told_errors import of_each
from memorag_graph.settings import RunOptions

_TENANTS, _TENANT_LIBRARIES = "tenants", "tenant-libraries"


class Tenants:
    """The registries of tenants. Thread-safe.

    Ids are content addresses, so two tenants with one document have one id; as neither store nor open memories are
    shared, the id of one tells nothing about the other.

    Args:
        registry: The operator's registry, with the models; the stores of tenants are folders beside its own.
        quota: What each tenant may use.
        options: The operator's options, by which libraries are read.
        libraries_at: Where libraries are kept: a directory or a URL of an object store; by default beside the memories.

    Attributes:
        usage: Counts what tenants use.

    Raises:
        InputError: If libraries cannot be kept there.
        MissingExtraError: If that needs an extra that is not installed.
    """

    def __init__(
        self,
        registry: Registry,
        quota: Quota | None = None,
        options: RunOptions | None = None,
        libraries_at: str = "",
    ) -> None:
        self._operator = registry
        self._options = options or RunOptions()
        self._libraries_at = libraries_at
        self._shelf()  # that the operator learns now what is wrong with it
        self.usage = Usage(quota or Quota(), registry.store.root.parent / _TENANTS, in_libraries=self._in_libraries)
        self._registries: dict[str, Registry] = {"": registry}
        self._libraries: dict[str, NamedLibraries] = {}
        self._lock = threading.Lock()

    def registry(self, tenant: str) -> Registry:
        """Return the registry of a tenant; an empty name is the operator."""
        with self._lock:
            if tenant not in self._registries:
                store = MemoryStore(self._place(tenant))
                self._registries[tenant] = self._operator.with_store(store, tenant)
            return self._registries[tenant]

    def libraries(self, tenant: str) -> NamedLibraries:
        """Return the libraries of a tenant; an empty name is the operator."""
        registry = self.registry(tenant)
        limited = {"memory": "never"} if self.usage.limits_bytes(tenant) else {}
        with self._lock:
            if tenant not in self._libraries:
                options = self._options.model_copy(update=limited)
                at = self._shelf()
                shelf = at.below(_TENANT_LIBRARIES).below(tenant) if tenant else at.below(LIBRARIES)
                self._libraries[tenant] = NamedLibraries(shelf, registry, options)
            return self._libraries[tenant]

    @property
    def makes_memories(self) -> bool:
        """Whether memories are made behind questions and libraries."""
        return self._options.memory != "never"

    def all_libraries(self) -> Iterator[NamedLibraries]:
        """Yield the libraries of the operator and of every tenant that has any."""
        yield self.libraries("")
        yield from map(self.libraries, self._shelf().below(_TENANT_LIBRARIES).shelves())

    def close(self) -> None:
        """Stop making memories behind questions and libraries; what is made is kept."""
        with self._lock:
            libraries = list(self._libraries.values())
        self._operator.behind.worker.stop()  # that of all tenants
        for one in libraries:
            one.close()

    def scope(self, client: Principal, options: RunOptions, folder: Path | None = None) -> ClientScope:
        """Return what a run of a client may use.

        Args:
            client: Who sent the run.
            options: The operator's options with those that the client set.
            folder: Folder whose files the client may name; None allows no file.
        """
        tenant = client.tenant
        return ClientScope(self.registry(tenant), self.libraries(tenant), options, client, self.usage, folder)

    def _shelf(self) -> Shelf:
        return shelf_of(self._libraries_at or self._operator.store.root.parent)

    def _place(self, tenant: str) -> Path:
        return self._operator.store.root.parent / _TENANTS / tenant

    def _in_libraries(self, tenant: str) -> Kept:
        """Return what a tenant keeps in libraries."""
        kept = of_each(self.libraries(tenant), lambda _, library: (len(library.list()), library.size()))
        return Kept(sum(documents for documents, _ in kept), sum(size for _, size in kept))
