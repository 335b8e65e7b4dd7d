"""Place beacons among the tokens of a window."""

from collections.abc import Sequence


def place_beacons(tokens: Sequence[int], ratio: int, before: int, beacon: int) -> list[int]:
    """Return tokens with a beacon after every ``ratio``-th token of the window.

    Args:
        tokens: The tokens.
        ratio: Tokens per beacon; 0 places none.
        before: Number of tokens of the window read before.
        beacon: Token id of a beacon.
    """
    entries: list[int] = []
    for number, token in enumerate(tokens, start=before + 1):
        entries.append(token)
        if ratio and number % ratio == 0:
            entries.append(beacon)
    return entries


def kept_rows(flags: Sequence[bool]) -> list[int]:
    """Return the entries of a full window that stay in the memory: the beacons, or all if there are none."""
    return [at for at, flag in enumerate(flags) if flag] or list(range(len(flags)))
