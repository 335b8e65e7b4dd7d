"""Check a JSON body before any framework reads it, so that what frameworks cannot carry is refused with its field."""

import json
from typing import Any, NoReturn

from memorag_graph.errors import InputError

MAX_DEPTH = 64
"""Most levels of lists and objects."""

MAX_NUMBER = 2**63
"""Numbers from here on fit no machine word."""


def read_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse a JSON body (RFC 8259).

    Lone surrogates are kept in values, because documents have them, but not in names.

    Raises:
        InputError: If it is no JSON, or holds something that cannot be processed: too many levels, too large a number,
            or a name with a lone surrogate; names the field.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise InputError("body", "must be JSON in UTF-8") from None
    except RecursionError:
        raise InputError("body", "is nested too deeply") from None
    except ValueError as error:
        raise InputError("body", f"is not valid JSON ({error})") from None
    _check(value)
    return value


def _check(value: object) -> None:
    """Check a parsed value level by level, without recursion."""
    level: list[tuple[str, object]] = [("body", value)]
    for _ in range(MAX_DEPTH):
        level = [child for path, it in level for child in _children(path, it)]
        if not level:
            return
    raise InputError(_field(level[0][0]), f"has more than {MAX_DEPTH} levels")


def _children(path: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        for name in value:
            if any("\ud800" <= character <= "\udfff" for character in name):
                raise InputError(_field(path), f"has the name {name!r}, which is not valid Unicode")
        return [(f"{path}.{name}", it) for name, it in value.items()]
    if isinstance(value, list):
        return [(f"{path}.{number}", it) for number, it in enumerate(value)]
    if isinstance(value, int | float) and not abs(value) < MAX_NUMBER:
        raise InputError(_field(path), "is too large a number")
    return []


def _field(path: str) -> str:
    return path.removeprefix("body.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
