"""Memories of tenants: each has a store of its own, and all share the loaded models."""

import threading
from pathlib import Path

from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.serving.client_scope import ClientScope
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.quotas import Quota, Usage
from memorag_graph.settings import RunOptions

_TENANTS = "tenants"


class Tenants:
    """The registries of tenants. Thread-safe.

    Ids are content addresses, so two tenants with one document have one id; as neither store nor open memories are
    shared, the id of one tells nothing about the other.

    Args:
        registry: The operator's registry, with the models; the stores of tenants are folders beside its own.
        quota: What each tenant may use.

    Attributes:
        usage: Counts what tenants use.
    """

    def __init__(self, registry: Registry, quota: Quota | None = None) -> None:
        self._operator = registry
        self.usage = Usage(quota or Quota(), registry.store.root.parent / _TENANTS)
        self._registries: dict[str, Registry] = {"": registry}
        self._lock = threading.Lock()

    def registry(self, tenant: str) -> Registry:
        """Return the registry of a tenant; an empty name is the operator."""
        with self._lock:
            if tenant not in self._registries:
                store = MemoryStore(self._place(tenant))
                self._registries[tenant] = self._operator.with_store(store)
            return self._registries[tenant]

    def scope(self, client: Principal, options: RunOptions, folder: Path | None = None) -> ClientScope:
        """Return what a run of a client may use.

        Args:
            client: Who sent the run.
            options: The operator's options with those that the client set.
            folder: Folder whose files the client may name; None allows no file.
        """
        return ClientScope(self.registry(client.tenant), options, client, self.usage, folder)

    def _place(self, tenant: str) -> Path:
        return self._operator.store.root.parent / _TENANTS / tenant
