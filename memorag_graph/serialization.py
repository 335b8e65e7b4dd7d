"""Convert memories, passages and answers to plain values of the graph's state, and back."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.documents import Document
from langchain_core.messages import AIMessage

from memorag_graph.citation_annotations import PROVIDER
from memorag_graph.documents import PageMap
from memorag_graph.errors import InputError
from memorag_graph.open_memory import OpenMemory
from memorag_graph.state import GraphState, MemoryRecord, TraceRecord

if TYPE_CHECKING:
    from memorag_graph.clues.clue_filter import Dropped
    from memorag_graph.generation.answer import Answer
    from memorag_graph.retrieval.memory_index import MemoryIndex
    from memorag_graph.retrieval.query import Query
    from memorag_graph.retrieval.retrieve import Evidence

ANSWER_FIELDS = ("basis", "citations", "confidence", "abstained", "notices", "faults", "unsupported", "conflicts")
"""Keys of the answer that its message repeats in ``response_metadata``."""

Update = dict[str, Any]
"""Keys of the state that a node changes, with their new values."""


def memory_record(opened: OpenMemory) -> MemoryRecord:
    """Return a memory's language and sizes."""
    memory = opened.memory
    return {
        "language": memory.prompts.language.code,
        "context_tokens": memory.context_tokens,
        "memory_tokens": memory.memory_tokens,
        "memory_bytes": memory.nbytes,
        "shards": len(memory.shards),
        "chunks": len(opened.index.chunks),
        "notices": memory.reading_notices,
    }


def to_queries(state: GraphState) -> "list[Query]":
    """Return the search queries: the question and all clues."""
    from memorag_graph.retrieval.query import Query

    draft = [state["draft"]] if state.get("draft") else []
    question = [] if state["task"] == "summarize" and state.get("outline") else [state["question"]]
    return [
        *(Query("question", text) for text in question),
        *(Query("span", text) for text in state.get("spans", [])),
        *(Query("surrogate", text) for text in state.get("surrogates", [])),
        *(Query("draft", text) for text in draft),
        *(Query("outline", text) for text in state.get("outline", [])),
        *(Query("missing", text) for text in state.get("missing", [])),
    ]


def to_trace(node: str, dropped: "Iterable[Dropped]") -> list[TraceRecord]:
    """Return a trace record for each dropped clue."""
    return [TraceRecord(node=node, what="dropped", text=clue.text, reason=clue.reason) for clue in dropped]


def to_documents(evidence: "Iterable[Evidence]") -> list[Document]:
    """Convert passages, numbered from 1 on, to LangChain documents."""
    return [to_document(number, passage) for number, passage in enumerate(evidence, start=1)]


def to_document(number: int, passage: "Evidence") -> Document:
    """Convert a numbered passage to a LangChain document."""
    return Document(
        passage.text,
        metadata={
            "number": number,
            "source": passage.source,
            "start": passage.start,
            "end": passage.end,
            "score": passage.score,
            **({"part": passage.part} if passage.part else {}),
            "queries": [{key: value for key, value in asdict(query).items() if value} for query in passage.queries],
            **known_place(passage.page_map, passage.start),
        },
    )


def known_place(page_map: PageMap, offset: int) -> dict[str, Any]:
    """Return the ``page``, ``ocr``, ``section``, ``label`` and table ``header`` of a character, if they are known."""
    return {key: value for key, value in page_map.place(offset).items() if value is not None}


class HasPassages(Protocol):
    """What passages come from: a memory, or documents of a library."""

    @property
    def index(self) -> "MemoryIndex":
        """The index over its chunks."""

    @property
    def page_maps(self) -> Mapping[str, PageMap]:
        """The pages and sections of each document, by its name."""


def to_evidence(document: Document | Mapping[str, Any], opened: HasPassages) -> "Evidence":
    """Convert a passage back from the state, where a person may have edited it.

    Args:
        document: The passage; a mapping if it came through a server.
        opened: What it comes from.

    Raises:
        InputError: If the memorized document does not contain its text at its offsets.
    """
    from memorag_graph.retrieval.paragraphs import document_offset
    from memorag_graph.retrieval.retrieve import Evidence

    try:
        document = document if isinstance(document, Document) else Document(**document.get("kwargs", document))
        text, found = document.page_content, document.metadata
        place, source, score = int(found["start"]), found["source"], float(found["score"])
        part = int(found.get("part", 0))
    except (TypeError, KeyError, ValueError):
        raise InputError("evidence", "a passage lacks its text, source, start or score") from None
    for number, chunk in enumerate(opened.index.chunks):
        if chunk.source == source and chunk.start <= place < chunk.end:
            offset = place - chunk.start
            if text and chunk.text[offset : offset + len(text)] == text:
                page_map = opened.page_maps[source]
                paragraph = document_offset(opened.index.chunks, number, offset)
                end = place + len(text)
                return Evidence(source, place, end, text, score, page_map=page_map, part=part, paragraph=paragraph)
    raise InputError("evidence", "a passage is not in the document; passages may be removed, not rewritten")


def from_answer(answer: "Answer") -> Update:
    """Convert an answer to plain values."""
    fields = asdict(answer)
    return {
        "answer": answer.text,
        "citations": list(fields["citations"]),
        "confidence": answer.confidence,
        "abstained": answer.abstained,
        "notices": list(answer.notices),
        "faults": list(answer.faults),
        "unsupported": list(fields["unsupported"]),
        "conflicts": list(fields["conflicts"]),
    }


def to_message(update: Update, message_id: str | None) -> AIMessage:
    """Return the answer as a message; with the id of the streamed message, it is not streamed twice."""
    found = {key: update[key] for key in ANSWER_FIELDS}
    return AIMessage(update["answer"], id=message_id, response_metadata={**found, "model_provider": PROVIDER})


NO_ANSWER: Update = {
    "answer": "",
    "citations": [],
    "confidence": 0.0,
    "abstained": False,
    "notices": [],
    "faults": [],
    "unsupported": [],
    "conflicts": [],
}
NO_FINDINGS: Update = {
    "spans": [],
    "surrogates": [],
    "draft": "",
    "outline": [],
    "missing": [],
    "evidence": [],
    "considered": [],
    "document_clues": None,
    "memory_notices": [],
    "memory_share": 1.0,
    **NO_ANSWER,
}
"""Values that clear the previous turn's findings."""
