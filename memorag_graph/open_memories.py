"""Open memories: loaded and ready to answer, within a budget of RAM."""

import errno
import resource
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from memorag_graph.disk_errors import advice
from memorag_graph.errors import InputError, MemoryFileError, MemoryUnreadableError, NoRoomError
from memorag_graph.locks import NamedLocks
from memorag_graph.memory.storage.leases import LEASE, Lease
from memorag_graph.memory.storage.manifest import find_memory, is_embedded, is_remembered, read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.model_pool import ModelPool
from memorag_graph.open_memory import OpenMemory
from memorag_graph.ram import total_ram
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.memory.memory_model import MemoryModel

_SHARE_OF_RAM = 4
_SHARE_OF_FILES = 4

Result = TypeVar("Result")


class OpenMemoryCache:
    """Open memories by store, id and dtype; the least recently used are dropped when they exceed a budget of bytes.

    They are also dropped when they hold a quarter of the files that the process may have open (``ulimit -n``).
    A dropped memory stays usable for whoever holds it. One cache may serve several stores, which see only their own.

    Args:
        budget: Maximum bytes of keys and values; the memory used last is kept in any case. None means a quarter of
            the machine's RAM.

    Raises:
        InputError: If the budget is not positive.
    """

    def __init__(self, budget: int | None = None) -> None:
        if budget is not None and budget <= 0:
            raise InputError("memory_budget", f"must be a positive number of bytes, not {budget}")
        self._budget = budget or total_ram() // _SHARE_OF_RAM
        self._kept: OrderedDict[tuple[MemoryStore, str, str], OpenMemory] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, store: MemoryStore, memory_id: str, dtype: str | None = None) -> OpenMemory | None:
        """Return an open memory of a store whose model computes in a dtype, or in any; None if there is none."""
        with self._lock:
            key = next((it for it in self._kept if it[:2] == (store, memory_id) and dtype in (None, it[2])), None)
            if key is None:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def put(self, store: MemoryStore, opened: OpenMemory) -> None:
        """Keep an open memory of a store."""
        key = (store, opened.memory.id, opened.model.language_model.dtype)
        with self._lock:
            self._kept[key] = opened
            self._kept.move_to_end(key)
            most = max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _SHARE_OF_FILES)
            while len(self._kept) > 1 and (self._bytes() > self._budget or len(self._kept) > most):
                self._kept.popitem(last=False)

    def drop(self, store: MemoryStore, memory_id: str) -> None:
        """Drop a memory of a store if it is here, in every dtype."""
        with self._lock:
            for key in [it for it in self._kept if it[:2] == (store, memory_id)]:
                del self._kept[key]

    def making_room(self, work: Callable[[], Result]) -> Result:
        """Do work that needs memory; where it does not fit, drop open memories, the least recently used first.

        Raises:
            NoRoomError: If it does not fit with none open.
        """
        while True:
            try:
                return work()
            except NoRoomError:
                with self._lock:
                    if not self._kept:
                        raise
                    self._kept.popitem(last=False)

    def _bytes(self) -> int:
        return sum(opened.memory.nbytes for opened in self._kept.values())


class OpenMemories:
    """Opens saved memories once and keeps them open. Thread-safe.

    Args:
        models: The models that continue memories.
        store: The store that knows ids.
        cache: Keeps them open.
    """

    def __init__(self, models: ModelPool, store: MemoryStore, cache: OpenMemoryCache) -> None:
        self._models = models
        self._store = store
        self._cache = cache
        self._locks = NamedLocks()

    def lock(self, memory_id: str) -> threading.Lock:
        """Return the lock under which this process opens or makes a memory."""
        return self._locks[memory_id]

    def get(self, memory_id: str) -> OpenMemory | None:
        """Return an open memory, or None."""
        return self._cache.get(self._store, memory_id)

    def keep(self, opened: OpenMemory) -> OpenMemory:
        """Keep an open memory, and return it."""
        self._cache.put(self._store, opened)
        return opened

    def drop(self, memory_id: str) -> None:
        """Drop an open memory; it stays usable for whoever holds it."""
        self._cache.drop(self._store, memory_id)

    def open(self, place: str | Path, options: RunOptions) -> OpenMemory:
        """Return a saved memory by its id or directory.

        Raises:
            MemoryFileError: If there is none or it is damaged.
            MemoryMismatchError: If it was made with other models than those in use.
            ModelError: If its models cannot be loaded.
        """
        from memorag_graph.memory.kv_memory import require_ratio

        known = self._cache.get(self._store, str(place))
        if known is not None and known.memory.is_whole:  # one that is begun may have been made meanwhile
            require_ratio(known.memory.settings, options.beacon_ratio)
            return self._in_use(known, self._models.models_of(known.memory.identity, options)[0])
        directory = find_memory(place, self._store.root)
        while True:
            address = str(read_info(directory)["memory_id"])
            try:
                with self.lock(address):
                    return self.open_in(directory, address, options)
            except MemoryFileError:
                if read_info(directory)["memory_id"] == address:  # else another process replaced it meanwhile
                    raise

    def open_in(self, directory: Path, address: str, options: RunOptions) -> OpenMemory:
        """Return the memory that a directory holds.

        Raises:
            MemoryFileError: If it holds none, another one, or a damaged one.
            InputError: If it was made elsewhere and names a model that the caller did not.
            NoRoomError: If it does not fit the device's memory.
        """
        from memorag_graph.memory.kv_memory import require_ratio
        from memorag_graph.memory.room import require_room_to_open
        from memorag_graph.memory.storage.memory_files import load_memory, read_identity
        from memorag_graph.models.device import free_memory

        info = read_info(directory)
        if info["memory_id"] != address:
            raise MemoryFileError(f"{directory} holds another memory than {address}")
        identity = read_identity(info)
        if not (self._store.keeps(directory) or is_remembered(self._store.root, address, directory)):
            self._models.require_named(identity, options, directory)
        model, embeddings = self._models.models_of(identity, options)
        opened = self._cache.get(self._store, address)
        if opened is not None and _is_outdated(opened, info):
            self._cache.drop(self._store, address)
            opened = None
        if opened is None:
            self._cache.making_room(lambda: require_room_to_open(info, model.device, free_memory(model.device)))
            memory, index = load_memory(
                directory,
                embeddings,
                memory_id=address,
                check=options.file_check,
                device=model.device,
                index_kind=self._models.index_kind(info["settings"].get("index", options.index)),
            )
            opened = OpenMemory(memory, index, model)
            self._lease(opened, directory)
        require_ratio(opened.memory.settings, options.beacon_ratio)
        if self._store.keeps(directory):
            self._store.touch(address)
        return self._in_use(opened, model)

    def _in_use(self, opened: OpenMemory, model: "MemoryModel") -> OpenMemory:
        """Return a memory with the model in use, and keep it open so."""
        dtype = model.language_model.dtype
        same = self._cache.get(self._store, opened.memory.id, dtype) or opened
        used = same.used_with(model)
        if same.memory is not used.memory or self._cache.get(self._store, opened.memory.id, dtype) is None:
            self._cache.put(self._store, used)
        return used

    def _lease(self, opened: OpenMemory, directory: Path) -> None:
        """Keep others from removing a memory for as long as anybody holds it."""
        is_in_store = self._store.keeps(directory)
        if not is_in_store and not (directory / LEASE).exists():  # nobody but its owner removes it
            return
        try:
            lease = self._store.lease(opened.memory.id) if is_in_store else Lease(directory)
            weakref.finalize(opened, lease.release)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise MemoryUnreadableError(f"{directory} cannot be kept open ({error}); {advice(error)}") from error
            # nothing is removed from a store that cannot be written


def _is_outdated(opened: OpenMemory, info: Mapping[str, Any]) -> bool:
    """Return whether more of a memory has been made since it was opened."""
    is_made = not opened.memory.is_whole and bool(info.get("shards"))
    return is_made or (not opened.index.is_embedded and is_embedded(info))
