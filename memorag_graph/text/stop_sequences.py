"""End a text before the first of some sequences, also while it arrives in pieces."""

from collections.abc import Sequence


class StopSequences:
    """Passes on the pieces of a text up to the first stop sequence, which may be divided between pieces.

    Args:
        sequences: The sequences; empty ones are ignored.

    Example:
        >>> stop = StopSequences(["END"])
        >>> [stop.read("Done. E"), stop.read("ND of it"), stop.rest()]
        ['Done. ', '', '']
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = [it for it in sequences if it]
        self._held = ""
        self.is_over = False
        """Whether a sequence was found."""

    def read(self, piece: str) -> str:
        """Return what is certain to stand before a stop sequence, once a piece was added."""
        if self.is_over:
            return ""
        text = self._held + piece
        ends = [at for it in self._sequences if (at := text.find(it)) >= 0]
        if ends:
            self.is_over, self._held = True, ""
            return text[: min(ends)]
        kept = max((_begun(text, it) for it in self._sequences), default=0)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """Return what was held back at the end of the text."""
        held, self._held = self._held, ""
        return held


def before_stop(text: str, sequences: Sequence[str]) -> str:
    """Return a whole text up to the first stop sequence."""
    stop = StopSequences(sequences)
    return stop.read(text) + stop.rest()


def _begun(text: str, sequence: str) -> int:
    """Return how many characters at the end of a text may begin a sequence."""
    longest = min(len(text), len(sequence) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(sequence[:size])), 0)
