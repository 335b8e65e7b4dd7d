"""The index over the chunks of the documents that were chosen for a question, searched as that of a memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.documents import PageMap
from memorag_graph.library.entry import Entry
from memorag_graph.library.stores import Stores
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.text.chunking import Chunk


@dataclass(frozen=True, eq=False)
class ChosenIndex(MemoryIndex):
    """The indexes over the chunks of chosen documents; vectors and terms come from the library's tables.

    Attributes:
        words: The question and clues; only their words can be searched.
        page_maps: The pages and sections of each document, by its name.
        language_code: The language of most of them.
        languages: The language of each, by its position.
        weights: Weight of the ranking by meaning for each document, by its position, where that by words has weight 1.
        matrix: The vectors of the chunks of all of them, shape (chunks, size).
        terms_of: The terms of these chunks.
    """

    words: str
    page_maps: Mapping[str, PageMap]
    language_code: str
    languages: Sequence[str]
    weights: Mapping[int, float]
    matrix: NDArray[np.float32]
    terms_of: Sequence[Sequence[str]]

    @classmethod
    def over(
        cls,
        words: str,
        entries: Sequence[Entry],
        stores: Stores,
        embeddings: Embeddings,
        weights: Mapping[str, float],
    ) -> "ChosenIndex | None":
        """Index the chunks of documents; None if there is none, as all were removed meanwhile.

        Args:
            words: The question and clues; only their words can be searched.
            entries: The documents.
            stores: The library's stores.
            embeddings: The embedding model.
            weights: Weight of the ranking by meaning for each language.

        Raises:
            LibraryError: If a text is missing or damaged.
            DiskError: If the index cannot be read.
        """
        positions = {entry.id: position for position, entry in enumerate(entries)}
        rows = stores.chunks.rows_of(positions)
        if not rows:
            return None
        rows.sort(key=lambda row: (positions[row.document], row.number))
        texts = [stores.texts.read(entry.text_sha256) for entry in entries]
        chunks = []
        for row in rows:
            at = positions[row.document]
            chunks.append(Chunk(entries[at].name, at, row.start, row.end, texts[at][row.start : row.end]))
        codes = [code for code, _ in Counter(entry.language for entry in entries).most_common()]
        matrix, terms_of = np.stack([row.vector for row in rows]), [row.terms for row in rows]
        return cls(
            FaissIndex.from_vectors(chunks, matrix, embeddings),
            KeywordIndex.from_terms(chunks, codes[0], terms_of, codes[1:], query=words),
            words=words,
            page_maps={entry.name: stores.catalogue.page_map(entry.id) for entry in entries},
            language_code=codes[0],
            languages=[entry.language for entry in entries],
            weights={at: weights.get(entry.language, 1.0) for at, entry in enumerate(entries)},
            matrix=matrix,
            terms_of=terms_of,
        )

    def of_each_document(self) -> "list[ChosenIndex]":
        """Return an index over each document, in their order."""
        found = []
        for document in dict.fromkeys(chunk.document for chunk in self.chunks):
            at = [number for number, chunk in enumerate(self.chunks) if chunk.document == document]
            chunks = [self.chunks[number] for number in at]
            vectors = FaissIndex.from_vectors(chunks, self.matrix[at], self.embeddings)
            terms_of = [self.terms_of[number] for number in at]
            code = self.languages[document]
            keywords = KeywordIndex.from_terms(chunks, code, terms_of, query=self.words)
            found.append(replace(self, vectors=vectors, keywords=keywords, language_code=code))
        return found

    @property
    def meaning_weights(self) -> Mapping[int, float]:
        """The weight of the ranking by meaning for the chunks of each document."""
        return self.weights
