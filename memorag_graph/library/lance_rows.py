"""Rows of a library's index as the columns of Arrow that LanceDB keeps."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from memorag_graph.library.row_table import Row

if TYPE_CHECKING:
    import pyarrow as pa

TERMS, DOCUMENT = "terms", "document"
"""Columns that are searched."""


@cache
def schema_of(size: int) -> "pa.Schema":
    """Return the columns of a table whose vectors have a size."""
    import pyarrow as pa

    whole, short = pa.int64(), pa.int32()
    columns = [(DOCUMENT, whole), ("number", short), ("start", whole), ("end", whole), (TERMS, pa.string())]
    return pa.schema([*columns, ("vector", pa.list_(pa.float32(), size))])


def batch_of(rows: Sequence[Row], schema: "pa.Schema") -> "pa.RecordBatch":
    """Return rows as columns."""
    import pyarrow as pa

    vectors = pa.array(np.concatenate([row.vector for row in rows]), pa.float32())
    columns = [pa.array([getattr(row, name) for row in rows], schema.field(name).type) for name in schema.names[:4]]
    joined = pa.array([" ".join(row.terms) for row in rows], pa.string())
    size = schema.field("vector").type.list_size
    return pa.record_batch([*columns, joined, pa.FixedSizeListArray.from_arrays(vectors, size)], schema=schema)


def rows_in(found: "pa.Table") -> list[Row]:
    """Return columns as rows, by document and number."""
    found = found.sort_by([(DOCUMENT, "ascending"), ("number", "ascending")]).combine_chunks()
    if not found.num_rows:
        return []
    vectors = found["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(found.num_rows, -1)
    columns = (found[name].to_pylist() for name in (DOCUMENT, "number", "start", "end", TERMS))
    return [
        Row(document, number, start, end, tuple(terms.split(" ") if terms else ()), vector)
        for document, number, start, end, terms, vector in zip(*columns, vectors, strict=True)
    ]


def tuples_in(found: "pa.Table") -> Iterator[tuple[Any, ...]]:
    """Return the values of the first three columns, row by row."""
    return zip(*(column.to_pylist() for column in found.columns[:3]), strict=True)
