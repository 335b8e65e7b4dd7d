"""The answers that a model generates side by side, in the rows of one session."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from torch import Tensor

from memorag_graph.errors import NoRoomError
from memorag_graph.inference.decode_session import DecodeSession, open_session
from memorag_graph.models.detokenizer import Detokenizer
from memorag_graph.models.device import free_memory
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.out_of_memory import is_out_of_memory
from memorag_graph.models.prompt_lookup import PromptLookup
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import TokenPicker
from memorag_graph.ram import size

MAX_ROWS = 32
"""Maximum rows per batch. Up to here, oneDNN's 16-bit products give a row the same bits whatever the other rows are."""

TOKENS_AT_ONCE = 9
"""New tokens, in all rows together, that one pass reads in little more time than a single one; limits guesses."""

MOST_GUESSED = 4
"""Maximum tokens per guess; longer ones are seldom right to the end."""

Join = Callable[[Sequence[Request], int], list[Request]]
"""Takes waiting requests that fit beside the running ones, up to a number."""


class RunningBatch:
    """Answers requests side by side.

    All of them use the same updates of the model, or none. If the device's memory is full, half of the rows rest and
    are read again when there is room.

    Args:
        language_model: The model.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        self._language_model = language_model
        self._session: DecodeSession
        self._arriving: list[Request] = []
        self._rows: list[_Row] = []
        self._resting: list[_Row] = []
        self._most_rows = MAX_ROWS

    @property
    def requests(self) -> list[Request]:
        """The requests that are being answered, rest or arrive."""
        return [*(row.request for row in (*self._rows, *self._resting)), *self._arriving]

    def answer(self, join: Join) -> Iterator[None]:
        """Answer requests until none is left; yield after each step, to free the thread.

        Args:
            join: Called before each step for requests that join.
        """
        self._session = open_session(self._language_model.model, [], 0)
        while True:
            try:
                self._drop_finished()
                before = len(self._rows)
                self._rows += self._joining(join)
                if not self._rows:
                    return
                if len(self._rows) > before:
                    yield from self._prefill(before)
                else:
                    self._step()
                    yield
                continue
            except Exception as error:
                if not self._rows or not is_out_of_memory(error):
                    raise
            self._make_room()

    def _joining(self, join: Join) -> "list[_Row]":
        """Return the rows that join: first those that rest."""
        if self._resting:
            room = self._most_rows - len(self._rows)
            joining, self._resting = self._resting[:room], self._resting[room:]
            return joining
        self._most_rows = MAX_ROWS
        self._arriving = join(self.requests, MAX_ROWS - len(self._rows))
        joining = [_Row(request, self._language_model) for request in self._arriving]
        self._arriving = []
        return joining

    def _make_room(self) -> None:
        """Let all rows rest, of which half as many run from now on; a row that does not fit alone fails."""
        if len(self._rows) == 1 and not self._rows[0].is_over:
            self._rows[0].fail(self._no_room(self._rows[0].request))
        self._most_rows = max(1, len(self._rows) // 2)
        self._resting, self._rows = [*self._rows, *self._resting], []
        del self._session  # its buffers would be held beside the new ones
        self._session = open_session(self._language_model.model, [], 0)

    def _no_room(self, request: Request) -> NoRoomError:
        needed = most_columns([request]) * self._language_model.cache_bytes_per_token
        free = free_memory(self._language_model.model.device)
        return NoRoomError(
            f"the prompt and its answer need {size(needed)} for their keys and values, and room to compute, but "
            f"{size(free)} of the device's memory are free; shorten the prompt, lower max_new_tokens, or close other "
            "programs"
        )

    def _prefill(self, before: int) -> Iterator[None]:
        """Read the prompts of the rows from ``before`` on, which the session does not have yet."""
        requests = [row.request for row in self._rows[before:]]
        self._session.join([request.prefix for request in requests], most_columns(requests))
        for index, row in enumerate(self._rows[before:], start=before):
            if not row.request.cancelled:
                with self._updated():
                    row.take(partial(row.prefill, self._session, index))
                yield
        self._put_side_by_side()

    def _step(self) -> None:
        """Read each row's last token and its guess of the next ones; choose the next tokens."""
        session, rows = self._session, self._rows
        count = min(MOST_GUESSED, TOKENS_AT_ONCE // len(rows) - 1) if session.can_take_back else 0
        guesses = [row.guess(count) for row in rows]
        new = 1 + max(map(len, guesses))
        read = [[row.request.tokens[-1], *guess] for row, guess in zip(rows, guesses, strict=True)]
        with self._updated():
            logits = session.step_ahead([[*tokens, *[0] * (new - len(tokens))] for tokens in read])
        for index, (row, guess) in enumerate(zip(rows, guesses, strict=True)):
            before = len(row.request.tokens)
            row.take(partial(row.read, logits[index], guess))
            session.take_back(index, new - max(1, len(row.request.tokens) - before))

    def _updated(self) -> AbstractContextManager[None]:
        """Switch on the updates of the model that the requests of this batch, all of them the same, want."""
        updates = self._rows[0].request.updates
        return updates.active() if updates else nullcontext()

    def _drop_finished(self) -> None:
        """Remove finished and cancelled rows."""
        self._resting = [row for row in self._resting if not row.is_over]
        kept = [index for index, row in enumerate(self._rows) if not row.is_over]
        if len(kept) < len(self._rows):
            self._session.keep(kept, most_columns([self._rows[index].request for index in kept]))
        self._rows = [self._rows[index] for index in kept]

    def _put_side_by_side(self) -> None:
        """Put rows that share a prefix next to each other."""
        order = sorted(range(len(self._rows)), key=lambda index: id(self._rows[index].request.prefix))
        if order != list(range(len(self._rows))):
            self._session.keep(order, most_columns([row.request for row in self._rows]))
        self._rows = [self._rows[index] for index in order]


def most_columns(requests: Sequence[Request]) -> int:
    """Return the maximum tokens after the prefix in any row, including guesses."""
    longest = max((len(request.prompt) + request.sampling.max_new_tokens for request in requests), default=0)
    return longest + MOST_GUESSED if requests else 0


class _Row:
    """One answer of a batch while it is generated."""

    def __init__(self, request: Request, language_model: LanguageModel) -> None:
        self.request = request
        self._language_model = language_model
        self._picker = TokenPicker(request.sampling)
        self._detokenizer = Detokenizer(language_model.decode)
        self._lookup = PromptLookup([*request.remembered, *request.prompt])

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to generate."""
        return self.request.finished or self.request.cancelled

    def take(self, step: Callable[[], None]) -> None:
        """Take a step of this row; an error ends its answer, but not the others, unless the memory is full."""
        try:
            step()
        except Exception as error:
            if is_out_of_memory(error):
                raise
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """End the answer with an error."""
        error.__traceback__ = None  # it would keep the session and its buffers alive
        self.request.finished = True
        self.request.events.put(error)

    def prefill(self, session: DecodeSession, index: int) -> None:
        """Read the prompt, and what was answered before the row rested, as a row of a session."""
        self._read(session.prefill(index, [*self.request.prompt, *self.request.tokens]))

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
