"""Helpers shared by the studies of answers: data sets, evidence from hybrid retrieval, cached vectors."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from semantic_text_splitter import TextSplitter

from memorag_graph.models.embedded import language_model_dir
from memorag_graph.models.loading import ModelSource, load_embeddings
from memorag_graph.retrieval.dense_index import embed
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.chunking import Chunk

CHUNK_TOKENS = 128
EVIDENCE_TOKENS = 1536
HITS = 50
RRF_K = 60
Spans = Sequence[Sequence[int]]


def read(folder: Path) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the documents of a data set by id, and its questions; ``part`` is 0 for questions used for tuning."""
    lines = (folder / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    documents = {it["id"]: it["text"] for it in map(json.loads, lines)}
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [it for it in map(json.loads, lines) if it["evidence"]]
    seen = dict.fromkeys(documents, 0)
    by_document = list(documents)
    for question in questions:
        name = question["document_id"]
        many = len(by_document) > 10  # many documents: the first half is for tuning; few: every other question
        question["part"] = int(by_document.index(name) >= len(by_document) // 2 + 1) if many else seen[name] % 2
        seen[name] += 1
    return documents, questions


class KeptEmbeddings(Embeddings):
    """The embedded model with vectors cached in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._model: Embeddings | None = None
        self._known: dict[str, np.ndarray] = {}
        for texts in sorted(directory.glob("*.json")):
            vectors = np.load(texts.with_suffix(".npy"))
            self._known |= dict(zip(json.loads(texts.read_text(encoding="utf-8")), vectors, strict=True))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        new = sorted({text for text in texts if text not in self._known}, key=len)
        if new:
            self._model = self._model or load_embeddings(ModelSource("embedded"))
            vectors = np.asarray(self._model.embed_documents(new), dtype=np.float32)
            self._known |= dict(zip(new, vectors, strict=True))
            self._directory.mkdir(parents=True, exist_ok=True)
            file = self._directory / str(time.time_ns())
            np.save(file.with_suffix(".npy"), vectors)
            file.with_suffix(".json").write_text(json.dumps(new), encoding="utf-8")
        return [self._known[text] for text in texts]  # type: ignore[misc]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@dataclass
class Indexed:
    """A document's chunks with dense and BM25 indexes."""

    name: str
    chunks: list[Chunk]
    vectors: np.ndarray
    sizes: list[int]
    keywords: KeywordIndex
    embeddings: Embeddings

    @classmethod
    def of(cls, name: str, text: str, embeddings: Embeddings, code: str = "en") -> "Indexed":
        splitter = TextSplitter.from_tiktoken_model("gpt-3.5-turbo", CHUNK_TOKENS)
        found = splitter.chunk_indices(text)
        chunks = [Chunk(name, 0, start, start + len(piece), piece) for start, piece in found]
        sizes = [_count(chunk.text) for chunk in chunks]
        vectors = embed(embeddings, [chunk.text for chunk in chunks])
        return cls(name, chunks, vectors, sizes, KeywordIndex.from_chunks(chunks, code), embeddings)

    def evidence(self, question: str, without: Spans = ()) -> list[Evidence]:
        """Fuse both rankings and keep what fits the budget, without chunks that overlap some spans."""
        dense = self.vectors @ embed(self.embeddings, [question])[0]
        words = self.keywords.scores(question)
        allowed = np.array([not touches([(it.start, it.end)], without) for it in self.chunks])
        fused: dict[int, float] = {}
        for scores in (np.where(allowed, dense, 0), np.where(allowed, words, 0)):
            for rank, chunk in enumerate(_best(scores), start=1):
                fused[chunk] = fused.get(chunk, 0) + 1 / (RRF_K + rank)
        kept, left = [], EVIDENCE_TOKENS
        for chunk in sorted(fused, key=lambda it: (-fused[it], it)):
            if self.sizes[chunk] <= left:
                kept.append(chunk)
                left -= self.sizes[chunk]
        return [
            Evidence(self.name, it.start, it.end, it.text, fused[number])
            for number, it in ((number, self.chunks[number]) for number in sorted(kept))
        ]


def touches(found: Iterable[Sequence[int]], wanted: Spans) -> bool:
    return any(start < end_of and start_of < end for start, end in found for start_of, end_of in wanted)


def covers_half(found: Sequence[Sequence[int]], wanted: Spans) -> bool:
    """Return whether a found span covers at least half of a wanted span."""
    return any(2 * (min(end, end_of) - max(start, start_of)) >= end_of - start_of
               for start, end in found for start_of, end_of in wanted)  # fmt: skip


def _best(scores: np.ndarray) -> Iterator[int]:
    return (int(chunk) for chunk in np.argsort(-scores, kind="stable")[:HITS] if scores[chunk] > 0)


def _count(text: str) -> int:
    from tokenizers import Tokenizer

    global _tokenizer
    _tokenizer = _tokenizer or Tokenizer.from_file(str(language_model_dir() / "tokenizer.json"))
    return len(_tokenizer.encode(text, add_special_tokens=False).ids)


_tokenizer: Any = None
