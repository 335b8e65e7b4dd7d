"""Generate texts for many independent prompts in a batch that is kept full (continuous batching).

A row that finishes takes the next prompt. A text does not depend on the rows beside it, so interrupted or repeated work
gives the same result. If the bits of a row do not depend on the batch's width, empty rows are closed. Otherwise the
width stays, because matrix products of one shape give each row the same bits whatever the other rows hold.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar

import torch

from memorag_graph.errors import NoRoomError
from memorag_graph.inference.decode_session import open_session
from memorag_graph.models.device import free_memory
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.out_of_memory import is_out_of_memory
from memorag_graph.models.sampling import Sampling, TokenPicker
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.ram import size

MAX_BATCH_WIDTH = {"cpu": 16, "cuda": 16}
"""Above this width, more rows cost noticeably more time."""

_CACHE_BYTES = 1 << 30
_FREE_SHARE = 0.5

Key = TypeVar("Key")


@dataclass(eq=False)
class _Row(Generic[Key]):
    key: Key
    prompt: Sequence[int]
    picker: TokenPicker
    tokens: list[int] = field(default_factory=list)


def batch_width(row_bytes: int, device: torch.device) -> int:
    """Return how many rows to generate at once, limited by speed and by the device's free memory.

    On CPUs a fixed limit, which most machines have free, usually decides, so that the width, and with it the result, is
    the same in most runs.

    Args:
        row_bytes: Bytes of the keys and values of one row.
        device: Device that holds them.
    """
    budget = int(_FREE_SHARE * free_memory(device))
    if device.type == "cpu":
        budget = min(budget, _CACHE_BYTES)
    return max(1, min(MAX_BATCH_WIDTH.get(device.type, MAX_BATCH_WIDTH["cpu"]), budget // row_bytes))


class GistBatch(Generic[Key]):
    """Generates texts in the rows of one batch.

    Args:
        scheduler: The model's thread; it is free for other work between two tokens.
        language_model: The model.
        longest_prompt: Maximum tokens per prompt.
        sampling: Decoding settings.
        report: Called with the tokens read and generated so far for unfinished texts.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        language_model: LanguageModel,
        longest_prompt: int,
        sampling: Sampling,
        report: Callable[[int], None],
    ) -> None:
        self._columns = longest_prompt + sampling.max_new_tokens
        self._row_bytes = language_model.cache_bytes_per_token * self._columns
        self.width = batch_width(self._row_bytes, language_model.model.device)
        self.longest_prompt = longest_prompt
        self._scheduler = scheduler
        self._model = language_model
        self._sampling = sampling
        self._report = report
        self._rows: list[_Row[Key] | None] = []

    def write(self, prompts: Iterable[tuple[Key, Sequence[int]]], count: int) -> Iterator[tuple[Key, list[int]]]:
        """Continue up to ``count`` prompts; yield each key with its tokens, in the order in which they finish.

        If the device's memory is full, the unfinished ones are begun again in a batch of half the width.

        Raises:
            NoRoomError: If not even one fits.
        """
        waiting = iter(prompts)
        while True:
            try:
                yield from self._write(waiting, count)
                return
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if len(self._rows) <= 1:
                    raise NoRoomError(
                        f"a summary needs {size(self._row_bytes)} for its keys and values and room to compute; lower "
                        "gist_chunk_size, or close other programs"
                    ) from None
            self._session = self._scheduler.call(lambda: open_session(self._model.model, [], 0))  # frees the buffers
            self.width = len(self._rows) // 2
            waiting = chain([(row.key, row.prompt) for row in self._rows if row], waiting)

    def _write(self, waiting: Iterator[tuple[Key, Sequence[int]]], count: int) -> Iterator[tuple[Key, list[int]]]:
        closes_rows = self._scheduler.call(lambda: self._model.rows_are_independent)
        width = min(self.width, count) if closes_rows else self.width
        self._rows = [None] * width
        self._session = self._scheduler.call(lambda: open_session(self._model.model, [None] * width, self._columns))
        while True:
            yield from self._fill(waiting)
            if not any(self._rows):
                return
            if closes_rows:
                self._close_empty_rows()
            yield from self._step()

    def _fill(self, waiting: Iterator[tuple[Key, Sequence[int]]]) -> Iterator[tuple[Key, list[int]]]:
        """Give the next prompts to empty rows; yield texts that are finished after one token."""
        for index, row in enumerate(self._rows):
            while row is None and (following := next(waiting, None)) is not None:
                row = self._begin(index, *following)
                self._report_tokens()
                if self._is_finished(row):
                    yield row.key, row.tokens
                    self._rows[index] = row = None

    def _begin(self, index: int, key: Key, prompt: Sequence[int]) -> _Row[Key]:
        self._rows[index] = row = _Row(key, prompt, TokenPicker(self._sampling))

        def prefill() -> int:
            self._session.restart(index)
            return row.picker.pick(self._session.prefill(index, prompt))

        row.tokens.append(self._scheduler.call(prefill))
        return row

    def _close_empty_rows(self) -> None:
        """Remove empty rows, for which no prompt is left."""
        kept = [index for index, row in enumerate(self._rows) if row]
        if len(kept) < len(self._rows):
            self._scheduler.call(lambda: self._session.keep(kept, self._columns))
            self._rows = [self._rows[index] for index in kept]

    def _step(self) -> Iterator[tuple[Key, list[int]]]:
        for index, token in enumerate(self._scheduler.call(self._next_tokens)):
            row = self._rows[index]
            if row is None:
                continue
            row.tokens.append(token)
            if self._is_finished(row):
                self._rows[index] = None
                yield row.key, row.tokens
        self._report_tokens()

    def _report_tokens(self) -> None:
        self._report(sum(len(row.prompt) + len(row.tokens) for row in self._rows if row))

    def _next_tokens(self) -> list[int]:
        """Read the last token of each row and choose the next one; results of empty rows are ignored."""
        logits = self._session.step([row.tokens[-1] if row else 0 for row in self._rows])
        for index, row in enumerate(self._rows):
            if row is None:
                self._session.restart(index)
        return [row.picker.pick(logits[index]) if row else 0 for index, row in enumerate(self._rows)]

    def _is_finished(self, row: _Row[Key]) -> bool:
        """Return whether a text is finished; remove a stop token from its end."""
        if row.tokens[-1] in self._model.stop_tokens:
            row.tokens.pop()
            return True
        return len(row.tokens) >= self._sampling.max_new_tokens
