"""Choose the compression ratio of each window."""

from collections.abc import Sequence
from copy import copy

import numpy as np

from memorag_graph.beacon.config import BeaconConfig

_SEED = 42
_EACH, _ONE = "step-random", "instance-random"
_MIXES = (_EACH, _ONE, "sequence")
_ADAPT = "adapt-"


class Ratios:
    """Chooses the ratio of each window of a text like the reference implementation.

    Ratios that do not divide the window are ignored if there are several. Random choices start from a fixed seed.

    Args:
        config: How beacons are placed, with the ratios to choose from.
        positions: Maximum positions of the model.

    Raises:
        ValueError: If no ratio divides the window, or ``config.mix`` is unknown.
    """

    def __init__(self, config: BeaconConfig, positions: int) -> None:
        ratios = config.ratios
        if len(ratios) > 1:
            ratios = tuple(ratio for ratio in ratios if ratio >= 0 and (not ratio or config.window % ratio == 0))
        for ratio in ratios:
            config.require(ratio)
        if not ratios:
            raise ValueError(f"no ratio of {config.ratios} divides the window of {config.window} tokens")
        self._ratios = ratios
        self._config = config
        self._positions = positions
        self._generator = np.random.default_rng(_SEED)
        self._order: tuple[int, ...] = ratios if len(ratios) == 1 else ()
        self._at = 0
        if len(ratios) > 1 and config.mix not in _MIXES and self._room() is None:
            raise ValueError(f"beacon_ratio_mix {config.mix!r} is not supported; give one ratio")

    def fork(self) -> "Ratios":
        """Return a copy; like the reference's, it shares the random generator."""
        return copy(self)

    def next(self, length: int) -> int:
        """Return the ratio of the next window of a text of which ``length`` tokens are known."""
        if not self._order and self._config.mix != _EACH:
            self._order = self._chosen(length)
        if not self._order:
            return self._draw()
        ratio = self._order[self._at % len(self._order)]
        self._at += 1
        return ratio

    def _chosen(self, length: int) -> tuple[int, ...]:
        """Return the ratios that the windows of a text take in turn."""
        if (room := self._room()) is not None:
            return (smallest_ratio(self._config, self._ratios, self._positions, length + room),)
        return (self._draw(),) if self._config.mix == _ONE else self._ratios

    def _room(self) -> int | None:
        room = self._config.mix.removeprefix(_ADAPT)
        return int(room) if self._config.mix.startswith(_ADAPT) and room.isdecimal() else None

    def _draw(self) -> int:
        return int(self._generator.choice(self._ratios))


def smallest_ratio(config: BeaconConfig, ratios: Sequence[int], positions: int, tokens: int) -> int:
    """Return the ratio with the least capacity that holds ``tokens`` tokens, or the largest ratio."""
    capacities = {ratio: capacity(config, ratio, positions) for ratio in ratios}
    enough = [ratio for ratio, most in capacities.items() if most >= tokens]
    return min(enough, key=capacities.__getitem__) if enough else max(ratios)


def capacity(config: BeaconConfig, ratio: int, positions: int) -> int:
    """Return how many tokens fit the model's positions at a ratio, with the last window uncompressed."""
    return (positions - config.window) * ratio + config.window if ratio else positions
