"""Read JSON and JSON lines as records: one line for each object, which names its keys."""

import json
from collections.abc import Iterator
from typing import Any

from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.plain_text import read_text
from memorag_graph.documents.table_rows import record_lines
from memorag_graph.errors import InputError

MOST_BYTES = 64 << 20
"""Maximum bytes of a JSON text; its values take up to ten times as much memory."""

_LONG = 400
"""Characters beyond which a text is no field of a record, but a paragraph below it."""

_DEEPEST = 100
_LONGEST_PATH = 200
"""Characters of the keys around a value that are written before it."""

_TITLES = ("title", "name", "headline", "subject", "heading", "id", "_id", "key")

_WORDS = {True: "true", False: "false", None: ""}


def read_json(file: File) -> Document | Builder:
    """Read a JSON file: each object of a list is a record, and the plain values of each other object are one.

    A file that is no valid JSON is read as JSON lines if each line is a value, else as plain text, with a notice.

    Raises:
        InputError: If it is too large, nested too deeply or empty.
    """
    text = file.text(most=MOST_BYTES)
    try:
        value = parse_json(text, file.name)
    except json.JSONDecodeError as error:
        return _read_lines(file, text) or _as_text(file, error)
    builder = Builder(file.name)
    _add(builder, value)
    return builder


def read_json_lines(file: File) -> Document | Builder:
    """Read a file with a JSON value in each line; see :func:`read_json`."""
    text = file.text()
    lines = _read_lines(file, text)
    return lines if lines is not None else read_json(file)


def parse_json(text: str, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON; numbers stay as they are written.

    Raises:
        InputError: If it is nested too deeply.
        json.JSONDecodeError: If it is no JSON.
    """
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError:
        raise _too_deep(name) from None


def _too_deep(name: str) -> InputError:
    return InputError("file", f"{name} holds JSON values within values, too deep to read; give the inner ones")


def _as_text(file: File, error: json.JSONDecodeError) -> Document:
    document = read_text(file)
    notice = f"It is no valid JSON ({error}) and was read as plain text."
    return Document(document.source, document.text, document.page_map, (notice,))


def _read_lines(file: File, text: str) -> Builder | None:
    """Read JSON lines; None if a line is no JSON."""
    builder = Builder(file.name)
    written = False
    for line in text.split("\n"):
        if len(line) > MOST_BYTES:
            raise InputError("file", f"{file.name} has a line of more than {MOST_BYTES:,} characters; split it")
        if line.strip():
            try:
                value = parse_json(line, file.name)
            except json.JSONDecodeError:
                return None
            _add_record(builder, value)
            written = True
    return builder if written else None


def _add(builder: Builder, value: Any, path: str = "", depth: int = 0) -> None:  # noqa: ANN401
    """Add a value that is not part of a record."""
    if depth > _DEEPEST:
        builder.text(_scalar(value))
        return
    if isinstance(value, list) and any(isinstance(it, dict | list) for it in value):
        if path:
            builder.heading(path)
        for it in value:
            _add_record(builder, it)
    elif isinstance(value, dict):
        plain = {key: it for key, it in value.items() if not _is_branch(it)}
        _add_record(builder, plain, path)
        for key, it in value.items():
            if _is_branch(it):
                _add(builder, it, _joined(path, key), depth + 1)
    else:
        builder.text(f"{path}: {_scalar(value)}" if path else _scalar(value))


def _is_branch(value: Any) -> bool:  # noqa: ANN401
    return bool(value) and (
        isinstance(value, dict) or (isinstance(value, list) and any(isinstance(it, dict | list) for it in value))
    )


def _add_record(builder: Builder, value: Any, path: str = "") -> None:  # noqa: ANN401
    """Add a record; its long texts are paragraphs below it, in a section of their own."""
    fields: list[tuple[str, str]] = []
    length = 0
    for key, text in _fields(value, path, 0):
        length += len(key) + len(text)
        builder.require_room(length)  # a key stands before each value within it
        fields.append((key, text))
    short = [it for it in fields if _is_short(it[1])]
    lines = "\n".join(record_lines(short))
    if len(short) == len(fields):
        builder.text(lines)
        return
    named = dict(reversed(fields))
    title = next((named[key] for key in _TITLES if named.get(key) and len(named[key]) <= _LONG), "")
    builder.text(lines, [(0, title)])
    for key, text in fields:
        if not _is_short(text):
            builder.text(f"{key}:\n{text.strip()}" if key else text)


def _is_short(text: str) -> bool:
    return len(text) <= _LONG and "\n\n" not in text.strip()


def _joined(path: str, key: object) -> str:
    """Return the path of a value within another; of a long path the end."""
    return f"{path[-_LONGEST_PATH:]}.{key}" if path else str(key)


def _fields(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield path and text of each plain value inside; plain values of a list are joined."""
    if depth > _DEEPEST:
        yield path, _scalar(value)
    elif isinstance(value, dict):
        for key, it in value.items():
            yield from _fields(it, _joined(path, key), depth + 1)
    elif isinstance(value, list) and any(isinstance(it, dict) for it in value):
        for number, it in enumerate(value, start=1):
            yield from _fields(it, _joined(path, number), depth + 1)
    else:
        yield path, _scalar(value)


def _scalar(value: Any) -> str:  # noqa: ANN401
    """Return the text of a plain value, or of a list of such."""
    waiting, texts = [value], []
    while waiting:
        it = waiting.pop()
        if isinstance(it, list):
            waiting.extend(reversed(it))
        elif isinstance(it, dict):
            waiting.extend(reversed(it.values()))
        else:
            texts.append(it if isinstance(it, str) else _WORDS[it])
    return ", ".join(filter(None, texts))
