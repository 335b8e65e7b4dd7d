"""Which ratio a window is compressed by."""

from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np

from memorag_graph.kv.beacon.config import BeaconConfig

_SEED = 42
_ADAPT = "adapt-"


class Ratios:
    """Chooses the ratio of each window of a text, as the reference implementation does.

    Of several ratios, those that do not divide the window are left out. Random choices begin with a fixed seed.

    Args:
        config: How beacons are placed; its ratios are chosen from.
        positions: Most positions of the model.

    Raises:
        ValueError: If no ratio divides the window, or the way to choose is unknown.
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
        self._of_text: Iterator[int] | None = None

    def begin(self, length: int) -> None:
        """Begin a text, of which so many tokens are known."""
        self._of_text = self._choices(length)

    def next(self) -> int:
        """Return the ratio of the next window.

        Raises:
            RuntimeError: If no text was begun.
        """
        if self._of_text is None:
            raise RuntimeError("no text was begun; call begin")
        return next(self._of_text)

    def _choices(self, length: int) -> Iterator[int]:
        mix = self._config.mix
        if len(self._ratios) == 1:
            return cycle(self._ratios)
        if mix == "sequence":
            return cycle(self._ratios)
        if mix == "step-random":
            return self._draws()
        if mix == "instance-random":
            return cycle([next(self._draws())])
        if mix.startswith(_ADAPT) and mix.removeprefix(_ADAPT).isdigit():
            room = int(mix.removeprefix(_ADAPT))
            return cycle([smallest_ratio(self._config, self._ratios, self._positions, length + room)])
        raise ValueError(f"beacon_ratio_mix {mix!r} is not supported; give one ratio")

    def _draws(self) -> Iterator[int]:
        while True:
            yield int(self._generator.choice(self._ratios))


def smallest_ratio(config: BeaconConfig, ratios: Sequence[int], positions: int, tokens: int) -> int:
    """Return the ratio of the least capacity that holds so many tokens, or the largest one."""
    capacities = {ratio: capacity(config, ratio, positions) for ratio in ratios}
    enough = [ratio for ratio, most in capacities.items() if most >= tokens]
    return min(enough, key=capacities.__getitem__) if enough else max(ratios)


def capacity(config: BeaconConfig, ratio: int, positions: int) -> int:
    """Return how many tokens fit a model's positions at a ratio, the last window uncompressed."""
    return (positions - config.window) * ratio + config.window if ratio else positions
