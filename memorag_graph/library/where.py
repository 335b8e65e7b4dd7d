"""Filters over the metadata of documents: a small grammar, checked before anything is searched.

A filter is a mapping of fields to what must hold of them, all of it, like ``{"year": {"gte": 2020}, "type": "10-K"}``.
A value alone means equality. The comparisons are ``eq``, ``not``, ``in``, ``gt``, ``gte``, ``lt`` and ``lte``. The keys
``and`` and ``or`` hold a list of filters, ``not`` holds one. A field with a list of values matches if one of them does.
A document without a field matches no comparison of it, but ``not``. A list of texts like ``["year=2021", "pages>=10"]``
is a filter, too, whose conditions must all hold.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.library.entry import Fields, Scalar

Where = Mapping[str, Any] | Sequence[str]
"""A filter as callers write it."""

Condition = Callable[[Fields], bool]
"""Whether the fields of a document fit a filter."""

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}  # fmt: skip
_COMPARISONS = ("eq", "not", "in", *_ORDER)
_JOINS = ("and", "or", "not")
_SIGNS = {"=": "eq", "!=": "not", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_WRITTEN = re.compile(r"\s*(.+?)\s*(!=|>=|<=|=|>|<)\s*(.*?)\s*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_DEEPEST = 20
"""Maximum depth of filters within filters."""

_MOST_NAMED = 20
_TRUTHS = {"true": True, "false": False}


def condition_of(where: Where | None, documents: Iterable[Fields]) -> Condition:
    """Return what a filter says, checked against the fields of documents.

    Args:
        where: The filter; None for all documents.
        documents: The fields of all documents of the library.

    Raises:
        InputError: If it is no filter, names a field that no document has, or compares values of different kinds.
    """
    if where is None:
        return lambda _: True
    known = _kinds(documents)
    if isinstance(where, str):
        where = [where]
    if isinstance(where, Mapping):
        return _filter(where, known, "where", 0)
    if not isinstance(where, Sequence):
        raise InputError("where", f"must be a mapping of fields or a list like ['year=2021'], not {_shown(where)}")
    return _all_of([_written(text, known) for text in where])


def _kinds(documents: Iterable[Fields]) -> dict[str, set[str]]:
    """Return the kinds of the values of each field."""
    kinds: dict[str, set[str]] = {}
    for fields in documents:
        for name, value in fields.items():
            kinds.setdefault(name, set()).update(map(_kind, _values(value)))
    return kinds


def _filter(where: object, known: Mapping[str, set[str]], path: str, depth: int) -> Condition:
    if not isinstance(where, Mapping):
        raise InputError(path, f"must be a mapping of fields to what must hold of them, not {_shown(where)}")
    if depth > _DEEPEST:
        raise InputError("where", f"has more than {_DEEPEST} filters within filters; write it flatter")
    conditions = []
    for key, wanted in where.items():
        if key == "not":
            conditions.append(_negated(_filter(wanted, known, f"{path}.not", depth + 1)))
        elif key in _JOINS:
            conditions.append(_joined(key, wanted, known, f"{path}.{key}", depth + 1))
        else:
            conditions.append(_field(str(key), wanted, known, f"{path}.{key}", depth + 1))
    return _all_of(conditions)


def _joined(key: str, wanted: object, known: Mapping[str, set[str]], path: str, depth: int) -> Condition:
    if isinstance(wanted, str | Mapping) or not isinstance(wanted, Sequence) or not wanted:
        raise InputError(path, f"must be a list of filters, not {_shown(wanted)}")
    conditions = [_filter(it, known, f"{path}[{number}]", depth) for number, it in enumerate(wanted)]
    return _all_of(conditions) if key == "and" else lambda fields: any(holds(fields) for holds in conditions)


def _field(name: str, wanted: object, known: Mapping[str, set[str]], path: str, depth: int) -> Condition:
    """Return what is wanted of a field: a value, or comparisons."""
    if name not in known:
        some = ", ".join(sorted(known)[:_MOST_NAMED]) if known else "none, as the library is empty"
        raise InputError(path, f"no document has this field; the fields are {some}")
    if depth > _DEEPEST:
        raise InputError("where", f"has more than {_DEEPEST} filters within filters; write it flatter")
    if not isinstance(wanted, Mapping):
        return _compared(name, "eq", wanted, known, path)
    conditions = []
    for comparison, value in wanted.items():
        if comparison not in _COMPARISONS:
            raise InputError(f"{path}.{comparison}", f"is no comparison; use {', '.join(_COMPARISONS)}")
        if comparison == "not" and isinstance(value, Mapping):
            conditions.append(_negated(_field(name, value, known, f"{path}.not", depth + 1)))
        else:
            conditions.append(_compared(name, comparison, value, known, f"{path}.{comparison}"))
    return _all_of(conditions)


def _compared(name: str, comparison: str, value: object, known: Mapping[str, set[str]], path: str) -> Condition:
    several = comparison == "in" or (comparison == "not" and not isinstance(value, str | int | float | bool))
    if several:
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence | set | frozenset):
            raise InputError(path, f"must be a list of values, not {_shown(value)}")
        wanted = [_checked(one, known[name], path) for one in value]
    else:
        wanted = [_checked(value, known[name], path)]
    if (order := _ORDER.get(comparison)) is not None:
        (limit,) = wanted
        if isinstance(limit, bool):
            raise InputError(path, "true and false have no order; compare them with eq")
        kind = _kind(limit)
        return lambda fields: any(_kind(one) == kind and order(one, limit) for one in _values(fields.get(name, ())))
    is_any: Condition = lambda fields: any(  # noqa: E731 - a condition like the others
        _kind(one) == _kind(it) and one == it for one in _values(fields.get(name, ())) for it in wanted
    )
    return _negated(is_any) if comparison == "not" else is_any


def _checked(value: object, kinds: set[str], path: str) -> Scalar:
    """Return a value whose kind some document's value of the field has."""
    if hasattr(value, "isoformat"):
        value = value.isoformat()
    if not isinstance(value, str | int | float | bool):
        raise InputError(path, f"must be compared with a text, a number or true or false, not {_shown(value)}")
    if kinds and _kind(value) not in kinds:
        raise InputError(path, f"is compared with a {_kind(value)}, but its values are {' and '.join(sorted(kinds))}s")
    return value


def _written(text: object, known: Mapping[str, set[str]]) -> Condition:
    """Return a condition like ``pages>=10``; a number is a text where the field's values are texts."""
    found = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InputError("where", f"{_shown(text)} is not of the form FIELD=VALUE, with =, !=, <, <=, > or >=")
    name, sign, written = found.groups()
    kinds, value = known.get(name, set()), literal(written)
    if _kind(value) not in kinds and "text" in kinds:
        value = written
    return _filter({name: {_SIGNS[sign]: value}}, known, "where", 0)


def literal(written: str) -> Scalar:
    """Return a value as it is written on a command line: a number, ``true`` or ``false``, or a text."""
    if written.lower() in _TRUTHS:
        return _TRUTHS[written.lower()]
    if _NUMBER.fullmatch(written):
        return float(written) if "." in written else int(written)
    return written.strip("\"'")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "truth value"
    return "number" if isinstance(value, int | float) else "text"


def _values(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _all_of(conditions: Sequence[Condition]) -> Condition:
    return lambda fields: all(holds(fields) for holds in conditions)


def _negated(condition: Condition) -> Condition:
    return lambda fields: not condition(fields)


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float | bool) else type(value).__name__
