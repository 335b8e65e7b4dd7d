"""Compress tokens to a beacon memory, window by window."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.beacon.config import BeaconConfig
from memorag_graph.beacon.growable_cache import GrowableCache
from memorag_graph.beacon.placement import kept_rows, place_beacons
from memorag_graph.beacon.ratios import Ratios
from memorag_graph.beacon.window_mask import MaskedWindow, ParallelWindows
from memorag_graph.inference.cache_views import PieceView, View, cache_of
from memorag_graph.inference.chosen_paths import fast_paths_of
from memorag_graph.inference.logsumexp_attention import masked
from memorag_graph.inference.prefix_attention import MEMORY_ATTENTION, MEMORY_ATTENTIONS, Past, WindowAttention
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.rotary import rotary_frequencies, rotate


@dataclass
class _Window:
    """The window being read.

    Attributes:
        kv: Keys and values of all its entries.
        flags: Whether each is a beacon.
        places: Their positions, counted from the end of the memory.
        ordinary: Number of ordinary tokens read.
        ratio: Tokens per beacon; None until chosen.
    """

    kv: GrowableCache
    flags: list[bool] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    ordinary: int = 0
    ratio: int | None = None


class BeaconCompressor:
    """Reads tokens with a beacon model like the reference implementation, including beacons in an unfinished window.

    The memory does not depend on how the tokens are split into calls. Keys are held rotated to their positions; keys
    of the memory never change.

    Args:
        model: The model, as :func:`memorag_graph.beacon.checkpoint.load_beacon_model` loads it, with the attention
            :data:`memorag_graph.inference.prefix_attention.MEMORY_ATTENTION`.
        config: How beacons are placed; a single ratio applies to all windows.
        side_by_side: Number of full windows read in one pass, if all have one ratio and see everything before them.

    Raises:
        ValueError: If the ratios cannot be used, or the model has another attention.
    """

    def __init__(self, model: PreTrainedModel, config: BeaconConfig, side_by_side: int = 1) -> None:
        if model.config._attn_implementation not in MEMORY_ATTENTIONS:
            raise ValueError(f"call model.set_attn_implementation({MEMORY_ATTENTION!r}) first")
        frequencies = rotary_frequencies(model)
        if frequencies is None:
            raise ValueError("the model has no rotary position embedding")
        self._model = model
        self._config = config
        self._frequencies = frequencies.to(model.device)
        self._positions = positions_of(model)
        self._ratios = Ratios(config, self._positions)
        one_ratio = len(config.ratios) == 1 and config.mask == "full-coverage"
        self._side_by_side = max(1, side_by_side) if one_ratio else 1
        self._beacon = int(model.config.vocab_size)
        self._known = 0
        self.sink = KVPrefix(())
        self.memory = GrowableCache(model)
        self.window = _Window(GrowableCache(model))

    def fork(self) -> "BeaconCompressor":
        """Return an independent copy."""
        other = object.__new__(BeaconCompressor)
        other.__dict__ |= self.__dict__
        other.memory, other._ratios = self.memory.fork(), self._ratios.fork()
        window = self.window
        other.window = replace(window, kv=window.kv.fork(), flags=list(window.flags), places=list(window.places))
        return other

    def resume(self, prefix: KVPrefix, windows: int) -> None:
        """Continue after windows that were read before with the same ratio.

        Args:
            prefix: The keys and values after those windows; later ones are ignored.
            windows: Number of windows to reuse; at least one.

        Raises:
            ValueError: If windows may have different ratios.
        """
        if len(self._config.ratios) != 1:
            raise ValueError("windows of different ratios cannot be told apart")
        (ratio,) = self._config.ratios
        sink, count = self._config.sink, windows * self._config.beacons(ratio)
        self._known = windows * self._config.window
        self.sink = prefix.head(sink)
        kept = prefix.head(sink + count)
        self.memory.add(KVPrefix(tuple((keys[:, sink:], values[:, sink:]) for keys, values in kept.layers)))

    def read(self, tokens: Sequence[int], *, every: bool = False) -> Tensor:
        """Read tokens.

        Args:
            tokens: The tokens.
            every: Return logits after each ordinary token of the last pass, not only after the last one.

        Returns:
            Logits, shape (1, vocabulary) or (tokens of the last pass, vocabulary).

        Raises:
            ValueError: If there is no token, or more than the model has positions for.
        """
        if not tokens:
            raise ValueError("there is nothing to read")
        self._known += len(tokens)
        done = 0
        while done < len(tokens):
            together = self._together(len(tokens) - done)
            if together > 1:
                take = tokens[done : done + together * self._config.window]
                logits = self._read_side_by_side(take, together, every)
            else:
                take = tokens[done : done + self._config.window - self.window.ordinary]
                logits = self._read_part(take, every)
            done += len(take)
        return logits

    def prefix(self) -> KVPrefix:
        """Return all keys and values in order: sink, memory, unfinished window."""
        held = [self.sink, self.memory.prefix(), self.window.kv.prefix()]
        return joined([it for it in held if it.length])

    def unrotated(self, kv: KVPrefix, first: int) -> KVPrefix:
        """Return keys without their rotary embedding.

        Args:
            kv: Keys and values at positions from ``first`` on.
            first: Position of the first.
        """
        steps = -torch.arange(first, first + kv.length, device=self._frequencies.device)
        return KVPrefix(tuple((self._turned(keys, steps), values) for keys, values in kv.layers))

    @property
    def _base(self) -> int:
        """Position of the window's first entry."""
        return self.sink.length + self.memory.length

    def _together(self, left: int) -> int:
        """Return the number of full windows to read in one pass."""
        alone = self.window.ordinary or (self._config.sink and not self.memory.length)
        return 1 if alone else min(self._side_by_side, left // self._config.window)

    def _read_part(self, take: Sequence[int], every: bool) -> Tensor:
        """Read tokens of one window with their beacons."""
        config, window = self._config, self.window
        interleaved = config.placement == "interleave"
        if interleaved and window.ratio is None:
            window.ratio = self._ratios.next(self._known)
        entries = place_beacons(take, window.ratio or 0, window.ordinary, self._beacon)
        start = len(window.places)
        logits = self._pass(entries, range(start, start + len(entries)), every)
        window.ordinary += len(take)
        if window.ordinary == config.window:
            if not interleaved:
                window.ratio = self._ratios.next(self._known)
                self._append_beacons(window.ratio)
            self._finish()
        return logits

    def _append_beacons(self, ratio: int) -> None:
        """Read the beacons that follow a full window."""
        config = self._config
        count = config.window // ratio if ratio else 0
        if not count:
            return
        beacons = [self._beacon] * count
        if config.mask == "full-coverage":
            self._pass(beacons, range(config.window, config.window + count))
            return
        number = torch.arange(1, count + 1)
        seen_tokens = torch.arange(config.window) < number[:, None] * ratio
        seen_beacons = number <= number[:, None] if config.attend_prev else number == number[:, None]
        hidden = ~torch.cat([seen_tokens, seen_beacons], dim=1)
        places = number * ratio - 1 + (number if config.attend_prev else 1)
        self._pass(beacons, places.tolist(), within=MaskedWindow(masked(hidden).to(self._model.device)))

    def _pass(
        self, entries: Sequence[int], places: Sequence[int], every: bool = False, within: WindowAttention | None = None
    ) -> Tensor:
        """Run the model on entries of the window, at positions counted from the window's first."""
        window = self.window
        own = len(window.places)
        logits = self._forward(entries, places, window.kv, own, every, within)
        window.flags += [token == self._beacon for token in entries]
        window.places += places
        return logits

    def _forward(
        self,
        entries: Sequence[int],
        places: Sequence[int],
        kv: GrowableCache,
        own: int,
        every: bool,
        within: WindowAttention | None,
    ) -> Tensor:
        """Run the model; return the logits after every ordinary token or, without ``every``, after the last one."""
        device = self._model.device
        if self._base + max(places) >= self._positions:
            raise ValueError(f"the text does not fit the model's {self._positions:,} positions; use a higher ratio")
        columns = slice(own, own + len(entries))
        layers: list[View] = [PieceView(keys, values, columns) for keys, values in kv.room(columns.stop)]
        held = [(slice(0, 1), it) for it in (self.sink, self.memory.prefix()) if it.length]
        asked = [at for at, token in enumerate(entries) if token != self._beacon] or [len(entries) - 1]
        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor([list(entries)], device=device),
                attention_mask=torch.ones(1, 1, 1, 1, dtype=torch.bool, device=device),  # ``past`` decides what is seen
                position_ids=torch.tensor([list(places)], device=device) + self._base,
                past_key_values=cache_of(layers),
                use_cache=True,
                logits_to_keep=torch.tensor(asked if every else asked[-1:], device=device),
                memory_past=Past(held, own, within=within, fused=fast_paths_of(self._model).fused_attention),
            )
        return output.logits[0].float()  # type: ignore[no-any-return]

    def _finish(self) -> None:
        """Compress the full window into the memory; the first window also gives the sink."""
        window, base = self.window, self._base
        kv = window.kv.prefix()
        if self._config.sink and not self.memory.length:
            self.sink = kv.head(self._config.sink)
        left = kept_rows(window.flags)
        self.memory.add(self._moved(kv, left, [base + window.places[at] for at in left], self._base))
        self.window = _Window(GrowableCache(self._model))

    def _moved(self, kv: KVPrefix, rows: Sequence[int], places: Sequence[int], first: int) -> KVPrefix:
        """Return some entries, rotated from their positions to those from ``first`` on."""
        index = torch.tensor(rows, device=self._frequencies.device)
        steps = torch.arange(first, first + len(rows)) - torch.tensor(places)
        steps = steps.to(index.device)
        return KVPrefix(tuple((self._turned(keys[:, index], steps), values[:, index]) for keys, values in kv.layers))

    def _turned(self, keys: Tensor, steps: Tensor) -> Tensor:
        return rotate(keys.float(), steps, self._frequencies).to(keys.dtype)

    def _read_side_by_side(self, tokens: Sequence[int], windows: int, every: bool) -> Tensor:
        """Read several full windows in one pass."""
        size, ratio = self._config.window, self._ratios.next(self._known)
        beacons = [self._beacon] * (size // ratio if ratio else 0)
        entries: list[int] = []
        for start in range(0, len(tokens), size):
            part = tokens[start : start + size]
            interleaved = self._config.placement == "interleave"
            entries += place_beacons(part, ratio, 0, self._beacon) if interleaved else [*part, *beacons]
        rows = len(entries) // windows
        left = kept_rows([token == self._beacon for token in entries[:rows]])
        places = [number * len(left) + row for number in range(windows) for row in range(rows)]
        index = torch.tensor(left)
        steps = (torch.arange(len(left)) - index).repeat(windows)
        device = self._frequencies.device
        within = ParallelWindows(windows, index.to(device), steps.to(device), self._frequencies)
        kv = GrowableCache(self._model)
        logits = self._forward(entries, places, kv, 0, every, within)
        stay = [number * rows + row for number in range(windows) for row in left]
        self.memory.add(self._moved(kv.prefix(), stay, [self._base + places[at] for at in stay], self._base))
        return logits


def positions_of(model: PreTrainedModel) -> int:
    """Return the number of positions of a model, including those of a scaled rotary embedding."""
    scaling = getattr(model.config, "rope_parameters", None) or {}
    return int(model.config.max_position_embeddings * (scaling.get("factor") or 1))


def joined(parts: Sequence[KVPrefix]) -> KVPrefix:
    """Concatenate prefixes."""
    if len(parts) == 1:
        return parts[0]
    layers = zip(*(part.layers for part in parts), strict=True)
    return KVPrefix(
        tuple(
            (torch.cat([keys for keys, _ in layer], dim=1), torch.cat([values for _, values in layer], dim=1))
            for layer in layers
        )
    )
