"""Where beacons stand among the tokens of a window."""

from collections.abc import Sequence


def weave(tokens: Sequence[int], ratio: int, before: int, beacon: int) -> list[int]:
    """Return tokens with a beacon after each whose number in the window is a multiple of the ratio.

    Args:
        tokens: The tokens.
        ratio: Tokens for each beacon; 0 places none.
        before: Tokens of the window that were read before.
        beacon: What stands for a beacon.
    """
    woven: list[int] = []
    for number, token in enumerate(tokens, start=before + 1):
        woven.append(token)
        if ratio and number % ratio == 0:
            woven.append(beacon)
    return woven


def rows_left(flags: Sequence[bool]) -> list[int]:
    """Return which entries of a full window stay in the memory: the beacons, or all where there are none."""
    return [at for at, flag in enumerate(flags) if flag] or list(range(len(flags)))
