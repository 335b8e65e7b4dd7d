"""Have a server read memories before questions come."""

import logging
import threading
from collections.abc import Callable

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from memorag_graph.errors import MemoragError
from memorag_graph.memory.backends.cache_watch import CacheKey, CacheWatch
from memorag_graph.memory.backends.served_requests import ServedRequests
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.unstreamed import HIDDEN

UNREPORTED: RunnableConfig = {**HIDDEN, "callbacks": []}
"""For requests that are reported to the caller's callbacks elsewhere, or not at all."""

_SHORTEST = "?"


def session_of(memory: Memory, shard: int) -> str:
    """Return the name of the session in which a shard of a memory is asked."""
    return f"{memory.id}-{shard}"


class WarmUp:
    """Sends one short request for each shard of a memory. Thread-safe.

    Args:
        requests: Sends requests.
        watch: Notes what the server has read.
    """

    def __init__(self, requests: ServedRequests, watch: CacheWatch) -> None:
        self._requests = requests
        self._watch = watch
        self._at_work: set[str] = set()
        self._lock = threading.Lock()

    def key(self, memory: Memory, shard: int) -> CacheKey:
        """Return the key of a memory's shard in the server's cache."""
        return CacheKey(memory.id, shard, self._requests.use.tenant)

    def now(self, memory: Memory) -> None:
        """Have the server read a memory, if it is one that caches prefixes; a failure is only logged."""
        self._once(memory, lambda: self._warm(memory))

    def behind(self, memory: Memory) -> None:
        """Have the server read a memory while the caller goes on."""
        threading.Thread(target=self.now, args=(memory,), name="memorag-warm-up", daemon=True).start()

    def _once(self, memory: Memory, work: Callable[[], None]) -> None:
        with self._lock:
            if memory.id in self._at_work:
                return
            self._at_work.add(memory.id)
        try:
            work()
        finally:
            with self._lock:
                self._at_work.discard(memory.id)

    def _warm(self, memory: Memory) -> None:
        try:
            if not (self._requests.use.warms_up and self._requests.facts().engine):
                return
            for number, shard in enumerate(memory.shards):
                messages = [SystemMessage(shard.text), HumanMessage(_SHORTEST)]
                self._requests.ask(messages, UNREPORTED, session=session_of(memory, number), max_tokens=1)
                self._watch.warmed(self.key(memory, number))
        except MemoragError as error:
            logging.getLogger(__name__).warning("the memory could not be warmed up: %s", error)
