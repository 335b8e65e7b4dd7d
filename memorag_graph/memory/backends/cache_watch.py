"""Notice whether a server finds memories in its cache, from the cached tokens that it reports."""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass

_log = logging.getLogger(__name__)

LEAST_SHARE = 0.9
"""Share of a memory's tokens that a question should find in the cache."""

_BLOCK = 128
"""Tokens by which a cached prefix may be shorter: caches keep whole blocks (vLLM: 16 tokens, on CPUs 128)."""

_WARM_UPS = 2
"""Misses in a row after which a memory is no longer warmed up: the server does not keep it."""

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What a server caches of a memory.

    Attributes:
        memory_id: The memory's id.
        shard: Index of the shard.
        tenant: Whose cache it is; None if caches are not kept apart.
    """

    memory_id: str
    shard: int
    tenant: str | None


@dataclass(slots=True)
class _Seen:
    """What is known of a cached prefix: whether a request has read it, and how many misses there were in a row."""

    is_read: bool = False
    misses: int = 0


class CacheWatch:
    """Keeps what requests told about a server's cache. Thread-safe."""

    def __init__(self) -> None:
        self._seen: OrderedDict[CacheKey, _Seen] = OrderedDict()
        self._tells = False
        self._told_silent = False
        self._lock = threading.Lock()

    def was_read(self, key: CacheKey) -> bool:
        """Return whether an earlier request has read a prefix, so that the next one should find it."""
        with self._lock:
            return self._of(key).is_read

    def judge(self, key: CacheKey, prefix_tokens: int, cached_tokens: int | None, *, was_read: bool) -> bool:
        """Note how much of a prefix a question found in the cache; warn if it was read before and is not there.

        Args:
            key: The prefix.
            prefix_tokens: Its tokens.
            cached_tokens: Tokens of the prompt that were in the cache; None if the server does not tell, or found none:
                vLLM leaves out a 0.
            was_read: Whether the prefix had been read when the question was sent.

        Returns:
            Whether it is worth warming the memory up again.
        """
        with self._lock:
            seen = self._of(key)
            seen.is_read = True
            self._tells = self._tells or cached_tokens is not None
            if not self._tells:
                if was_read:
                    self._tell_silent()
                return False
            cached = cached_tokens or 0
            if cached + _BLOCK >= LEAST_SHARE * prefix_tokens:
                seen.misses = 0
                return False
            seen.misses += 1
            misses = seen.misses
        if was_read:
            _log.warning(
                "a question read %.0f %% of the memory's %d tokens from the server's cache, though the server had read "
                "them before; check that prefix caching is on, that the cache has room for the memory, and that the "
                "chat template puts nothing that changes, such as the date, before it",
                100 * cached / max(1, prefix_tokens),
                prefix_tokens,
            )
        return misses <= _WARM_UPS

    def warmed(self, key: CacheKey) -> None:
        """Note that the server has read a prefix."""
        with self._lock:
            self._of(key).is_read = True

    def _of(self, key: CacheKey) -> _Seen:
        seen = self._seen.setdefault(key, _Seen())
        self._seen.move_to_end(key)
        if len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return seen

    def _tell_silent(self) -> None:
        if not self._told_silent:
            self._told_silent = True
            _log.warning(
                "the server does not tell that it reads tokens from its cache; check that prefix caching is on, and "
                "start vLLM with --enable-prompt-tokens-details, SGLang with --enable-cache-report, so that misses are "
                "noticed"
            )
