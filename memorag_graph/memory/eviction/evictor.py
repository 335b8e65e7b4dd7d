"""Evict a shard's keys and values."""

from collections.abc import Sequence

from memorag_graph.errors import InputError
from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.prefix_attention import AttentionProbe
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.eviction.kvzip import kvzip_scores
from memorag_graph.memory.eviction.prune import checked_frequencies, prune
from memorag_graph.memory.eviction.scoring import Scores
from memorag_graph.memory.prompt_layout import opening_tokens, turn_tokens
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings


class Evictor:
    """Keeps the share ``kv_keep`` of a shard's keys and values: those needed most to repeat the text.

    Args:
        scheduler: Runs the model.
        model: The model.
        prompts: The prompts of the document's language.
        settings: Share of keys and values to keep.
        report: Called with progress.

    Raises:
        InputError: If the model's keys and values cannot be evicted.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        model: LanguageModel,
        prompts: Prompts,
        settings: MemorySettings,
        report: ReportProgress,
    ) -> None:
        self._scheduler = scheduler
        self._model = model
        self._prompts = prompts
        self._settings = settings
        self._report = report
        if settings.kv_keep < 1:
            self._require_evictable()

    def evict(self, kv: KVPrefix, tokens: Sequence[int]) -> KVPrefix:
        """Return the keys and values to keep; the opening words are kept whole."""
        if self._settings.kv_keep == 1:
            return kv
        opening = len(opening_tokens(self._model, self._prompts))
        scores = self._scores(kv, tokens, opening)
        return self._scheduler.call(lambda: prune(kv, scores, self._settings.kv_keep, opening, self._model.model))

    def _scores(self, kv: KVPrefix, tokens: Sequence[int], opening: int) -> Scores:
        read = 0

        def observe(prefix: KVPrefix, turn: Sequence[int], probe: AttentionProbe) -> None:
            nonlocal read
            session = self._scheduler.call(lambda: open_session(self._model.model, [prefix], len(turn)))
            self._scheduler.call(lambda: session.prefill(0, turn, probe))
            read += len(turn)
            self._report(Progress("eviction", min(read, len(tokens)), len(tokens), "tokens"))

        request = turn_tokens(self._model, self._prompts, [Turn("user", self._prompts.repeat)])
        return kvzip_scores(kv, tokens, opening, request, self._model.window - kv.length, observe)

    def _require_evictable(self) -> None:
        if not self._model.can_be_observed:
            raise InputError("kv_keep", "the attention of this model cannot be observed; use 1")
        try:
            self._scheduler.call(lambda: checked_frequencies(self._model.model))
        except ValueError as error:
            raise InputError("kv_keep", f"{error}; use 1") from None
