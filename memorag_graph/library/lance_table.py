"""Rows in a table of LanceDB, in a directory or on an object store; full-text search is over the package's terms."""

import os
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from memorag_graph.disk_errors import advice, os_error_in
from memorag_graph.errors import DiskError, MissingExtraError, UnavailableError
from memorag_graph.library.lance_rows import DOCUMENT, TERMS, batch_of, rows_in, schema_of, tuples_in
from memorag_graph.library.row_table import EVERYWHERE, Among, Found, Row, best_first

if TYPE_CHECKING:
    import pyarrow as pa

    from memorag_graph.library.bucket import Bucket

_AT_ONCE = 4096
"""Rows copied at once."""

_INDEX_CACHE, _METADATA_CACHE = 640 * 2**20, 64 * 2**20
"""Bytes of indexes and descriptions of files that a process keeps in RAM; the vectors of 200,000 rows fit twice."""

EXACT_UP_TO = 200_000
"""Rows up to which a search by meaning compares all of them; among more, it looks into the nearest partitions."""

_SCANNED_UP_TO = 10_000
"""Rows up to which no index of vectors is worth it; above, one keeps them in RAM, partitioned."""

_PARTITION_ROWS = 1024
_PROBED_SHARE, _FEWEST_PROBES = 4, 16
"""Of more rows than are searched exactly, one partition of so many is searched, and at least so many partitions."""

_OUTGROWN = 4
"""The partitions are made anew once there are so many times the rows they were made for."""

_VECTOR_INDEX = "vector_of_"
_ALL = 1_000_000

_CONFLICT = "commit conflict"
"""What LanceDB says of several who write a table at once."""

_TRIES = 5
"""Searches meet a table that is being replaced at most so many times in a row."""

Result = TypeVar("Result")


class LanceTable:
    """Rows in a table of a LanceDB database.

    Args:
        directory: The database's directory, or its URL.
        name: Name of the table.
        size: Size of the vectors.
        scanned_up_to: Rows up to which no index of vectors is made.
        exact_up_to: Rows up to which a search by meaning compares all.
        bucket: The object store in which the URL is.

    Raises:
        MissingExtraError: If LanceDB is not installed.
        DiskError: If the table cannot be opened.
        UnavailableError: If the object store does not answer, or refuses; so do all methods.
    """

    def __init__(
        self,
        directory: Path | str,
        name: str,
        size: int,
        *,
        scanned_up_to: int = _SCANNED_UP_TO,
        exact_up_to: int = EXACT_UP_TO,
        bucket: "Bucket | None" = None,
    ) -> None:
        connect = _lancedb().connect
        self._place = f"{directory}/{name}.lance"
        self._name = name
        self._scanned_up_to = scanned_up_to
        self._exact_up_to = exact_up_to
        self._schema = schema_of(size)
        self._bucket = bucket
        with self._telling("opened"):
            self._database = connect(
                str(directory),
                read_consistency_interval=timedelta(0),
                session=_session(),
                storage_options=bucket.lance_options() if bucket else None,
            )
            self._table = self._made()

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        if rows:
            with self._telling("written"):
                self._table.add(batch_of(rows, self._schema))

    def remove(self, documents: Collection[int]) -> None:
        """Remove the rows of documents so that no byte of them is left.

        LanceDB only marks deleted rows, and keeps their bytes until it merges the files that hold them, which it does
        when many are deleted. So the table is written anew. Searches of other processes try again meanwhile.
        """
        with self._telling("written"):
            if documents:
                kept = self._table.search().where(_condition(Among(without=frozenset(documents))))
                batches = kept.to_batches(batch_size=_AT_ONCE)
                self._table = self._database.create_table(self._name, batches, schema=self._schema, mode="overwrite")
            self._index()
            self._optimize()

    def settle(self) -> None:
        """Merge small files, and bring new rows into the indexes."""
        with self._telling("written"):
            if len(self._table.list_indices()) < len((TERMS, DOCUMENT)):
                self._index()
            elif self._is_outgrown():
                self._partition()
            self._optimize()

    def documents(self) -> set[int]:
        """Return the ids of all documents that have rows."""
        found = self._trying(lambda: self._table.search().select([DOCUMENT]).to_arrow())
        return set(found[DOCUMENT].to_pylist())

    def rows_of(self, documents: Collection[int]) -> list[Row]:
        """Return the rows of documents, by document and number."""
        if not documents:
            return []
        condition = _condition(Among(frozenset(documents)))
        return rows_in(self._trying(lambda: self._table.search().where(condition).to_arrow()))

    def nearest(self, vector: NDArray[np.float32], hits: int, among: Among = EVERYWHERE) -> list[Found]:
        """Return the rows most similar to a vector, best first; among very many rows, nearly all of them."""

        def search() -> "pa.Table":
            query = self._table.search(vector).distance_type("dot").nprobes(self._probes()).limit(hits)
            return _in(query, among).select([DOCUMENT, "number", "_distance"]).to_arrow()

        return best_first(Found(document, number, 1 - far) for document, number, far in tuples_in(self._trying(search)))

    def matching(self, terms: Iterable[str], hits: int, among: Among = EVERYWHERE) -> list[Found]:
        """Return rows that hold any of some terms, best first by BM25."""
        wanted = " ".join(dict.fromkeys(terms))
        if not wanted:
            return []

        def search() -> "pa.Table":
            from lancedb.query import MatchQuery

            query = self._table.search(MatchQuery(wanted, TERMS), query_type="fts").limit(hits)
            return _in(query, among).select([DOCUMENT, "number", "_score"]).to_arrow()

        return best_first(Found(*row) for row in tuples_in(self._trying(search)) if row[2] > 0)

    def _made(self) -> Any:  # noqa: ANN401 - LanceDB has a class for each kind of table
        """Open the table, making it if there is none."""
        try:
            return self._database.create_table(self._name, schema=self._schema, exist_ok=True)
        except RuntimeError as error:
            if _CONFLICT not in str(error):
                raise
            return self._database.open_table(self._name)  # somebody else made it at the same time

    def _optimize(self) -> None:
        """Merge small files, and delete the files of earlier versions, also those that a killed process left."""
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # readers try again
            self._table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

    def _index(self) -> None:
        """Make the indexes anew; LanceDB's own analysis of texts is switched off, as terms are analysed already."""
        from lancedb.index import FTS, BTree

        plain = FTS(
            base_tokenizer="whitespace",
            lower_case=False,
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
            max_token_length=None,
        )
        self._table.create_index(TERMS, config=plain, replace=True)
        self._table.create_index(DOCUMENT, config=BTree(), replace=True)
        if self._is_outgrown():
            self._partition()

    def _partition(self) -> None:
        """Partition the vectors by likeness."""
        from lancedb.index import IvfFlat

        before, rows = self._partitioned_for(), self._table.count_rows()
        config = IvfFlat(distance_type="dot", target_partition_size=_PARTITION_ROWS)
        self._table.create_index("vector", config=config, name=f"{_VECTOR_INDEX}{rows}")
        if before not in (0, rows):
            self._table.drop_index(f"{_VECTOR_INDEX}{before}")

    def _is_outgrown(self) -> bool:
        """Return whether partitions are missing, or were made for far fewer rows."""
        rows: int = self._table.count_rows()
        return rows > self._scanned_up_to and rows >= _OUTGROWN * self._partitioned_for()

    def _partitioned_for(self) -> int:
        """Return for how many rows the partitions were made; 0 if there are none."""
        named = (it.name for it in self._table.list_indices() if it.name.startswith(_VECTOR_INDEX))
        return max((int(name.removeprefix(_VECTOR_INDEX)) for name in named), default=0)

    def _probes(self) -> int:
        """Return how many partitions a search looks into."""
        if self._table.count_rows() <= self._exact_up_to:
            return _ALL
        return max(_FEWEST_PROBES, self._partitioned_for() // _PARTITION_ROWS // _PROBED_SHARE)

    def _trying(self, search: Callable[[], Result]) -> Result:
        """Search; try again if the version of the table that was being read is gone.

        Raises:
            DiskError: If the table cannot be read.
        """
        if self._bucket:
            self._bucket.require_not_silent()  # LanceDB would wait for it
        for _ in range(_TRIES):
            try:
                return search()
            except (OSError, RuntimeError, ValueError):
                with self._telling("read"):
                    self._table = self._database.open_table(self._name)
        with self._telling("read"):
            return search()

    @contextmanager
    def _telling(self, failed: str) -> Iterator[None]:
        if self._bucket:
            self._bucket.require_not_silent()
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            if self._bucket:
                self._bucket.require_answer()
            raise self._error(failed, error) from error

    def _error(self, failed: str, error: Exception) -> DiskError | UnavailableError:
        cause = error if isinstance(error, OSError) and error.errno else os_error_in(error)
        told = (
            advice(cause) if cause else "try again, or make it again from the texts with: memorag-graph library rebuild"
        )
        message = f"{self._place} cannot be {failed} ({' '.join(str(error).split())}); {told}"
        return UnavailableError(message, self._bucket.engine) if self._bucket else DiskError(message)


def _lancedb() -> Any:  # noqa: ANN401 - a module
    os.environ.setdefault("LANCEDB_LOG", "error")  # its warnings are for its developers
    try:
        import lancedb
    except ImportError:
        raise MissingExtraError("a library", "library") from None
    return lancedb


@cache
def _session() -> Any:  # noqa: ANN401 - LanceDB's class is not public
    """Return what all tables of this process share: caches, which by themselves would grow to gigabytes."""
    from lancedb._lancedb import Session

    return Session(index_cache_size_bytes=_INDEX_CACHE, metadata_cache_size_bytes=_METADATA_CACHE)


def _in(query: Any, among: Among) -> Any:  # noqa: ANN401 - LanceDB's builders share no public type
    condition = _condition(among)
    return query.where(condition, prefilter=True) if condition else query


def _condition(among: Among) -> str:
    parts = []
    if among.only is not None:
        parts.append(f"{DOCUMENT} IN ({_listed(among.only - among.without)})" if among.only else "false")
    elif among.without:
        parts.append(f"{DOCUMENT} NOT IN ({_listed(among.without)})")
    return " AND ".join(parts)


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(str(int(each)) for each in sorted(ids))
