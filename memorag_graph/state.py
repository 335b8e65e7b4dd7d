"""Input, output and state of the graph: plain, serialisable values only."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

from langchain_core.documents import Document
from langchain_core.messages import AnyMessage, BaseMessage
from langgraph.channels import EphemeralValue
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # Pydantic cannot read the schema of typing's own before Python 3.12

from memorag_graph.errors import InputError
from memorag_graph.library_records import CluesRecord, ConsideredRecord, extend_clues
from memorag_graph.settings import TASKS, TaskType

MEMORIZE = "memorize"

ThisTurnOnly = EphemeralValue
"""A channel that is cleared after one step, even if a node fails, so that no turn inherits another turn's input."""

MEMORY_ID_CHANNEL: EphemeralValue[str | None] = EphemeralValue(str, guard=False)
"""The same for ``memory_id``, which is also an output: each node writes it again, parallel nodes in the same step."""

Basis = Literal["memory", "evidence"]
"""Source of an answer: recalled from memory and unverified, or written from retrieved evidence and cited."""


class ClientInput(BaseModel):
    """Input of a client's run: names no path of the machine."""

    model_config = ConfigDict(extra="ignore")  # the state also holds earlier outputs of the thread

    context: Annotated[str | None, ThisTurnOnly] = Field(
        None, description="Text to memorize. Takes precedence over documents, files and memory_id."
    )
    documents: Annotated[list[Document], ThisTurnOnly] = Field(
        default_factory=list,
        description="LangChain documents to memorize; those with the same metadata['source'] form one document.",
    )
    memory_id: Annotated[str | None, MEMORY_ID_CHANNEL] = Field(
        None,
        description="Id or directory of an existing memory. Default: the memory_id of the options, else the memory "
        "that the thread used last.",
    )
    library: Annotated[str | None, ThisTurnOnly] = Field(
        None,
        description="A library to ask instead of a memory: its directory, or, for clients of a server, its name. "
        "Default: the one the thread used last.",
    )
    where: Annotated[dict[str, Any] | list[str] | None, ThisTurnOnly] = Field(
        None, description="Filter over the library's documents. Default: that of the thread's last question to it."
    )
    as_of: Annotated[str | None, ThisTurnOnly] = Field(
        None, description="Time whose versions of the documents are meant, such as 2026-01-31. Default: now."
    )
    query: Annotated[str, ThisTurnOnly] = Field(
        "", description="The question. Default: the last message. May be empty for a summary."
    )
    messages: Annotated[list[AnyMessage], add_messages] = Field(
        default_factory=list,
        description="A conversation that ends with the question. System messages instruct a chat generator.",
    )
    task_type: Annotated[TaskType, ThisTurnOnly] = Field("memorag", description=TASKS)


class FilesInput(ClientInput):
    """Input of a run that may name files."""

    files: Annotated[list[str], ThisTurnOnly] = Field(default_factory=list, description="Paths of files to memorize.")


class GraphInput(FilesInput):
    """Input of one run of the graph."""

    save_dir: Annotated[str | None, ThisTurnOnly] = Field(
        None, description="Directory for a new memory. Default: under its id in the user's cache directory."
    )


class CitationRecord(TypedDict):
    """A quotation from the document: ``text[start:end] == quote``."""

    number: int
    source: str
    start: int
    end: int
    quote: str
    version: NotRequired[int]
    """Number of the document's version, in a library."""
    page: NotRequired[int | None]
    """Page on which it begins; None if the document has no pages."""
    ocr: NotRequired[bool | None]
    """True if that page is a picture whose text was read by OCR, so that it may contain errors; else None."""
    section: NotRequired[str | None]
    """Heading of the section in which it begins; None if there is none."""
    label: NotRequired[str | None]
    """The document's own name of the place, such as a page's label or the time of a subtitle; None if there is none."""
    header: NotRequired[str | None]
    """Header of the table that it is a row of; None if there is none."""
    speaker: NotRequired[str | None]
    """Who says it, where the quotation itself does not name the speaker."""
    supported: NotRequired[bool]
    """Whether the passage supports the sentence that cites it."""


class ConflictRecord(TypedDict):
    """Two sentences that contradict each other; see :class:`memorag_graph.generation.answer.Conflict`."""

    stated: CitationRecord
    other: CitationRecord


class UnsupportedRecord(TypedDict):
    """A sentence of the answer that no passage it cites supports: ``answer[start:end] == text``."""

    start: int
    end: int
    text: str


class MemoryRecord(TypedDict):
    """Language and sizes of the memory that a run used."""

    language: str
    context_tokens: int
    memory_tokens: int
    memory_bytes: int
    shards: int
    chunks: int
    notices: NotRequired[list[str]]
    """What to know of how its documents were read, for example that a page is a picture; each begins with a name."""


class TraceRecord(TypedDict):
    """A decision made on the way to the answer."""

    node: str
    """Node that made the decision."""
    what: Literal["route", "rewritten", "considered", "dropped", "missing"]
    """Kind of decision: a task was chosen, a question rewritten to stand alone, a document of a library considered, a
    clue dropped, or what the evidence lacks is searched for."""
    text: str
    """The chosen task, the rewritten question, the document, the dropped clue, or the words searched for."""
    reason: str
    """Reason; for a dropped clue, one of :data:`memorag_graph.clues.clue_filter.DROP_REASONS`."""


def extend_trace(trace: Sequence[TraceRecord], new: Sequence[TraceRecord]) -> list[TraceRecord]:
    """Append to the trace; the first node of a turn starts a new one."""
    return list(new) if new and new[0]["node"] == MEMORIZE else [*trace, *new]


def merge_by_node(figures: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Add figures of nodes, keyed by node; the first node of a turn drops those of the previous turn."""
    if MEMORIZE in new:
        return dict(new)
    return {**figures, **{node: round(figures.get(node, 0) + figure, 3) for node, figure in new.items()}}


class GraphOutput(TypedDict, total=False):
    """Output of one run of the graph."""

    task: TaskType
    """The task that ran: ``task_type``, or the one chosen for ``"auto"``."""
    asked: str
    """The question as it was asked, or the default request for a summary."""
    question: str
    """The question that was answered: as asked, or, if it depends on the conversation, rewritten to stand alone."""
    answer: str
    """The answer; marks like [1] refer to passages of the evidence."""
    basis: Basis
    """``"memory"``: recalled by the memory model, unverified; ``"evidence"``: written from the evidence."""
    citations: list[CitationRecord]
    """Quotations that support the answer; for an answer from memory, the nearest passages to check it against."""
    confidence: float
    """Likelihood from 0 to 1 that the document contains the answer and the answer was taken from it; for an answer from
    memory, that the nearest passages support it. A low one says little with the fault ``"language_differs"``."""
    abstained: bool
    """Whether the answer states that no passage matches the question well."""
    notices: list[str]
    """Warnings about the answer for the reader."""
    faults: list[str]
    """The warnings as codes, e.g. ``"cites_nothing"``; see ``Fault`` in ``memorag_graph.generation.answer``."""
    unsupported: list[UnsupportedRecord]
    """Sentences of the answer that no passage supports."""
    conflicts: list[ConflictRecord]
    """Sentences of the evidence that contradict what the answer quotes."""
    spans: list[str]
    """Spans of the document, recalled from memory."""
    surrogates: list[str]
    """Surrogate questions written from memory."""
    draft: str
    """Answer drafted from memory."""
    outline: list[str]
    """Points of a summary, from memory."""
    evidence: list[Document]
    """Passages passed to the generator, in document order."""
    memory_id: Annotated[str | None, MEMORY_ID_CHANNEL]
    """Id of the memory; pass it instead of the text to ask again."""
    memory: MemoryRecord
    """Language and sizes of the memory."""
    memory_share: float
    """The share of the memories that the question would ask that is made, 0 to 1."""
    considered: list[ConsideredRecord]
    """The documents of a library that the question may be about, the best first."""
    document_clues: Annotated[list[CluesRecord], extend_clues]
    """What the memory of each of the best documents of a library recalled."""
    trace: Annotated[list[TraceRecord], extend_trace]
    """Decisions on the way, each with its reason: the task, and the clues that were dropped."""
    timings: Annotated[dict[str, float], merge_by_node]
    """Seconds taken by each node."""
    tokens: Annotated[dict[str, int], merge_by_node]
    """Tokens generated by each node."""
    messages: Annotated[list[AnyMessage], add_messages]
    """The conversation; it ends with the answer, whose ``response_metadata`` holds ``basis`` to ``unsupported``."""


class GraphState(GraphOutput, total=False):
    """All keys that nodes read and write."""

    thread_memory_id: str
    """Id of the memory that the thread used last; unlike ``memory_id``, it is kept from turn to turn."""
    context: Annotated[str | None, ThisTurnOnly]
    documents: Annotated[list[Document], ThisTurnOnly]
    files: Annotated[list[str], ThisTurnOnly]
    save_dir: Annotated[str | None, ThisTurnOnly]
    library: Annotated[str | None, ThisTurnOnly]
    where: Annotated[dict[str, Any] | list[str] | None, ThisTurnOnly]
    as_of: Annotated[str | None, ThisTurnOnly]
    asking_key: str
    """What decides clues beside the question, as a hash; empty if a cache must not return them again."""
    thread_library: str
    """Directory of the library that the thread asked last; empty if it asked a memory."""
    thread_where: dict[str, Any] | list[str] | None
    thread_as_of: str | None
    asked_document: int
    """Number of the version whose memory the node ``ask_memory`` is sent to ask."""
    memory_notices: list[str]
    """What to tell of memories that the question would ask, but that are not made."""
    query: Annotated[str, ThisTurnOnly]
    task_type: Annotated[TaskType, ThisTurnOnly]
    looks_up_first: bool
    """Whether the memory is asked for clues only if what the question alone finds does not answer."""
    rounds_left: int
    """How many more rounds of retrieval there may be in this turn."""
    missing: list[str]
    """What the evidence of the round before lacks, as search queries."""


def question_of(query: str, messages: Sequence[BaseMessage]) -> str:
    """Return the query, or if it is empty the last message, provided that is the user's.

    Raises:
        InputError: If that message holds more than text.
    """
    if query.strip() or not messages or messages[-1].type != "human":
        return query
    blocks = [it for it in messages[-1].content if isinstance(it, dict) and it.get("type") != "text"]
    if blocks:
        named = ", ".join(str(it.get("filename") or it.get("name") or it.get("type")) for it in blocks)
        raise InputError("messages", f"a message may hold only text, not {named}; memorize files first, then ask")
    return messages[-1].text


def instructions_of(messages: Sequence[BaseMessage]) -> str:
    """Return the text of the system messages of a conversation."""
    return "\n\n".join(message.text for message in messages if message.type == "system")
