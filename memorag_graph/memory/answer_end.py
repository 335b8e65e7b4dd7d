"""End an answer early: at a stop word, or when a list is long enough or repeats itself."""

from collections.abc import Sequence

from memorag_graph.text.words import content_words, repeats

_MOST_REPEATED = 2


class AnswerEnd:
    """Decides after each piece of one answer whether the answer is complete.

    Args:
        stop: Words that end the answer.
        max_lines: End after this many lines, or when lines repeat earlier ones; None does not count lines.
    """

    def __init__(self, stop: Sequence[str], max_lines: int | None) -> None:
        self._stop = stop
        self._max_lines = max_lines
        self._longest_stop = max(map(len, stop), default=0)
        self._tail = ""
        self._line: list[str] = []
        self._lines: list[list[str]] = []
        self._repeated = 0

    def __call__(self, piece: str) -> bool:
        """Return whether the answer is complete after one more piece."""
        text = self._tail + piece
        self._tail = text[max(0, len(text) - self._longest_stop + 1) :] if self._stop else ""
        return any(word in text for word in self._stop) or self._has_enough_lines(piece)

    def _has_enough_lines(self, piece: str) -> bool:
        if self._max_lines is None:
            return False
        self._line.append(piece)
        if not piece.endswith("\n"):
            return False
        for line in "".join(self._line).splitlines():
            if line.strip():
                words = content_words(line)
                self._repeated += repeats(words, self._lines)
                self._lines.append(words)
        self._line.clear()
        return len(self._lines) >= self._max_lines or self._repeated >= _MOST_REPEATED
