"""Run a model's work in its device's thread, and batch requests.

Decoding is bound by reading the weights, so several prompts at once cost little more than one. Requests that arrive
within :data:`JOIN_SECONDS` start as one batch, whatever prefix they continue; later ones join at the next step
(continuous batching: Yu et al., "Orca", OSDI 2022). For the same reason each row also reads a guess of its next tokens
(:mod:`memorag_graph.models.prompt_lookup`), which changes no answer.
"""

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from memorag_graph.models.compute_threads import compute, compute_thread
from memorag_graph.models.device import free_memory
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.request import Request
from memorag_graph.models.running_batch import RunningBatch, most_columns

JOIN_SECONDS = 0.03
_CACHE_BYTES = 1536 * 1024**2
_FREE_SHARE = 0.25

Result = TypeVar("Result")


class Scheduler:
    """Runs a model's work in its device's thread.

    Requests join and leave one running batch; other work runs between its steps.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        self._language_model = language_model
        self._device = language_model.model.device
        self._start()
        _schedulers.add(self)

    def _start(self) -> None:
        """Begin without requests and with this process's thread."""
        self._thread = compute_thread(self._device.type)
        self._waiting: deque[Request] = deque()
        self._lock = threading.Lock()
        self._is_decoding = False

    @staticmethod
    def start_all() -> None:
        """Begin again in a forked process; the requests are the parent's."""
        for scheduler in _schedulers:
            scheduler._start()

    def submit(self, *requests: Request) -> None:
        """Queue requests, as one batch if they fit; iterate over a request to get its tokens."""
        with self._lock:
            self._waiting.extend(requests)
        for _ in requests:
            self._thread.submit(self._serve)

    def call(self, work: Callable[[], Result]) -> Result:
        """Run a function in the model's thread and return its result."""
        return compute(self._device, work)

    def _serve(self) -> None:
        """Start a batch for the waiting requests."""
        if self._is_decoding or not self._waiting:  # the request joined the running batch, or will
            return
        self._is_decoding = True
        time.sleep(JOIN_SECONDS)
        batch = RunningBatch(self._language_model)
        self._continue(batch, batch.answer(self._joining))

    def _continue(self, batch: RunningBatch, steps: Iterator[None]) -> None:
        """Take a batch's next step and queue the one after it; after the last one, start the next batch."""
        try:
            for _ in steps:
                if self._enqueue(self._continue, batch, steps):
                    return
        except Exception as error:  # noqa: BLE001 - passed on to the callers, whatever it is
            error.__traceback__ = None  # it would keep the session and its buffers alive
            for request in batch.requests or self._take_first():
                if not request.finished:
                    request.events.put(error)
        self._is_decoding = False
        if not self._enqueue(self._serve):
            self._serve()

    def _take_first(self) -> list[Request]:
        """Take the request that has waited longest, because an error that kept it from joining might come again."""
        with self._lock:
            return [self._waiting.popleft()] if self._waiting else []

    def _enqueue(self, work: Callable[..., None], *arguments: object) -> bool:
        """Queue work after all other work; return False if the interpreter is shutting down."""
        try:
            self._thread.submit(work, *arguments)
        except RuntimeError:
            return False
        return True

    def _joining(self, active: Sequence[Request], most: int) -> list[Request]:
        """Take the waiting requests that fit the running batch, or start one with the request that has waited longest.

        While a batch runs, no request overtakes one that does not fit, which might otherwise wait forever.

        Args:
            active: The running requests.
            most: Maximum number of requests to take.
        """
        joining: list[Request] = []
        with self._lock:
            for request in list(self._waiting):
                if len(joining) == most:
                    break
                batch = [*active, *joining]
                if request.cancelled or not batch or self._joins(request, batch):
                    joining.append(request)
                elif active:
                    break
            for request in joining:
                self._waiting.remove(request)
        return [request for request in joining if not request.cancelled]

    def _joins(self, request: Request, batch: Sequence[Request]) -> bool:
        """Return whether a request fits a batch, which uses one adapter or none.

        Prompts that continue memories are much shorter than others.
        """
        alike = (request.prefix is None) == (batch[0].prefix is None) and request.updates is batch[0].updates
        return alike and self._fits([*batch, request])

    def _fits(self, batch: Sequence[Request]) -> bool:
        budget = min(_CACHE_BYTES, int(_FREE_SHARE * free_memory(self._device)))
        return self._bytes(batch) <= budget

    def _bytes(self, batch: Sequence[Request]) -> int:
        """Return the bytes of the keys and values after the prefixes."""
        return len(batch) * most_columns(batch) * self._language_model.cache_bytes_per_token


_schedulers: weakref.WeakSet[Scheduler] = weakref.WeakSet()

if hasattr(os, "register_at_fork"):  # POSIX
    os.register_at_fork(after_in_child=Scheduler.start_all)
