"""A memory of beacons: a trained model reads the whole text and keeps a fraction of it.

Full windows are compressed; what is left at the end of the text is read as it is, and so are question and answer. The
memory is then an ordinary prefix. (The reference implementation puts beacons between those, too;
:class:`memorag_graph.kv.beacon.reader.BeaconReader` reads so.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from memorag_graph.chunking import Chunk
from memorag_graph.errors import InputError
from memorag_graph.kv.beacon.config import BeaconConfig
from memorag_graph.kv.beacon.reader import BeaconReader
from memorag_graph.kv.branch import PIECE, open_branch
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.forming import Recipe
from memorag_graph.memory.frame import opening_tokens
from memorag_graph.memory.full import FullKind
from memorag_graph.memory.kinds import turn_room
from memorag_graph.memory.memory import Memory
from memorag_graph.memory.reading import ShardReader, Total, common
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.worker import Worker
from memorag_graph.prompts import Prompts
from memorag_graph.settings import BeaconRatio, MemorySettings

USUAL_RATIOS = (2, 4, 8, 16, 32)
"""Ratios that are chosen from by a text's length."""

_TOGETHER = 4096
"""Tokens of full windows that are read in one pass."""


def beacon_settings(beacons: BeaconConfig, settings: MemorySettings) -> MemorySettings:
    """Return the settings of a beacon memory.

    Raises:
        InputError: If the ratio cannot be used with the model, or a part of the memory is to be evicted.
    """
    if settings.kv_keep < 1:
        raise InputError("kv_keep", "a beacon memory is kept whole; choose a higher beacon_ratio instead")
    try:
        beacons.require(USUAL_RATIOS[0] if settings.beacon_ratio == "auto" else settings.beacon_ratio)
    except ValueError as error:
        raise InputError("beacon_ratio", str(error)) from None
    return settings.model_copy(update={"kind": "beacon"})


def entries(beacons: BeaconConfig, ratio: int, tokens: int) -> int:
    """Return how many keys of each layer a memory of so many tokens holds."""
    windows, tail = divmod(tokens, beacons.window)
    return (beacons.sink if windows else 0) + windows * beacons.beacons(ratio) + tail


def reaches(beacons: BeaconConfig, ratio: int, window: int, tokens: int) -> bool:
    """Tell whether a model can read so many tokens and a question after them.

    Args:
        beacons: How beacons are placed.
        ratio: Tokens for each beacon.
        window: Most positions of the model.
        tokens: Tokens of the text.
    """
    windows = tokens // beacons.window
    before_last = entries(beacons, ratio, (windows - 1) * beacons.window) if windows else 0
    reading = before_last + beacons.window + beacons.beacons(ratio) if windows else 0
    return max(reading, entries(beacons, ratio, tokens) + turn_room(window)) <= window


def longest(beacons: BeaconConfig, ratio: int, window: int) -> int:
    """Return the most tokens that :func:`reaches` allows, in whole windows."""
    windows = 0
    while reaches(beacons, ratio, window, (windows + 1) * beacons.window):
        windows += 1
    return windows * beacons.window


def chosen_ratio(beacons: BeaconConfig, ratio: BeaconRatio, window: int, tokens: int) -> int:
    """Return the ratio that a text is read with.

    Raises:
        InputError: If the text is beyond what the model reaches with it.
    """
    usual = [it for it in USUAL_RATIOS if beacons.window % it == 0]
    fitting = [it for it in usual if reaches(beacons, it, window, tokens)]
    if ratio == "auto" and fitting:
        return fitting[0]
    if ratio != "auto" and reaches(beacons, ratio, window, tokens):
        return ratio
    least = f"use beacon_ratio {fitting[0]}" if fitting else "give a shorter text, or use kind gist with another model"
    tried = usual[-1] if ratio == "auto" else ratio
    raise InputError(
        "documents",
        f"a text of {tokens:,} tokens is beyond the {longest(beacons, tried, window):,} that this model reaches with a "
        f"beacon_ratio of {tried}; {least}",
    )


class BeaconKind:
    """The sections as they are, in one shard, as long as the model's positions reach at a ratio.

    Args:
        model: The model.
        beacons: How it places beacons.
        prompts: The prompts of the document's language.
        ratio: Tokens for each beacon; ``"auto"`` chooses by length.
    """

    def __init__(self, model: LanguageModel, beacons: BeaconConfig, prompts: Prompts, ratio: BeaconRatio) -> None:
        self._model = model
        self._beacons = beacons
        self._ratio = ratio
        self._opening = len(opening_tokens(model, prompts))
        self._whole = FullKind(model, prompts)

    @property
    def section_tokens(self) -> int:
        """Most tokens of a section."""
        return self._whole.section_tokens

    def key(self, section: str) -> str:
        """Return the hash of a section."""
        return self._whole.key(section)

    def write(self, sections: Mapping[str, Chunk]) -> dict[str, str]:
        """Return the sections as they are."""
        return self._whole.write(sections)

    def arrange(self, notes: Sequence[str]) -> list[list[str]]:
        """Return the texts of the one shard.

        Raises:
            InputError: If they are beyond what the model reaches.
        """
        texts = [f"\n\n{note}" for note in notes]
        tokens = self._opening + sum(self._model.count(text) for text in texts)
        chosen_ratio(self._beacons, self._ratio, self._model.window, tokens)
        return [texts]


class BeaconShardReader(ShardReader):
    """Reads windows with a local model and keeps their beacons.

    Windows that an earlier memory has compressed are taken from it.

    Args:
        worker: The model's thread.
        model: The model.
        beacons: How it places beacons.
    """

    def __init__(self, worker: Worker, model: LanguageModel, beacons: BeaconConfig) -> None:
        super().__init__(worker, model)
        self._beacons = beacons
        self._together = max(1, _TOGETHER // beacons.window)

    def _prefill(self, tokens: Sequence[int], recipe: Recipe, known: Memory | None, progress: Total) -> KVPrefix:
        """Read tokens; between two passes the model is free for others."""
        size = self._beacons.window
        ratio = self._ratio(tokens, recipe.settings)
        reader = BeaconReader(self._model.model, replace(self._beacons, ratios=(ratio,)), self._together)
        done = self._resume(reader, tokens, ratio, known) * size
        progress.add(done)
        whole = len(tokens) // size * size
        for at in range(done, whole, self._together * size):
            part = tokens[at : min(at + self._together * size, whole)]
            self._worker.call(partial(reader.read, part))
            progress.add(len(part))
        return self._read_tail(reader.prefix(), tokens[whole:], progress)

    def _ratio(self, tokens: Sequence[int], settings: MemorySettings) -> int:
        return chosen_ratio(self._beacons, settings.beacon_ratio, self._model.window, len(tokens))

    def _resume(self, reader: BeaconReader, tokens: Sequence[int], ratio: int, known: Memory | None) -> int:
        """Take over what an earlier memory has compressed; return how many windows.

        Only those that were read in one pass with no others, so that the bits are those of reading everything.
        """
        best, windows = None, 0
        for shard in known.shards if known and known.settings.kv_storage == "exact" else ():
            same = common(tokens, shard.token_ids) // self._beacons.window // self._together * self._together
            if known and same > windows and self._ratio(shard.token_ids, known.settings) == ratio:
                best, windows = shard.kv, same
        if best is not None:
            reader.resume(best, windows)
        return windows

    def _read_tail(self, compressed: KVPrefix, tail: Sequence[int], progress: Total) -> KVPrefix:
        """Read what fills no window, without beacons."""
        if not tail:
            return compressed
        model, before = self._model.model, compressed if compressed.length else None
        branch = self._worker.call(lambda: open_branch(model, [before], len(tail)))
        for at in range(0, len(tail), PIECE):
            piece = tail[at : at + PIECE]
            self._worker.call(partial(branch.prefill, 0, piece))
            progress.add(len(piece))
        return self._worker.call(branch.prefix)
