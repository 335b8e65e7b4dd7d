"""What flows through the graph: plain, serialisable values only."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

from langchain_core.documents import Document
from langchain_core.messages import AnyMessage, BaseMessage
from langgraph.channels import EphemeralValue
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import TypedDict  # Pydantic cannot read the schema of typing's own before Python 3.12

from memorag_graph.errors import InputError
from memorag_graph.settings import TASK_TYPES, TASKS, TaskType, input_error

MEMORIZE = "memorize"

OfTheTurn = EphemeralValue
"""A channel that is gone after the turn's first node, even where that fails: no turn inherits another's input."""

Basis = Literal["memory", "evidence"]
"""What an answer rests on: recalled from memory and unverified, or quoted and cited from the document."""


class GraphInput(BaseModel):
    """What one run of the graph is given."""

    model_config = ConfigDict(extra="ignore")  # a thread's earlier state comes along

    context: Annotated[str | None, OfTheTurn] = Field(
        None, description="Text to memorize; takes precedence over documents, files and memory_id."
    )
    documents: Annotated[list[Document], OfTheTurn] = Field(
        default_factory=list,
        description="LangChain documents to memorize; those of one metadata['source'] are parts of one document.",
    )
    files: Annotated[list[str], OfTheTurn] = Field(default_factory=list, description="Paths of files to memorize.")
    memory_id: str | None = Field(None, description="Id or directory of a memory made before.")
    save_dir: Annotated[str | None, OfTheTurn] = Field(
        None, description="Where to keep a new memory; by default in the user's directory."
    )
    query: Annotated[str, OfTheTurn] = Field(
        "", description="The question; by default the last of the messages. May be empty for a summary."
    )
    messages: Annotated[list[AnyMessage], add_messages] = Field(
        default_factory=list, description="A conversation that ends with the question; each question stands alone."
    )
    task_type: Annotated[TaskType, OfTheTurn] = Field("memorag", description=TASKS)


class CitationRecord(TypedDict):
    """A quotation from the document: ``text[start:end] == quote``."""

    number: int
    source: str
    start: int
    end: int
    quote: str
    page: NotRequired[int | None]
    """Page of the document that it begins on; None where it has none."""
    section: NotRequired[str | None]
    """Heading of the section that it begins in; None where there is none."""
    supported: NotRequired[bool]
    """Whether the passage says what it is cited for."""


class UnsupportedRecord(TypedDict):
    """A sentence of the answer that no passage it cites bears out: ``answer[start:end] == text``."""

    start: int
    end: int
    text: str


class MemoryRecord(TypedDict):
    """What the memory is that a run used."""

    language: str
    context_tokens: int
    memory_tokens: int
    memory_bytes: int
    shards: int
    chunks: int


class TraceRecord(TypedDict):
    """Something that was decided on the way to the answer."""

    node: str
    """Where."""
    what: Literal["route", "dropped"]
    """A task was chosen, or a clue was dropped."""
    text: str
    """The task, or the clue."""
    reason: str
    """Why; of a dropped clue, one of :data:`memorag_graph.clues.clue_filter.DROP_REASONS`."""


def trace_of_this_turn(kept: Sequence[TraceRecord], new: Sequence[TraceRecord]) -> list[TraceRecord]:
    """Add to the trace; the first node of a turn drops the trace of the turn before."""
    return list(new) if new and new[0]["node"] == MEMORIZE else [*kept, *new]


def of_this_turn(kept: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Merge what nodes report; the first node of a turn drops the reports of the turn before."""
    return dict(new) if MEMORIZE in new else {**kept, **new}


class GraphOutput(TypedDict, total=False):
    """What one run of the graph gives."""

    task: TaskType
    """What was done: ``task_type``, or what it was decided to be."""
    question: str
    """The question, or the request that stood in for one."""
    answer: str
    """The answer; marks like [1] name passages of the evidence."""
    basis: Basis
    """``"memory"``: recalled by the memory model and unverified; ``"evidence"``: made from the evidence."""
    citations: list[CitationRecord]
    """Quotations that bear the answer out; for an answer from memory, the nearest passages to check it against."""
    confidence: float
    """How likely the document holds the answer and the answer has it from there, 0 to 1; of an answer from memory, how
    likely the nearest passages bear it out."""
    abstained: bool
    """Whether the answer is that the document does not contain it."""
    notices: list[str]
    """What a reader should know about the answer."""
    faults: list[str]
    """The same as codes, such as ``"cites_nothing"``; see ``Fault`` in ``memorag_graph.generation.answer``."""
    unsupported: list[UnsupportedRecord]
    """The answer's sentences that no passage bears out."""
    spans: list[str]
    """Spans of the document as recalled from memory."""
    surrogates: list[str]
    """Surrogate questions written from memory."""
    draft: str
    """Answer drafted from memory."""
    outline: list[str]
    """Points of a summary, from memory."""
    evidence: list[Document]
    """Passages handed to the generator, in document order."""
    memory_id: str | None
    """Id of the memory; give it instead of the text to ask again."""
    memory: MemoryRecord
    """What the memory is."""
    trace: Annotated[list[TraceRecord], trace_of_this_turn]
    """What was decided on the way: the task, and which clues were dropped, each with its reason."""
    timings: Annotated[dict[str, float], of_this_turn]
    """Seconds taken by each node."""
    tokens: Annotated[dict[str, int], of_this_turn]
    """Tokens written in each node."""
    messages: Annotated[list[AnyMessage], add_messages]
    """The conversation; it ends with the answer, whose ``response_metadata`` holds what is told of it, from basis to
    unsupported."""


class GraphState(GraphOutput, total=False):
    """Everything that nodes read and write."""

    context: Annotated[str | None, OfTheTurn]
    documents: Annotated[list[Document], OfTheTurn]
    files: Annotated[list[str], OfTheTurn]
    save_dir: Annotated[str | None, OfTheTurn]
    query: Annotated[str, OfTheTurn]
    task_type: Annotated[TaskType, OfTheTurn]


def check_input(state: Mapping[str, Any], memory_id: str = "") -> GraphInput:
    """Check what a run was given.

    Args:
        state: The state at the start of a turn.
        memory_id: The memory that the options name for input that names none.

    Raises:
        InputError: If a value cannot be used, the question is missing, or there is nothing to ask about.
    """
    if state.get("task_type", "memorag") not in TASK_TYPES:
        raise InputError("task_type", f"{state['task_type']!r} is unknown; choose from {', '.join(TASK_TYPES)}")
    try:
        given = GraphInput.model_validate({key: value for key, value in state.items() if value is not None})
    except ValidationError as error:
        raise input_error(error) from None
    if given.task_type != "summarize" and not asked(given.query, given.messages).strip():
        raise InputError("query", f"a question is needed for task_type {given.task_type!r}")
    if not (given.context or given.documents or given.files or given.memory_id or memory_id):
        raise InputError("context", "nothing to ask about; give a text as context, documents, files, or a memory_id")
    return given


def asked(query: str, messages: Sequence[BaseMessage]) -> str:
    """Return the question: as given, else the last message if it is the user's."""
    if query.strip() or not messages or messages[-1].type != "human":
        return query
    return messages[-1].text
