"""Remove a reasoning model's thoughts from an answer: all up to its last ``</think>``, or unfinished thoughts."""

from collections.abc import Iterable, Iterator

_OPEN, _CLOSE = "<think>", "</think>"


def without_thinking(text: str) -> str:
    """Return a whole answer without its thoughts; the opening tag may be missing, because many templates write it."""
    _, closed, answer = text.rpartition(_CLOSE)
    if closed:
        return answer
    return "" if text.lstrip().startswith(_OPEN) else text


def stream_without_thinking(pieces: Iterable[str]) -> Iterator[str]:
    """Yield an answer without its thoughts while it is written; see :class:`ThinkingFilter`.

    A piece of which nothing can be shown yet yields an empty text, so that the caller can stop at every piece.
    """
    thinking = ThinkingFilter()
    for piece in pieces:
        yield thinking.push(piece)
    if rest := thinking.flush():
        yield rest


class ThinkingFilter:
    """Removes the thoughts from an answer that comes in pieces, at a cost that does not grow with the answer.

    The shown pieces together are :func:`without_thinking` of the answer. Only where the opening tag is missing, or
    there are several closing ones, text that turns out to be a thought may be shown before its closing tag comes.
    """

    def __init__(self) -> None:
        self._has_begun = False
        self._is_thought = False
        self._space: list[str] = []
        """White space before anything else: it belongs to the thoughts if these follow."""
        self._tag = ""
        """The last characters, if a tag may begin with them."""

    def push(self, piece: str) -> str:
        """Return what can be shown after one more piece."""
        text = self._tag + piece
        if not self._has_begun:
            text = self._begin(text)
        if not self._has_begun:
            return ""
        rest = text.rpartition(_CLOSE)[2]
        self._is_thought &= len(rest) == len(text)
        shown = len(rest) - _length_of_tag(rest)
        self._tag = rest[shown:]
        return "" if self._is_thought else rest[:shown]

    def flush(self) -> str:
        """Return what is left to show at the end: the start of a tag that never came."""
        return "" if self._is_thought else "".join(self._space) + self._tag

    def _begin(self, text: str) -> str:
        """Look for the opening tag; return what follows it, or all there is if it is not there."""
        stripped = text.lstrip()
        self._space.append(text[: len(text) - len(stripped)])
        self._tag = stripped
        self._has_begun = len(stripped) >= len(_OPEN) or not _OPEN.startswith(stripped)
        self._is_thought = stripped.startswith(_OPEN)
        if not self._has_begun:
            return ""
        space, self._space = "".join(self._space), []
        return stripped.removeprefix(_OPEN) if self._is_thought else space + stripped


def _length_of_tag(text: str) -> int:
    """Return how many of the last characters are the start of a closing tag."""
    return next(size for size in range(len(_CLOSE) - 1, -1, -1) if text.endswith(_CLOSE[:size]))
