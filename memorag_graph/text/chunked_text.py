"""Put a document's text together from its chunks."""

from collections.abc import Iterable

from memorag_graph.text.chunking import Chunk


def document_text(chunks: Iterable[Chunk], source: str) -> str:
    """Return the text of a document, in which offsets are those of the document.

    White space between chunks is not kept; spaces and line feeds fill the gaps.

    Args:
        chunks: Chunks in document order; they may overlap.
        source: Name of the document.
    """
    pieces: list[str] = []
    place = 0
    for chunk in chunks:
        if chunk.source == source and chunk.end > place:
            gap = max(chunk.start - place, 0)
            pieces += [" " * (gap - 2), "\n" * min(gap, 2) if gap > 1 else " " * gap]
            pieces.append(chunk.text[max(place - chunk.start, 0) :])
            place = chunk.end
    return "".join(pieces)
