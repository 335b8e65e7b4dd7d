"""What a loaded model does, in its device's thread: forward passes, and requests that meet as one batch.

Decoding is bound by reading the weights, so several prompts at once cost little more than one. Requests that
arrive within :data:`JOIN_SECONDS` are joined, whatever prefix they continue, and those that come later join at the
next step (continuous batching: Yu et al., "Orca", OSDI 2022). For the same reason a row reads a guess of its next
tokens along, which changes no answer.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from torch import Tensor

from memorag_graph.inference.decode_session import DecodeSession, open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.models.compute_threads import compute, compute_thread
from memorag_graph.models.detokenizer import Detokenizer
from memorag_graph.models.device import free_memory
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.prompt_lookup import PromptLookup
from memorag_graph.models.sampling import Sampling, TokenPicker

JOIN_SECONDS = 0.03
MAX_ROWS = 32
"""Rows of a batch. Up to here, oneDNN's 16-bit products give a row the same bits whatever rows are beside it."""

TOKENS_AT_ONCE = 9
"""New tokens of all rows that are read in hardly more time than one; guesses are as long as that allows."""

MOST_GUESSED = 4
"""Tokens of a guess; longer ones are seldom right to their end."""

_CACHE_BYTES = 1536 * 1024**2
_FREE_SHARE = 0.25

Result = TypeVar("Result")


@dataclass(eq=False)
class Request:
    """A prompt to be continued.

    Attributes:
        prompt: Tokens that follow the prefix.
        prefix: The memory to continue, or None to begin with the prompt.
        sampling: How to write.
        complete: Called with each new piece of text; True ends the answer there.
        remembered: The prefix's tokens, where they are known; guesses are taken from them, too.
        events: Where the tokens go for the asker, then None; an error in between. Requests may share one.
        tokens: What was written.
        stopped: Whether the answer came to its own end, not to its longest length.
        cancelled: Set to give up: the row leaves its batch at the next token.
        finished: Whether nothing more will be written.
    """

    prompt: Sequence[int]
    prefix: KVPrefix | None = None
    sampling: Sampling = field(default_factory=Sampling)
    complete: Callable[[str], bool] | None = None
    remembered: Sequence[int] = ()
    events: "queue.SimpleQueue[int | Exception | None]" = field(default_factory=queue.SimpleQueue)
    tokens: list[int] = field(default_factory=list, init=False)
    stopped: bool = field(default=False, init=False)
    cancelled: bool = field(default=False, init=False)
    finished: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[int]:
        """Yield the answer's tokens as they are written; leaving early cancels the rest."""
        try:
            while (event := self.events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.cancelled = True


class Scheduler:
    """Runs a model's work in its device's thread.

    One batch is under way, which requests join and leave; other work comes between its steps.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        self._language_model = language_model
        self._device = language_model.model.device
        self._thread = compute_thread(self._device.type)
        self._waiting: deque[Request] = deque()
        self._lock = threading.Lock()
        self._is_decoding = False

    def submit(self, *requests: Request) -> None:
        """Queue requests, as one batch where they can be; iterate over a request for its tokens."""
        with self._lock:
            self._waiting.extend(requests)
        for _ in requests:
            self._thread.submit(self._serve)

    def call(self, work: Callable[[], Result]) -> Result:
        """Run a function in the model's thread and return its result."""
        return compute(self._device, work)

    def _serve(self) -> None:
        """Begin to answer those that wait."""
        if self._is_decoding or not self._waiting:  # it was joined, or will be
            return
        self._is_decoding = True
        time.sleep(JOIN_SECONDS)
        batch: list[Request] = []
        self._go_on(batch, self._answer(batch))

    def _go_on(self, batch: Sequence[Request], steps: Iterator[None]) -> None:
        """Take a batch's next step and line up for the one after it; with the last one, make way for others."""
        try:
            for _ in steps:
                if self._line_up(self._go_on, batch, steps):
                    return
        except Exception as error:  # noqa: BLE001 - whatever it is, the askers are told
            error.__traceback__ = None  # it would keep the branch and its buffers
            for request in batch:
                if not request.finished:
                    request.events.put(error)
        self._make_way()

    def _make_way(self) -> None:
        self._is_decoding = False
        if not self._line_up(self._serve):
            self._serve()

    def _line_up(self, work: Callable[..., None], *arguments: object) -> bool:
        """Have work done after all that waits; tell whether that is still possible while the interpreter ends."""
        try:
            self._thread.submit(work, *arguments)
        except RuntimeError:
            return False
        return True

    def _joining(self, active: Sequence[Request]) -> list[Request]:
        """Take the requests that can run with those under way, or with the one that has waited longest.

        Nobody overtakes one that has to wait for the end of those under way: it might wait for ever.
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
        """Tell whether a request fits a batch: prompts that continue memories are much shorter than others."""
        return (request.prefix is None) == (batch[0].prefix is None) and self._fits([*batch, request])

    def _fits(self, batch: Sequence[Request]) -> bool:
        columns = _most_columns(batch)
        budget = min(_CACHE_BYTES, int(_FREE_SHARE * free_memory(self._language_model.model.device)))
        needed = len(batch) * columns * self._language_model.cache_bytes_per_token
        return len(batch) <= MAX_ROWS and needed <= budget

    def _answer(self, batch: list[Request]) -> Iterator[None]:
        """Answer requests that wait, and those that come meanwhile; between two steps the thread is free for others.

        Args:
            batch: Holds the requests under way.
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
    """One answer of a batch while it is written."""

    def __init__(self, request: Request, language_model: LanguageModel) -> None:
        self.request = request
        self._language_model = language_model
        self._picker = TokenPicker(request.sampling)
        self._detokenizer = Detokenizer(language_model.decode)
        self._lookup = PromptLookup([*request.remembered, *request.prompt])

    def take(self, step: Callable[[], None]) -> None:
        """Take a step of this row alone; a fault ends its own answer and no other."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - whatever it is, the asker is told
            error.__traceback__ = None  # it would keep the branch and its buffers
            self.request.finished = True
            self.request.events.put(error)

    def prefill(self, session: DecodeSession, index: int) -> None:
        """Read the prompt as a row of a branch."""
        self._read(session.prefill(index, self.request.prompt))

    def guess(self, most: int) -> list[int]:
        """Guess what comes after the next token: at most so many tokens, and no more than may be written."""
        left = self.request.sampling.max_new_tokens - len(self.request.tokens) - 1
        return self._lookup.guess(min(most, left)) if left > 0 else []

    def read(self, logits: Tensor, guess: Sequence[int]) -> None:
        """Choose the next tokens: one, and one more after each that was guessed right.

        Args:
            logits: After the last token and after each guessed one, shape (at least 1 + guessed, vocabulary).
            guess: The guessed tokens.
        """
        for at in range(len(guess) + 1):
            self._read(logits[at])
            if self.request.finished or at == len(guess) or self.request.tokens[-1] != guess[at]:
                return

    def _read(self, logits: Tensor) -> None:
        """Choose the next token from its logits, shape (vocabulary,), and hand it to the asker."""
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
    """Read the last token of each row and a guess of what follows; choose the next tokens."""
    most = min(MOST_GUESSED, TOKENS_AT_ONCE // len(rows) - 1) if session.can_take_back else 0
    guesses = [row.guess(most) for row in rows]
    new = 1 + max(map(len, guesses))
    read = [[row.request.tokens[-1], *guess] for row, guess in zip(rows, guesses, strict=True)]
    logits = session.step_ahead([[*tokens, *[0] * (new - len(tokens))] for tokens in read])
    for index, (row, guess) in enumerate(zip(rows, guesses, strict=True)):
        before = len(row.request.tokens)
        row.take(partial(row.read, logits[index], guess))
        session.take_back(index, new - max(1, len(row.request.tokens) - before))


def _prefill(session: DecodeSession, joined: Sequence[_Row], before: int) -> Iterator[None]:
    """Have rows join a branch that has some before, and read their prompts."""
    requests = [row.request for row in joined]
    session.join([request.prefix for request in requests], _most_columns(requests))
    for index, row in enumerate(joined, start=before):
        if not row.request.cancelled:
            row.take(partial(row.prefill, session, index))
            yield


def _unfinished(rows: list[_Row], session: DecodeSession) -> list[_Row]:
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
    """Return the most tokens of its own that a row of some requests may have, guessed ones included."""
    longest = max((len(request.prompt) + request.sampling.max_new_tokens for request in requests), default=0)
    return longest + MOST_GUESSED if requests else 0
