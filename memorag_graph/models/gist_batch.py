"""Many independent prompts → texts, in a batch that is kept full.

A slot that finishes takes the next prompt. A text does not depend on what was written beside it: work that was
interrupted, or done before for some of the prompts, goes on to the same result. Where a row's bits are its own, slots
that nothing waits for are closed; elsewhere the batch keeps its width, because matrix products of one shape give each
row the same bits whatever the other rows hold.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch

from memorag_graph.inference.decode_session import open_session
from memorag_graph.models.device import free_memory
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling, TokenPicker
from memorag_graph.models.scheduler import Scheduler

MAX_BATCH_WIDTH = {"cpu": 16, "cuda": 16}
"""Beyond so many, rows no longer come almost for free."""

_CACHE_BYTES = 1 << 30
_FREE_SHARE = 0.5

Key = TypeVar("Key")


@dataclass(eq=False)
class _Slot(Generic[Key]):
    key: Key
    prompt_tokens: int
    picker: TokenPicker
    tokens: list[int] = field(default_factory=list)


def batch_width(row_bytes: int, device: torch.device) -> int:
    """Return how many rows to write at once: as many as pay and fit the memory that is free on the device.

    In RAM, a bound that most machines have free comes first, so that the width, and with it the bits, seldom change.

    Args:
        row_bytes: Bytes of the keys and values of one row.
        device: Where they are.
    """
    budget = int(_FREE_SHARE * free_memory(device))
    if device.type == "cpu":
        budget = min(budget, _CACHE_BYTES)
    return max(1, min(MAX_BATCH_WIDTH.get(device.type, MAX_BATCH_WIDTH["cpu"]), budget // row_bytes))


class GistBatch(Generic[Key]):
    """Writes texts in slots.

    Args:
        scheduler: The model's thread; between two tokens it is free for others.
        language_model: The model.
        longest_prompt: Most tokens of a prompt.
        sampling: How to write.
        report: Called with the tokens read and written of the texts that are not finished.
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
        self.width = batch_width(language_model.cache_bytes_per_token * self._columns, language_model.model.device)
        self.longest_prompt = longest_prompt
        self._scheduler = scheduler
        self._model = language_model
        self._sampling = sampling
        self._report = report
        self._slots: list[_Slot[Key] | None] = []

    def write(self, prompts: Iterable[tuple[Key, Sequence[int]]], count: int) -> Iterator[tuple[Key, list[int]]]:
        """Continue so many prompts; yield each key with its tokens, in the order in which they are finished."""
        waiting = iter(prompts)
        closes = self._scheduler.call(lambda: self._model.rows_are_independent)
        width = min(self.width, count) if closes else self.width
        self._slots = [None] * width
        self._branch = self._scheduler.call(lambda: open_session(self._model.model, [None] * width, self._columns))
        while True:
            yield from self._fill(waiting)
            if not any(self._slots):
                return
            if closes:
                self._close_empty()
            yield from self._step()

    def _fill(self, waiting: Iterator[tuple[Key, Sequence[int]]]) -> Iterator[tuple[Key, list[int]]]:
        for row, slot in enumerate(self._slots):
            while slot is None and (following := next(waiting, None)) is not None:
                self._slots[row] = slot = self._begin(row, *following)
                self._tell()
                if self._is_finished(slot):
                    yield slot.key, slot.tokens
                    self._slots[row] = slot = None

    def _begin(self, row: int, key: Key, prompt: Sequence[int]) -> _Slot[Key]:
        slot = _Slot(key, len(prompt), TokenPicker(self._sampling))

        def prefill() -> int:
            self._branch.restart(row)
            return slot.picker.pick(self._branch.prefill(row, prompt))

        slot.tokens.append(self._scheduler.call(prefill))
        return slot

    def _close_empty(self) -> None:
        """Close the slots that nothing waits for."""
        kept = [row for row, slot in enumerate(self._slots) if slot]
        if len(kept) < len(self._slots):
            self._scheduler.call(lambda: self._branch.keep(kept, self._columns))
            self._slots = [self._slots[row] for row in kept]

    def _step(self) -> Iterator[tuple[Key, list[int]]]:
        for row, token in enumerate(self._scheduler.call(self._next_tokens)):
            slot = self._slots[row]
            if slot is None:
                continue
            slot.tokens.append(token)
            if self._is_finished(slot):
                self._slots[row] = None
                yield slot.key, slot.tokens
        self._tell()

    def _tell(self) -> None:
        self._report(sum(slot.prompt_tokens + len(slot.tokens) for slot in self._slots if slot))

    def _next_tokens(self) -> list[int]:
        """Read the last token of each slot and choose the next; what an empty slot reads does not count."""
        logits = self._branch.step([slot.tokens[-1] if slot else 0 for slot in self._slots])
        for row, slot in enumerate(self._slots):
            if slot is None:
                self._branch.restart(row)
        return [slot.picker.pick(logits[row]) if slot else 0 for row, slot in enumerate(self._slots)]

    def _is_finished(self, slot: _Slot[Key]) -> bool:
        """Tell whether a text has come to its end; a token that says so is taken away."""
        if slot.tokens[-1] in self._model.stop_tokens:
            slot.tokens.pop()
            return True
        return len(slot.tokens) >= self._sampling.max_new_tokens
