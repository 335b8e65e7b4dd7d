"""Prefill shards: a local model reads their texts, and its keys and values are kept."""

from collections.abc import Sequence
from functools import partial

from memorag_graph.errors import InputError
from memorag_graph.inference.decode_session import PIECE, open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.rotary import rotary_frequencies
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.build.builder import Recipe
from memorag_graph.memory.eviction.evictor import Evictor
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.prompt_layout import opening_tokens
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.settings import MemorySettings


class ShardPrefiller:
    """Prefills shards with a local model.

    Prefill continues where the tokens of an earlier memory end or differ; the result is bit-identical to prefilling
    everything.

    Args:
        scheduler: Runs the model.
        model: The model.
    """

    def __init__(self, scheduler: Scheduler, model: LanguageModel) -> None:
        self._scheduler = scheduler
        self._model = model

    def read(
        self, texts: Sequence[Sequence[str]], recipe: Recipe, known: Memory | None, report: ReportProgress
    ) -> tuple[Shard, ...]:
        """Return the shards of texts, reusing known ones.

        Args:
            texts: The texts of each shard, in order.
            recipe: What else decides the memory.
            known: An earlier memory made by the same recipe.
            report: Called with progress.

        Raises:
            InputError: If the keys and values cannot be stored or evicted as the recipe requires.
        """
        evictor = Evictor(self._scheduler, self._model, recipe.prompts, recipe.settings, report)
        opening = opening_tokens(self._model, recipe.prompts)
        layouts = [[*opening, *(token for text in shard for token in self._model.encode(text))] for shard in texts]
        progress = PrefillProgress(sum(map(len, layouts)), report)
        shards = []
        for tokens in layouts:
            shard = _same(tokens, known)
            if shard is None:
                kv = self._prefill(tokens, recipe, known, progress)
                shard = self._shard(tokens, evictor.evict(kv, tokens), recipe.settings)
            else:
                progress.add(len(tokens))
            shards.append(shard)
        return tuple(shards)

    def _shard(self, tokens: Sequence[int], kv: KVPrefix, settings: MemorySettings) -> Shard:
        try:
            frequencies = rotary_frequencies(self._model.model)
            return self._scheduler.call(lambda: Shard.of(tokens, kv, settings.kv_storage, frequencies))
        except ValueError as error:
            raise InputError("kv_storage", f"{error}; use exact") from None

    def _prefill(
        self, tokens: Sequence[int], recipe: Recipe, known: Memory | None, progress: "PrefillProgress"
    ) -> KVPrefix:
        """Prefill tokens, reusing a known start; between pieces the model serves other requests."""
        start = _longest_start(tokens, known)
        session = self._scheduler.call(lambda: open_session(self._model.model, [None], len(tokens)))
        done = start.length if start else 0
        if start:
            self._scheduler.call(lambda: session.restart(0, start))
        progress.add(done)
        for at in range(done, len(tokens), PIECE):
            piece = tokens[at : at + PIECE]
            self._scheduler.call(partial(session.prefill, 0, piece))
            progress.add(len(piece))
        return self._scheduler.call(session.prefix)


class PrefillProgress:
    """Counts the tokens read, and reports them."""

    def __init__(self, total: int, report: ReportProgress) -> None:
        self._total = total
        self._done = 0
        self._report = report
        report(Progress("memory", 0, total, "tokens"))

    def add(self, tokens: int) -> None:
        """Report more tokens."""
        self._done += tokens
        self._report(Progress("memory", self._done, self._total, "tokens"))


def _same(tokens: Sequence[int], known: Memory | None) -> Shard | None:
    """Return the known shard over exactly these tokens."""
    shards = known.shards if known else ()
    return next((shard for shard in shards if list(shard.token_ids) == list(tokens)), None)


def _longest_start(tokens: Sequence[int], known: Memory | None) -> KVPrefix | None:
    """Return the known keys and values of the longest start of the tokens, in whole pieces."""
    best: KVPrefix | None = None
    for shard in known.shards if known else ():
        if shard.is_exact:
            whole = common_prefix(tokens, shard.token_ids) // PIECE * PIECE
            if whole > (best.length if best else 0):
                best = shard.kv.head(whole)
    return best


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the length of the common prefix of two token sequences."""
    for length, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return length
    return min(len(first), len(second))
