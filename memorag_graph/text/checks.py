"""Checks of the texts and numbers that callers give."""

from collections.abc import Iterable

from memorag_graph.errors import InputError


def texts_of(field: str, given: object) -> list[str]:
    """Return one text, or several, as a list.

    Raises:
        InputError: If it is something else.
    """
    if isinstance(given, str):
        return [given]
    texts = list(given) if isinstance(given, Iterable) and not isinstance(given, bytes) else None
    if texts is None or not all(isinstance(text, str) for text in texts):
        raise InputError(field, "must be a text or a list of texts")
    return texts


def text_of(field: str, given: object) -> str:
    """Return a text that says something.

    Raises:
        InputError: If it is empty, or no text.
    """
    if not isinstance(given, str) or not given.strip():
        raise InputError(field, "must be a text that is not empty")
    return given
