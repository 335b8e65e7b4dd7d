"""Validate texts given by callers."""

from collections.abc import Iterable

from memorag_graph.errors import InputError


def texts_of(field: str, value: object) -> list[str]:
    """Return one or several texts as a list.

    Args:
        field: Name of the argument, for the error.
        value: The argument.

    Raises:
        InputError: If it is neither a text nor an iterable of texts.
    """
    if isinstance(value, str):
        return [value]
    texts = list(value) if isinstance(value, Iterable) and not isinstance(value, bytes) else None
    if texts is None or not all(isinstance(text, str) for text in texts):
        raise InputError(field, "must be a text or a list of texts")
    return texts


def text_of(field: str, value: object) -> str:
    """Return a text if it is not blank.

    Args:
        field: Name of the argument, for the error.
        value: The argument.

    Raises:
        InputError: If it is blank, or not a text.
    """
    if not isinstance(value, str) or not value.strip():
        raise InputError(field, "must be a text that is not blank")
    return value
