"""Classify failures of served chat models, and describe them without secrets."""

import re
from collections.abc import Iterator
from json import JSONDecodeError

from memorag_graph.errors import MemoragError, ModelError, ModelUnavailableError, first_line

_TRY_LATER = frozenset({408, 409, 425, 429})
_SERVER_ERRORS = 500
_KEY_REFUSED = (401, 403)
_NOT_FOUND = 404
_LONGEST_REASON = 160
_MARKED_KEY = re.compile(r"\bsk-\S+|(?<=[Bb]earer )\S+")
_LONG_RUN = re.compile(r"[\w-]{12,}")
"""A run of letters, digits, hyphens and underscores; with a digit among them it looks like a key."""

_ADVICE = {
    400: "the request was refused; check the model's name and settings",
    401: "the API key was refused; check it",
    403: "the API key may not use this model; check its permissions",
    404: "there is no such model or address; check the model's name and the address",
    429: "too many requests, or the quota is used up; wait, or use another key",
}


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed later: rate limits, timeouts, broken connections, 5xx."""
    if isinstance(error, MemoragError):
        return isinstance(error, ModelUnavailableError)
    if (status := status_of(error)) is not None:
        return status in _TRY_LATER or status >= _SERVER_ERRORS
    return is_connection_fault(error)


def is_connection_fault(error: BaseException) -> bool:
    """Return whether no response arrived, or only a part of it."""
    kinds = (ConnectionError, TimeoutError, JSONDecodeError)
    return isinstance(error, kinds) or any(
        name in ("APIConnectionError", "APIResponseValidationError", "TransportError") for name in _class_names(error)
    )


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status of an error, if it has one."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def as_model_error(error: BaseException, who: str, key: str, address: str) -> ModelError:
    """Describe the failure of a served model and what to check, without the server's own words.

    Args:
        error: The exception of the model's client.
        who: The model, for example ``"openai:gpt-4o"``.
        key: Where its key is set.
        address: The address of the request, and the setting for it.
    """
    status = status_of(error)
    check = ""
    if status in _KEY_REFUSED:
        check = f" ({key})"
    elif status == _NOT_FOUND or (status is None and is_connection_fault(error)):
        check = f" (at {address})"
    kind = ModelUnavailableError if is_transient(error) else ModelError
    return kind(f"{who} gave no answer: {reason(error)}{check}", status)


def reason(error: BaseException) -> str:
    """Describe an error in one line; the server's own words are left out, as they may repeat a key."""
    if isinstance(error, MemoragError):
        return str(error)
    if (status := status_of(error)) is not None:
        advice = "the server failed; try again later" if status >= _SERVER_ERRORS else _ADVICE.get(status, "")
        return f"HTTP {status}: {advice or 'the server refused the request'}"
    if isinstance(error, TimeoutError) or any("Timeout" in name for name in _class_names(error)):
        return "the request timed out; try again, or raise timeout"
    if is_connection_fault(error):
        return "the connection failed, or the reply was incomplete; check the address and try again"
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {_redacted(line)[:_LONGEST_REASON]}"


def _redacted(text: str) -> str:
    """Replace what looks like a key."""
    return _LONG_RUN.sub(lambda run: "…" if any(map(str.isdecimal, run[0])) else run[0], _MARKED_KEY.sub("…", text))


def _class_names(error: BaseException) -> Iterator[str]:
    """Yield the names of an error's classes; the clients' HTTP library differs between their versions."""
    return (kind.__name__ for kind in type(error).__mro__)
