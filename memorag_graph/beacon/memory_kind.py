"""The memory kind "beacon": a trained model reads the whole text and keeps a fraction of its keys and values.

Full windows are compressed; the rest of the text, questions and answers are read uncompressed, so the memory is an
ordinary prefix. (The reference implementation places beacons among those, too, as
:class:`memorag_graph.beacon.compressor.BeaconCompressor` does.)
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from memorag_graph.beacon.compressor import BeaconCompressor
from memorag_graph.beacon.config import BeaconConfig
from memorag_graph.errors import InputError
from memorag_graph.inference.decode_session import PIECE, open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.builder import Recipe
from memorag_graph.memory.build.full_kind import FullKind
from memorag_graph.memory.build.gist_kind import GistWriter
from memorag_graph.memory.build.kinds import MemoryKind, turn_room
from memorag_graph.memory.build.prefill import PrefillProgress, ShardPrefiller, common_prefix
from memorag_graph.memory.build.sections import Sections
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.prompt_layout import opening_tokens
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.progress import ReportProgress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import BeaconRatio, MemorySettings

_TOKENS_PER_PASS = {"cpu": 1024, "cuda": 4096}
"""Tokens of full windows read in one pass; more do not help on a CPU (``benchmarks/results/beacon.json``)."""


def beacon_settings(beacons: BeaconConfig, settings: MemorySettings) -> MemorySettings:
    """Return the settings of a beacon memory.

    Raises:
        InputError: If the ratio cannot be used with the model, or ``kv_keep`` is below 1.
    """
    if settings.kv_keep < 1:
        raise InputError("kv_keep", "must be 1 for a beacon memory; choose a higher beacon_ratio instead")
    if settings.beacon_ratio != "auto":
        try:
            beacons.require(settings.beacon_ratio)
        except ValueError as error:
            raise InputError("beacon_ratio", str(error)) from None
    return settings.model_copy(update={"kind": "beacon"})


def positions_needed(beacons: BeaconConfig, ratio: int, window: int, tokens: int) -> int:
    """Return the positions needed for up to ``tokens`` tokens and a question after them.

    Args:
        beacons: How beacons are placed.
        ratio: Tokens per beacon.
        window: Maximum positions of the model.
        tokens: Number of tokens of the text.
    """
    size, left = beacons.window, beacons.beacons(ratio)
    windows, tail = divmod(tokens, size)
    before = (beacons.sink if windows else 0) + windows * left
    reading = before + size if windows else 0  # the last full window with its beacons
    shorter = before - left + size - 1 if windows else 0  # a text that just fails to fill that window
    return max(reading, max(before + tail, shorter) + turn_room(window))


def longest(beacons: BeaconConfig, ratio: int, window: int) -> int:
    """Return the maximum tokens of a text that fits the model at a ratio."""
    most = window * max(ratio, 1) + beacons.window
    needed = range(most + 1)
    return bisect_right(needed, window, key=lambda tokens: positions_needed(beacons, ratio, window, tokens)) - 1


def chosen_ratio(beacons: BeaconConfig, ratio: BeaconRatio, window: int, tokens: int) -> int:
    """Return the ratio for a text.

    Raises:
        InputError: If the text is too long for the model at the ratio.
    """
    trained = [it for it in beacons.ratios if it and beacons.window % it == 0]
    usual = sorted({*beacons.usual, *trained})
    fitting = [it for it in usual if tokens <= longest(beacons, it, window)]
    if ratio == "auto" and fitting:
        return next((it for it in fitting if it in trained), fitting[0])
    if ratio != "auto" and tokens <= longest(beacons, ratio, window):
        return ratio
    tried = usual[-1] if ratio == "auto" else ratio
    least = f"use beacon_ratio {fitting[0]}" if fitting else "give a shorter text, or use kind gist with another model"
    raise InputError(
        "documents",
        f"the text has {tokens:,} tokens; with beacon_ratio {tried} at most {longest(beacons, tried, window):,} fit "
        f"this model; {least}",
    )


class BeaconKind:
    """The unchanged sections in one shard, which must fit the model at a ratio.

    Args:
        model: The model.
        beacons: How it places beacons.
        prompts: The prompts of the document's language.
        ratio: Tokens per beacon; ``"auto"`` chooses by length.
    """

    def __init__(self, model: LanguageModel, beacons: BeaconConfig, prompts: Prompts, ratio: BeaconRatio) -> None:
        self._model = model
        self._beacons = beacons
        self._ratio = ratio
        self._opening = len(opening_tokens(model, prompts))
        self._whole = FullKind(model, prompts)

    @property
    def section_tokens(self) -> int:
        """Maximum tokens per section."""
        return self._whole.section_tokens

    def key(self, section: str) -> str:
        """Return a hash of a section."""
        return self._whole.key(section)

    def most_tokens(self, sections: Sequence[int]) -> int:
        """Return the tokens whose keys and values are kept.

        Raises:
            InputError: If the sections are too long for the model.
        """
        tokens = self._opening + sum(sections)
        ratio = chosen_ratio(self._beacons, self._ratio, self._model.window, tokens)
        return tokens // max(ratio, 1) + self._beacons.window

    def write(self, sections: Sections) -> dict[str, str]:
        """Return the sections unchanged."""
        return self._whole.write(sections)

    def arrange(self, notes: Sequence[str]) -> list[list[str]]:
        """Return the texts of the one shard.

        Raises:
            InputError: If they are too long for the model.
        """
        texts = [f"\n\n{note}" for note in notes]
        tokens = self._opening + sum(self._model.count(text) for text in texts)
        chosen_ratio(self._beacons, self._ratio, self._model.window, tokens)
        return [texts]


class BeaconShardPrefiller(ShardPrefiller):
    """Prefills with a local model and keeps the beacons of full windows.

    Windows that an earlier memory compressed are reused.

    Args:
        scheduler: Runs the model.
        model: The model.
        beacons: How it places beacons.
    """

    def __init__(self, scheduler: Scheduler, model: LanguageModel, beacons: BeaconConfig) -> None:
        super().__init__(scheduler, model)
        self._beacons = beacons
        self._windows_per_pass = max(
            1, _TOKENS_PER_PASS.get(model.model.device.type, _TOKENS_PER_PASS["cpu"]) // beacons.window
        )

    def _prefill(
        self, tokens: Sequence[int], recipe: Recipe, known: Memory | None, progress: PrefillProgress
    ) -> KVPrefix:
        """Prefill tokens; between passes the model serves other requests."""
        size = self._beacons.window
        ratio = self._ratio(tokens, recipe.settings)
        config = replace(self._beacons, ratios=(ratio,))
        reader = self._scheduler.call(lambda: BeaconCompressor(self._model.model, config, self._windows_per_pass))
        done = self._scheduler.call(lambda: self._resume(reader, tokens, ratio, known)) * size
        progress.add(done)
        whole = len(tokens) // size * size
        for at in range(done, whole, self._windows_per_pass * size):
            part = tokens[at : min(at + self._windows_per_pass * size, whole)]
            self._scheduler.call(partial(reader.read, part))
            progress.add(len(part))
        return self._read_tail(self._scheduler.call(reader.prefix), tokens[whole:], progress)

    def _ratio(self, tokens: Sequence[int], settings: MemorySettings) -> int:
        return chosen_ratio(self._beacons, settings.beacon_ratio, self._model.window, len(tokens))

    def _resume(self, reader: BeaconCompressor, tokens: Sequence[int], ratio: int, known: Memory | None) -> int:
        """Reuse windows that an earlier memory compressed; return their number.

        Only whole passes are reused, so that the bits equal those of reading everything.
        """
        best, windows = None, 0
        for shard in known.shards if known and known.settings.kv_storage == "exact" else ():
            same = (
                common_prefix(tokens, shard.token_ids)
                // self._beacons.window
                // self._windows_per_pass
                * self._windows_per_pass
            )
            if known and same > windows and self._ratio(shard.token_ids, known.settings) == ratio:
                best, windows = shard.kv, same
        if best is not None:
            reader.resume(best, windows)
        return windows

    def _read_tail(self, compressed: KVPrefix, tail: Sequence[int], progress: PrefillProgress) -> KVPrefix:
        """Read the tokens after the last full window, without beacons."""
        if not tail:
            return compressed
        model, before = self._model.model, compressed if compressed.length else None
        session = self._scheduler.call(lambda: open_session(model, [before], len(tail)))
        for at in range(0, len(tail), PIECE):
            piece = tail[at : at + PIECE]
            self._scheduler.call(partial(session.prefill, 0, piece))
            progress.add(len(piece))
        return self._scheduler.call(session.prefix)


class BeaconMemoryModel(LocalMemoryModel):
    """A model with beacons that runs in this process; all of its memories are beacon memories.

    Args:
        language_model: The loaded model.

    Raises:
        ValueError: If the model has no beacons.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        super().__init__(language_model)
        if language_model.beacons is None:
            raise ValueError(f"the model {language_model.name!r} has no beacons")
        self._beacons = language_model.beacons

    def settled(self, settings: MemorySettings) -> MemorySettings:
        """Return the settings of a beacon memory.

        Raises:
            InputError: If the ratio cannot be used with the model, or ``kv_keep`` is below 1.
        """
        return beacon_settings(self._beacons, settings)

    def _kind(
        self, recipe: Recipe, journal: Journal, report: ReportProgress, writer: GistWriter | None = None
    ) -> MemoryKind:
        return BeaconKind(self._model, self._beacons, recipe.prompts, recipe.settings.beacon_ratio)

    def _prefill(
        self, texts: Sequence[Sequence[str]], recipe: Recipe, known: Memory | None, report: ReportProgress
    ) -> tuple[Shard, ...]:
        return BeaconShardPrefiller(self._scheduler, self._model, self._beacons).read(texts, recipe, known, report)
