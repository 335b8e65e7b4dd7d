"""What the tools return, beside a text for the client's model: structures with a schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.documents import Document
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from memorag_graph.citation_annotations import document_uri
from memorag_graph.generation.fence import Fence
from memorag_graph.library.memory_state import ListedDocument
from memorag_graph.memory.storage.memory_names import called
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.prompts.en import ENGLISH


class Place(BaseModel):
    """Where something stands in a document."""

    document: str = Field(description="Name of the document.")
    start: int = Field(description="First character in the document's text.")
    end: int = Field(description="One past the last character.")
    page: int | None = Field(None, description="Page on which it begins.")
    section: str | None = Field(None, description="Heading of the section in which it begins.")
    uri: str = Field(description="Address of the passage; the document can be read as a resource.")


class CitedQuote(Place):
    """A quotation that supports an answer."""

    number: int = Field(description="The mark in the answer, such as [1].")
    quote: str = Field(description="The quotation, word for word.")
    supported: bool = Field(description="Whether the passage supports the sentence that cites it.")


class CitedAnswer(BaseModel):
    """An answer and what supports it."""

    answer: str = Field(description="The answer; marks like [1] name citations.")
    citations: list[CitedQuote]
    basis: str = Field(description="evidence: written from passages; memory: recalled and not verified.")
    confidence: float = Field(description="From 0 to 1: the document contains the answer, and it was taken from it.")
    abstained: bool = Field(description="Whether no passage answers the question well.")
    notices: list[str] = Field(description="Warnings for the reader.")
    question: str = Field(description="The question as it was understood.")
    memory_id: str = Field(description="Id of the memory; empty for a library.")


class FoundPassage(Place):
    """A passage that matches a question."""

    text: str
    score: float = Field(description="Rank; higher is better.")


class FoundPassages(BaseModel):
    """The passages that match a question best, the best first."""

    passages: list[FoundPassage]


class KnownDocument(BaseModel):
    """A document of a memory."""

    name: str
    uri: str = Field(description="Its address, to read it as a resource.")
    tokens: int


class KnownMemory(BaseModel):
    """A memory that can be asked."""

    memory_id: str
    name: str = Field(description="What it is called; the other tools take it or the id.")
    language: str
    documents: list[KnownDocument]


class KnownLibrary(BaseModel):
    """A library of many documents that can be asked as one."""

    name: str = Field(description="Its name; the other tools take it as memory.")
    documents: int = Field(description="Number of its documents.")
    tokens: int
    fields: list[str] = Field(description="Metadata by which where can choose documents.")


class KnownMemories(BaseModel):
    """The memories that can be asked, the most recently used first, and the libraries."""

    memories: list[KnownMemory]
    libraries: list[KnownLibrary]


class Memorized(BaseModel):
    """A memory that was made."""

    memory_id: str
    documents: list[str]
    tokens: int
    notices: list[str] = Field(description="What to know of how the documents were read.")


def cited_answer(place: str, result: Mapping[str, Any]) -> CitedAnswer:
    """Return the answer of a graph's output.

    Args:
        place: Under what the addresses of the documents stand.
        result: The output.
    """
    copied = {name: result[name] for name in ("answer", "basis", "confidence", "abstained", "notices", "question")}
    citations = [
        CitedQuote(
            number=it["number"],
            quote=it["quote"],
            supported=it.get("supported", True),
            **_place(place, it),
        )
        for it in result["citations"]
    ]
    return CitedAnswer(**copied, citations=citations, memory_id=result.get("memory_id") or "")


def found_passages(place: str, passages: Sequence[Document]) -> FoundPassages:
    """Return passages of a memory or library; see :func:`cited_answer`."""
    return FoundPassages(
        passages=[
            FoundPassage(text=it.page_content, score=it.metadata["score"], **_place(place, it.metadata))
            for it in passages
        ]
    )


def known_memory(store: MemoryStore, info: Mapping[str, Any]) -> KnownMemory:
    """Return a memory.

    Args:
        store: The store that it is in.
        info: Its manifest.
    """
    memory_id = info["memory_id"]
    documents = [
        KnownDocument(name=it["source"], uri=document_uri(memory_id, it["source"]), tokens=it["tokens"])
        for it in info["documents"]
    ]
    name = called(store, info)
    return KnownMemory(memory_id=memory_id, name=name, language=info["language"], documents=documents)


def known_library(name: str, documents: Sequence[ListedDocument]) -> KnownLibrary:
    """Return a library and what it holds."""
    fields = sorted({key for it in documents for key in it.metadata})
    return KnownLibrary(name=name, documents=len(documents), tokens=sum(it.tokens for it in documents), fields=fields)


def answer_text(answer: CitedAnswer) -> str:
    """Return an answer as a text for a model, which is told that it is a quotation, not an instruction."""
    lines = [answer.answer or "No answer was found.", *(f"Note: {notice}" for notice in answer.notices)]
    return _fenced([*lines, *(f"[{it.number}] {_shown(it)}: {it.quote}" for it in answer.citations)])


def passages_text(found: FoundPassages) -> str:
    """Return passages as a text for a model."""
    return _fenced([f"{_shown(it)}:\n{it.text}" for it in found.passages] or ["No passage was found."])


def tool_result(text: str, structure: BaseModel) -> CallToolResult:
    """Return the result of a tool: a text for the model, and the structure for programs."""
    content = [TextContent(type="text", text=text)]
    return CallToolResult(content=[*content], structured_content=structure.model_dump())


def _place(place: str, found: Mapping[str, Any]) -> dict[str, Any]:
    source, start, end = found["source"], found["start"], found["end"]
    named = {"document": source, "start": start, "end": end, "uri": document_uri(place, source, start, end)}
    return {**named, "page": found.get("page"), "section": found.get("section")}


def _shown(place: Place) -> str:
    page = f", page {place.page}" if place.page is not None else ""
    return f"{place.document}{page}, characters {place.start} to {place.end}"


def _fenced(parts: Sequence[str]) -> str:
    text = "\n".join(parts)
    fence = Fence.around(text)
    return f"{fence.explain(ENGLISH.quotation_note)}\n{fence.enclose(text)}"
