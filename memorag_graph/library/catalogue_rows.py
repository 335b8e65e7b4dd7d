"""Entries as rows of a database: a column for each field, in JSON where a column cannot hold it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from memorag_graph.documents import PageMap
from memorag_graph.library.catalogue import Detailed, Note
from memorag_graph.library.entry import Entry

COLUMNS = tuple(Entry.__dataclass_fields__)
"""Columns of an entry, the first of which is its id."""

DETAILS = ("page_map", "notes")
"""Columns that are read only for the documents of an answer."""

_JSON = ("metadata", "notices")


def row_of(one: Detailed) -> list[object]:
    """Return the values of :data:`COLUMNS` and :data:`DETAILS`."""
    values = {name: getattr(one.entry, name) for name in COLUMNS}
    entry = [as_json(value) if name in _JSON else value for name, value in values.items()]
    return [*entry, as_json(one.page_map.to_dict()), as_json([[note.start, note.end, note.text] for note in one.notes])]


def entry_of(row: Sequence[Any]) -> Entry:
    """Return an entry from the values of :data:`COLUMNS`."""
    values = dict(zip(COLUMNS, row, strict=True))
    return Entry(
        **{**values, "metadata": json.loads(values["metadata"]), "notices": tuple(json.loads(values["notices"]))}
    )


def page_map_of(value: str | None) -> PageMap:
    """Return a page map from its column; an empty one for None."""
    return PageMap.of(json.loads(value) if value else {})


def notes_of(value: str | None) -> list[Note]:
    """Return notes from their column; none for None."""
    return [Note(int(start), int(end), str(text)) for start, end, text in json.loads(value or "[]")]


def as_json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return a value of a column in JSON, equal for equal values."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
