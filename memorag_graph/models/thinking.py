"""Remove a reasoning model's thoughts from an answer: everything up to the last ``</think>``.

If the thoughts were cut off before a ``</think>``, nothing is left.
"""

from collections.abc import Iterable, Iterator

_OPEN, _CLOSE = "<think>", "</think>"


def without_thinking(text: str) -> str:
    """Return a complete answer without its thoughts.

    The opening tag may be missing, because many chat templates add it to the prompt.
    """
    _, closed, answer = text.rpartition(_CLOSE)
    if closed:
        return answer
    return "" if text.lstrip().startswith(_OPEN) else text


def stream_without_thinking(pieces: Iterable[str]) -> Iterator[str]:
    """Yield an answer without its thoughts while it is written; see :class:`ThinkingFilter`.

    A piece of which nothing can be shown yet yields an empty string, so that the caller can stop at any piece.
    """
    thinking = ThinkingFilter()
    for piece in pieces:
        yield thinking.push(piece)
    if rest := thinking.flush():
        yield rest


class ThinkingFilter:
    """Removes the thoughts from an answer that comes in pieces, at a cost that does not grow with the answer.

    The returned pieces together equal :func:`without_thinking` of the answer, except that thoughts may be shown if
    their opening tag is missing or there are several closing tags.
    """

    def __init__(self) -> None:
        self._has_begun = False
        self._is_thought = False
        self._space: list[str] = []
        """White space before anything else: it belongs to the thoughts if these follow."""
        self._tag = ""
        """The last characters, if they may be the start of a closing tag."""

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
        """Look for the opening tag; return the text after it, or the whole text if there is none."""
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
