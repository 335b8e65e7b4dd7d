"""The vectors of a library depend on its documents alone, and not on what the same process has embedded before."""

from pathlib import Path

from langchain_core.embeddings import Embeddings

from memorag_graph.library.library import Library
from memorag_graph.models.embedding_cache import CachedEmbeddings
from memorag_graph.registry import Registry
from tests.test_library import content, made_files, without_origins


class OfBatch(Embeddings):
    """Gives vectors that tell how many texts were embedded together, as the last bits of a real model's do."""

    def embed_query(self, text: str) -> list[float]:
        return [1.0, float(len(text))]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(len(texts)), float(len(text))] for text in texts]


def test_it_does_not_matter_what_was_embedded_before(tmp_path: Path) -> None:
    files = made_files(tmp_path)
    before = CachedEmbeddings(OfBatch())
    before.embed_documents([(files / "ferry.txt").read_text()])
    libraries = []
    for name, embeddings in (("fresh", CachedEmbeddings(OfBatch())), ("after", before)):
        registry = Registry()
        registry.add_embeddings("cached", embeddings)
        libraries.append(Library.open(tmp_path / name, registry, embedding_model="cached"))
        libraries[-1].add(files)
    fresh, after = (without_origins(content(it)) for it in libraries)
    assert fresh == after
