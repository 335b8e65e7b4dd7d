"""Say in words which option or input a Pydantic validation refuses."""

from pydantic import ValidationError

from memorag_graph.errors import InputError

_LONGEST_SHOWN = 80


def input_error(error: ValidationError, origin: str = "") -> InputError:
    """Turn the first error of a Pydantic validation into an :class:`InputError`.

    Args:
        error: The validation error.
        origin: File or variable that the value comes from, if any.
    """
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "input"
    if first["type"] == "extra_forbidden":
        message = "unknown key"
    else:
        value = first.get("input")
        shown = f", not {value!r}" if isinstance(value, int | float | str) and _may_be_shown(str(value)) else ""
        message = f"{first['msg'][0].lower()}{first['msg'][1:]}{shown}"
    return InputError(field, f"{message} (in {origin})" if origin else message)


def _may_be_shown(text: str) -> bool:
    """Return whether an error may repeat a value: it is short, and no address that may hold a login."""
    return len(text) < _LONGEST_SHOWN and not ("://" in text and "@" in text)
