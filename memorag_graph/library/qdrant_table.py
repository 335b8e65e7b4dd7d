"""Rows in a collection of a Qdrant server: vectors by meaning, and sparse vectors of terms, which it ranks by BM25.

Terms become dimensions by a hash. The server weighs them by their rarity; how often a row holds them, and how long it
is, is in the values (https://qdrant.tech/documentation/search/text-search/full-text-search/).
"""

import hashlib
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memorag_graph.errors import UnavailableError
from memorag_graph.library.exact_table import K1, B
from memorag_graph.library.row_table import EVERYWHERE, Among, Found, Row, best_first

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

_MEANING, _WORDS, _DOCUMENT = "meaning", "words", "document"
_PLACE = (_DOCUMENT, "number", "start", "end")
_ROWS_OF_A_DOCUMENT = 1 << 32
_AT_ONCE = 256
"""Rows sent or read at once."""


class QdrantTable:
    """Rows in a collection of Qdrant.

    Args:
        client: The server.
        name: Name of the collection, which is made if it does not exist.
        size: Size of the vectors.
        average_terms: Terms of a row of usual length; longer rows weigh less where they hold a term as often.

    Raises:
        UnavailableError: If the server cannot be reached or refuses.
    """

    def __init__(self, client: "QdrantClient", name: str, size: int, average_terms: float) -> None:
        self._client = client
        self._name = name
        self._average_terms = average_terms
        with _telling(self._name):
            if not client.collection_exists(name):
                self._create(size)

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        with _telling(self._name):
            for start in range(0, len(rows), _AT_ONCE):
                points = [self._point(row) for row in rows[start : start + _AT_ONCE]]
                self._client.upsert(self._name, points, wait=True)

    def remove(self, documents: Collection[int]) -> None:
        """Remove the rows of documents; the server frees their bytes when it next tidies up."""
        from qdrant_client import models

        if documents:
            with _telling(self._name):
                chosen = models.FilterSelector(filter=_filter(Among(frozenset(documents))))
                self._client.delete(self._name, chosen, wait=True)

    def settle(self) -> None:
        """Do nothing: the server brings its indexes up to date itself."""

    def documents(self) -> set[int]:
        """Return the ids of all documents that have rows."""
        points = self._scroll(EVERYWHERE, vectors=False, payload=[_DOCUMENT])
        return {int(point.payload[_DOCUMENT]) for point in points}

    def rows_of(self, documents: Collection[int]) -> list[Row]:
        """Return the rows of documents, by document and number."""
        if not documents:
            return []
        points = self._scroll(Among(frozenset(documents)), vectors=[_MEANING], payload=True)
        return sorted((_row(point) for point in points), key=lambda row: (row.document, row.number))

    def nearest(self, vector: NDArray[np.float32], hits: int, among: Among = EVERYWHERE) -> list[Found]:
        """Return the rows most similar to a vector, best first; in a large collection, nearly all of them."""
        return self._found([float(value) for value in vector], _MEANING, hits, among)

    def matching(self, terms: Iterable[str], hits: int, among: Among = EVERYWHERE) -> list[Found]:
        """Return rows that hold any of some terms, best first by BM25."""
        from qdrant_client import models

        wanted = sorted({_dimension(term) for term in terms})
        if not wanted:
            return []
        return self._found(models.SparseVector(indices=wanted, values=[1.0] * len(wanted)), _WORDS, hits, among)

    def _create(self, size: int) -> None:
        from qdrant_client import models

        self._client.create_collection(
            self._name,
            vectors_config={_MEANING: models.VectorParams(size=size, distance=models.Distance.DOT)},
            sparse_vectors_config={_WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # the local mode needs none
            self._client.create_payload_index(self._name, _DOCUMENT, models.PayloadSchemaType.INTEGER)

    def _point(self, row: Row) -> "models.PointStruct":
        from qdrant_client import models

        scale = K1 * (1 - B + B * len(row.terms) / self._average_terms)
        held: dict[int, float] = {}
        for term, count in Counter(row.terms).items():
            held[_dimension(term)] = count * (K1 + 1) / (count + scale)
        words = models.SparseVector(indices=list(held), values=list(held.values()))
        return models.PointStruct(
            id=row.document * _ROWS_OF_A_DOCUMENT + row.number,
            vector={_MEANING: [float(value) for value in row.vector], _WORDS: words},
            payload={**{key: getattr(row, key) for key in _PLACE}, "terms": list(row.terms)},
        )

    def _found(self, query: Any, using: str, hits: int, among: Among) -> list[Found]:  # noqa: ANN401 - two kinds
        if among.only is not None and not among.only - among.without:
            return []
        with _telling(self._name):
            points = self._client.query_points(
                self._name, query, using=using, limit=hits, query_filter=_filter(among), with_payload=list(_PLACE[:2])
            ).points
        found = (Found(it.payload[_DOCUMENT], it.payload["number"], it.score) for it in points if it.payload)
        return best_first(it for it in found if using == _MEANING or it.score > 0)

    def _scroll(self, among: Among, vectors: Any, payload: Any) -> Iterator[Any]:  # noqa: ANN401 - as the client's
        place = None
        while True:
            with _telling(self._name):
                points, place = self._client.scroll(
                    self._name, _filter(among), _AT_ONCE, offset=place, with_payload=payload, with_vectors=vectors
                )
            yield from points
            if place is None:
                return


def delete_collections(client: "QdrantClient", names: Iterable[str]) -> None:
    """Delete collections with their rows.

    Raises:
        UnavailableError: If the server does not answer.
    """
    for name in names:
        with _telling(name):
            client.delete_collection(name)


def _dimension(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=4).digest(), "big")


def _filter(among: Among) -> "models.Filter | None":
    from qdrant_client import models

    def any_of(ids: Iterable[int]) -> Any:  # noqa: ANN401 - one of the client's conditions
        return models.FieldCondition(key=_DOCUMENT, match=models.MatchAny(any=sorted(ids)))

    if among.only is None and not among.without:
        return None
    return models.Filter(
        must=None if among.only is None else [any_of(among.only)],
        must_not=[any_of(among.without)] if among.without else None,
    )


def _row(point: Any) -> Row:  # noqa: ANN401 - a record of the client
    vector = np.asarray(point.vector[_MEANING], dtype=np.float32)
    document, number, start, end = (int(point.payload[key]) for key in _PLACE)
    return Row(document, number, start, end, tuple(point.payload["terms"]), vector)


@contextmanager
def _telling(collection: str) -> Iterator[None]:
    from httpx import HTTPError
    from qdrant_client.http.exceptions import ApiException

    try:
        yield
    except (ApiException, HTTPError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise UnavailableError(
            f"the index of this library, collection {collection} of Qdrant, does not answer ({told}); nothing is lost: "
            "start the server, or see to its address and QDRANT_API_KEY, and try again",
            "Qdrant, which has the index of this library,",
        ) from error
