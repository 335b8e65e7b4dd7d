"""Run a model's work in its device's thread, and batch requests.

Decoding is bound by reading the weights, so several prompts at once cost little more than one. Requests that arrive
within :data:`JOIN_SECONDS` start as one batch, whatever prefix they continue; later ones join at the next step
(continuous batching: Yu et al., "Orca", OSDI 2022). For the same reason each row also reads a guess of its next tokens
(:mod:`memorag_graph.models.prompt_lookup`), which changes no answer.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from torch import Tensor

from memorag_graph.inference.decode_session import DecodeSession, open_session
from memorag_graph.models.compute_threads import compute, compute_thread
from memorag_graph.models.detokenizer import Detokenizer
from memorag_graph.models.device import free_memory
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.prompt_lookup import PromptLookup
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import TokenPicker

JOIN_SECONDS = 0.03
MAX_ROWS = 32
"""Maximum rows per batch. Up to here, oneDNN's 16-bit products give a row the same bits whatever the other rows are."""

TOKENS_AT_ONCE = 9
"""New tokens, in all rows together, that one pass reads in little more time than a single one; limits guesses."""

MOST_GUESSED = 4
"""Maximum tokens per guess; longer ones are seldom right to the end."""

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
        self._thread = compute_thread(self._device.type)
        self._waiting: deque[Request] = deque()
        self._lock = threading.Lock()
        self._is_decoding = False

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
        batch: list[Request] = []
        self._continue(batch, self._answer(batch))

    def _continue(self, batch: Sequence[Request], steps: Iterator[None]) -> None:
        """Take a batch's next step and queue the one after it; after the last one, start the next batch."""
        try:
            for _ in steps:
                if self._enqueue(self._continue, batch, steps):
                    return
        except Exception as error:  # noqa: BLE001 - passed on to the callers, whatever it is
            error.__traceback__ = None  # it would keep the session and its buffers alive
            for request in batch:
                if not request.finished:
                    request.events.put(error)
        self._is_decoding = False
        if not self._enqueue(self._serve):
            self._serve()

    def _enqueue(self, work: Callable[..., None], *arguments: object) -> bool:
        """Queue work after all other work; return False if the interpreter is shutting down."""
        try:
            self._thread.submit(work, *arguments)
        except RuntimeError:
            return False
        return True

    def _joining(self, active: Sequence[Request]) -> list[Request]:
        """Take the waiting requests that fit the running batch, or start one with the request that has waited longest.

        While a batch runs, no request overtakes one that does not fit, which might otherwise wait forever.
        """
        joining: list[Request] = []
        with self._lock:
            for request in list(self._waiting):
                if request.cancelled:
                    self._waiting.remove(request)
                    continue
                batch = [*active, *joining]
                if not batch or self._joins(request, batch):
                    joining.append(request)
                    self._waiting.remove(request)
                elif active:
                    break
        return joining

    def _joins(self, request: Request, batch: Sequence[Request]) -> bool:
        """Return whether a request fits a batch; prompts that continue memories are much shorter than others."""
        return (request.prefix is None) == (batch[0].prefix is None) and self._fits([*batch, request])

    def _fits(self, batch: Sequence[Request]) -> bool:
        columns = _most_columns(batch)
        budget = min(_CACHE_BYTES, int(_FREE_SHARE * free_memory(self._language_model.model.device)))
        needed = len(batch) * columns * self._language_model.cache_bytes_per_token
        return len(batch) <= MAX_ROWS and needed <= budget

    def _answer(self, batch: list[Request]) -> Iterator[None]:
        """Answer waiting requests and those that arrive meanwhile; yield after each step, to free the thread.

        Args:
            batch: Filled with the running requests.
        """
        session = open_session(self._language_model.model, [], 0)
        rows: list[_Row] = []
        while True:
            rows = _unfinished(rows, session)
            joining = self._joining([row.request for row in rows])
            batch[:] = [*(row.request for row in rows), *joining]
            if joining:
                joined = [_Row(request, self._language_model) for request in joining]
                yield from _prefill(session, joined, len(rows))
                rows = _side_by_side([*rows, *joined], session)
            elif rows:
                _step(session, rows)
                yield
            else:
                return


class _Row:
    """One answer of a batch while it is generated."""

    def __init__(self, request: Request, language_model: LanguageModel) -> None:
        self.request = request
        self._language_model = language_model
        self._picker = TokenPicker(request.sampling)
        self._detokenizer = Detokenizer(language_model.decode)
        self._lookup = PromptLookup([*request.remembered, *request.prompt])

    def take(self, step: Callable[[], None]) -> None:
        """Take a step of this row; an error ends its answer, but not the others."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - passed on to the caller, whatever it is
            error.__traceback__ = None  # it would keep the session and its buffers alive
            self.request.finished = True
            self.request.events.put(error)

    def prefill(self, session: DecodeSession, index: int) -> None:
        """Read the prompt as a row of a session."""
        self._read(session.prefill(index, self.request.prompt))

    def guess(self, count: int) -> list[int]:
        """Guess up to ``count`` tokens after the next one, within the answer's maximum length."""
        left = self.request.sampling.max_new_tokens - len(self.request.tokens) - 1
        return self._lookup.guess(min(count, left)) if left > 0 else []

    def read(self, logits: Tensor, guess: Sequence[int]) -> None:
        """Choose the next tokens: one, and another one after each correct guess.

        Args:
            logits: Logits after the last token and after each guessed one, shape (at least 1 + guessed, vocabulary).
            guess: The guessed tokens.
        """
        for index in range(len(guess) + 1):
            self._read(logits[index])
            if self.request.finished or index == len(guess) or self.request.tokens[-1] != guess[index]:
                return

    def _read(self, logits: Tensor) -> None:
        """Choose the next token from its logits, shape (vocabulary,), and pass it to the caller."""
        request = self.request
        token = self._picker.pick(logits)
        if token in self._language_model.stop_tokens:
            request.stopped = True
        else:
            request.tokens.append(token)
            self._lookup.extend([token])
            request.events.put(token)
            request.stopped = request.complete is not None and request.complete(self._detokenizer.push(token))
        request.finished = request.stopped or len(request.tokens) >= request.sampling.max_new_tokens
        if request.finished:
            request.events.put(None)


def _step(session: DecodeSession, rows: Sequence[_Row]) -> None:
    """Read each row's last token and its guess of the next ones; choose the next tokens."""
    count = min(MOST_GUESSED, TOKENS_AT_ONCE // len(rows) - 1) if session.can_take_back else 0
    guesses = [row.guess(count) for row in rows]
    new = 1 + max(map(len, guesses))
    read = [[row.request.tokens[-1], *guess] for row, guess in zip(rows, guesses, strict=True)]
    logits = session.step_ahead([[*tokens, *[0] * (new - len(tokens))] for tokens in read])
    for index, (row, guess) in enumerate(zip(rows, guesses, strict=True)):
        before = len(row.request.tokens)
        row.take(partial(row.read, logits[index], guess))
        session.take_back(index, new - max(1, len(row.request.tokens) - before))


def _prefill(session: DecodeSession, joined: Sequence[_Row], before: int) -> Iterator[None]:
    """Add rows to a session after the ``before`` rows that it has, and read their prompts."""
    requests = [row.request for row in joined]
    session.join([request.prefix for request in requests], _most_columns(requests))
    for index, row in enumerate(joined, start=before):
        if not row.request.cancelled:
            row.take(partial(row.prefill, session, index))
            yield


def _unfinished(rows: list[_Row], session: DecodeSession) -> list[_Row]:
    """Remove finished and cancelled rows from a session; return the others."""
    kept = [index for index, row in enumerate(rows) if not row.request.finished and not row.request.cancelled]
    if len(kept) < len(rows):
        session.keep(kept, _most_columns([rows[index].request for index in kept]))
    return [rows[index] for index in kept]


def _side_by_side(rows: list[_Row], session: DecodeSession) -> list[_Row]:
    """Put rows that share a prefix next to each other."""
    order = sorted(range(len(rows)), key=lambda index: id(rows[index].request.prefix))
    if order != list(range(len(rows))):
        session.keep(order, _most_columns([row.request for row in rows]))
    return [rows[index] for index in order]


def _most_columns(requests: Sequence[Request]) -> int:
    """Return the maximum tokens after the prefix in any row, including guesses."""
    longest = max((len(request.prompt) + request.sampling.max_new_tokens for request in requests), default=0)
    return longest + MOST_GUESSED if requests else 0
