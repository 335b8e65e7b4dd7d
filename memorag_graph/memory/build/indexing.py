"""A memory's documents → the retrieval index over their chunks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from langchain_core.embeddings import Embeddings

from memorag_graph.chunking import Chunk, CountsTokens, split_chunks
from memorag_graph.documents import Document
from memorag_graph.memory.memory import DocumentInfo, Memory
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.retrieval.dense import FaissKind
from memorag_graph.retrieval.index import IndexKind
from memorag_graph.retrieval.memory_index import MemoryIndex


def index_memory(
    memory: Memory,
    documents: Sequence[Document | DocumentInfo],
    tokens: CountsTokens,
    embeddings: Embeddings,
    *,
    kind: IndexKind | None = None,
    known: tuple[Memory, MemoryIndex] | None = None,
    report: ReportProgress = ignore_progress,
) -> MemoryIndex:
    """Index the chunks of a memory's documents; none crosses a section of the memory.

    Args:
        memory: The memory.
        documents: Its documents; of those in ``known``, the description is enough.
        tokens: Counts tokens.
        embeddings: Embeds the chunks that are not in the known index.
        kind: What keeps the index; by default a file of the memory.
        known: An earlier memory and its index.
        report: Called as the work goes on.
    """
    settings = memory.settings
    size, overlap = settings.retrieval_chunk_size, settings.retrieval_chunk_overlap
    chunks: list[Chunk] = []
    total = sum(len(document.text) for document in documents if isinstance(document, Document))
    before = 0
    for position, document in enumerate(documents):
        if isinstance(document, Document):

            def tell(characters: int, before: int = before) -> None:
                report(Progress("chunks", before + characters, total, "characters"))

            chunks += split_chunks(_sections(memory, document, position, tell), tokens, size, overlap)
            before += len(document.text)
        elif known is not None:
            old = known[0].documents.index(document)
            chunks += [replace(chunk, document=position) for chunk in known[1].chunks if chunk.document == old]
    vectors = (kind or FaissKind()).make(memory.id, chunks, embeddings, known[1].vectors if known else None, report)
    return MemoryIndex.of(vectors, memory.prompts.language.code)


def _sections(memory: Memory, document: Document, position: int, tell: Callable[[int], None]) -> Iterator[Chunk]:
    """Yield the sections of a document, telling how many of its characters were taken."""
    for note in memory.notes:
        if note.document == position:
            yield Chunk(document.source, position, note.start, note.end, document.text[note.start : note.end])
            tell(note.end)
    tell(len(document.text))
