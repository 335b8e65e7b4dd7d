"""A prompt that waits for its continuation."""

import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from memorag_graph.cancellation import check
from memorag_graph.inference.low_rank import LowRankUpdates
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.models.sampling import Sampling

_CHECK_SECONDS = 0.5
"""Between two looks at whether the run was cancelled."""


@dataclass(eq=False)
class Request:
    """A prompt to be continued.

    Attributes:
        prompt: Tokens that follow the prefix.
        prefix: The memory to continue, or None to begin with the prompt.
        sampling: Decoding settings.
        complete: Called with each new piece of text; True ends the answer there.
        remembered: The prefix's tokens if they are known; guesses are taken from them, too.
        updates: Updates of the model's layers that act on the prompt and the answer, not on the prefix.
        events: Receives the tokens, then None, or an error. Requests may share one.
        tokens: Tokens generated so far.
        stopped: Whether the answer ended before its maximum length.
        cancelled: Set to remove the request's row at the next token.
        finished: Whether no more tokens will be generated.
    """

    prompt: Sequence[int]
    prefix: KVPrefix | None = None
    sampling: Sampling = field(default_factory=Sampling)
    complete: Callable[[str], bool] | None = None
    remembered: Sequence[int] = ()
    updates: LowRankUpdates | None = None
    events: "queue.SimpleQueue[int | Exception | None]" = field(default_factory=queue.SimpleQueue)
    tokens: list[int] = field(default_factory=list, init=False)
    stopped: bool = field(default=False, init=False)
    cancelled: bool = field(default=False, init=False)
    finished: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[int]:
        """Yield the answer's tokens as they are generated; leaving early cancels the request."""
        try:
            while (event := self._next_event()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.cancelled = True

    def _next_event(self) -> "int | Exception | None":
        """Wait for the next event, unless the caller's run is cancelled meanwhile."""
        while True:
            check()
            with suppress(queue.Empty):
                return self.events.get(timeout=_CHECK_SECONDS)
