"""User-facing settings: how a memory is built, and how a question is answered."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from memorag_graph.option_errors import input_error

TaskType = Literal["qa", "memorag", "summarize", "lookup", "auto"]
TASK_TYPES: tuple[TaskType, ...] = ("qa", "memorag", "summarize", "lookup", "auto")
TASKS = (
    "qa: answer from memory only; memorag: memory, retrieval and generation; summarize: a summary; lookup: retrieval "
    "and generation without clues; auto: a summary if asked for, else a lookup, and memorag where that fails."
)
"""What each task does."""

MemoryMode = Literal["background", "now", "when_asked", "never"]
MEMORY_MODES: tuple[MemoryMode, ...] = ("background", "now", "when_asked", "never")
"""When memories are made: behind questions, before they can be searched, by the first question that needs them, or only
on demand."""

QueryKind = Literal["question", "span", "surrogate", "draft", "outline", "missing"]
"""Kinds of query used to search for evidence."""

SummaryLength = Literal["auto", "short", "medium", "long"]
SUMMARY_TOKENS: Mapping[SummaryLength, int] = {"short": 96, "medium": 256, "long": 640}
"""Maximum tokens of a summary by its length; ``auto`` has as many as an answer."""

PromptKey = Literal["context", "gist", "span", "sur", "qa", "sum", "qa_gen", "sum_gen"]

MOST_TOKENS = 1024
"""Most tokens of any answer."""

COPIES_MB: float = 20_000
"""Most MB of a machine's copies of memories, unless the option ``copies_mb`` says otherwise."""

MemoryKindName = Literal["gist", "full", "beacon"]
KVStorage = Literal["exact", "float16", "int8", "int4"]
GistWriterName = Literal["auto", "model", "extractive"]
FastPathsOption = Literal["auto", "off"]
_MAX_BEACON_RATIO = 1024


def _ratio(value: object) -> object:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    is_number = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= _MAX_BEACON_RATIO
    if number != "auto" and not is_number:
        raise PydanticCustomError("ratio", f"must be a whole number from 1 to {_MAX_BEACON_RATIO}, or 'auto'")
    return number


BeaconRatio = Annotated[int | Literal["auto"], BeforeValidator(_ratio)]

_Kind = Annotated[
    MemoryKindName,
    Field(
        description="What the memory model reads. gist: summaries of the sections; full: the whole text; beacon: "
        "the whole text, keeping only its beacons. A model with beacons always uses beacon."
    ),
]
_KVStorage = Annotated[
    KVStorage,
    Field(description="Precision of the stored keys and values: exact (as computed), float16, int8 or int4."),
]
_KVKeep = Annotated[
    float, Field(gt=0, le=1, description="Share of the keys and values that a full memory keeps; the rest is evicted.")
]
_GistChunkSize = Annotated[
    int,
    Field(
        ge=64,
        le=1_000_000,
        description="Maximum tokens summarized into one gist; fewer if the model's window requires it. Smaller "
        "sections are summarized faster.",
    ),
]
_GistTokens = Annotated[
    int, Field(ge=16, le=4096, description="Maximum tokens per gist; fewer if the model's window requires it.")
]
_GistWriter = Annotated[
    GistWriterName,
    Field(
        description="Who writes the gists. model: the memory model, checked against the section; extractive: the "
        "section's most central sentences, without generating anything; auto: extractive for small models that run "
        "here, else model."
    ),
]
_RetrievalChunkSize = Annotated[
    int,
    Field(
        ge=16,
        le=8192,
        description="Maximum tokens per retrieval chunk; up to four times as many in scripts foreign to the tokenizer.",
    ),
]
_RetrievalChunkOverlap = Annotated[
    int,
    Field(
        ge=0,
        le=4096,
        description="Maximum tokens that a chunk repeats from the previous one; must be less than the chunk size.",
    ),
]
_Index = Annotated[
    str,
    Field(
        description="Where the chunk index is kept: faiss (a file of the memory), none (answers from memory only), or "
        "a vector store added to the registry."
    ),
]


class MemorySettings(BaseModel):
    """How a memory is built; part of its identity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: _Kind = "gist"
    beacon_ratio: BeaconRatio = 4
    """Tokens of text per beacon; ``"auto"``: the smallest ratio with which the text fits the model."""
    kv_storage: _KVStorage = "exact"
    kv_keep: _KVKeep = 1.0
    gist_chunk_size: _GistChunkSize = 2048
    gist_tokens: _GistTokens = 128
    gist_writer: _GistWriter = "auto"
    retrieval_chunk_size: _RetrievalChunkSize = 128
    retrieval_chunk_overlap: _RetrievalChunkOverlap = 0
    index: _Index = "faiss"


_MEMORY = MemorySettings()


class RunOptions(BaseModel):
    """Options of one run of the graph.

    LangGraph Studio shows them as a form, the command line as flags. ``RunOptions()`` reads no environment and
    no files; the command line adds those layers.

    Example:
        >>> from memorag_graph.graph import graph
        >>> options = RunOptions(memory_id=memory_id, evidence_tokens=200)
        >>> result = graph.invoke({"query": "Who rebuilt the lighthouse?", "task_type": "lookup"}, context=options)
        >>> "Captain Petrie rebuilt it in stone. [1]" in result["answer"]
        True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        "",
        description="Memory model: 'embedded' (the small pair from PyPI), a local directory, a hub name, or a served "
        "model such as 'openai:NAME'. Default: the memory's own, or 'embedded' for new text.",
    )
    memory: MemoryMode = Field(
        "now",
        description="When a new memory is made. now: before the first answer; background: behind the answers, which "
        "are made with what there is; when_asked: by the first question that needs it; never: only the index is made.",
    )
    memory_id: str = Field("", description="Id or directory of the memory to ask if the input names none.")
    embedding_model: str = Field(
        "",
        description="Embedding model: 'embedded', a local directory or a hub name. Default: the memory's own, or the "
        "one paired with the memory model.",
    )
    device: str = Field("auto", description="Device of the memory model: auto, cpu, cuda, mps.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Precision of the memory model's computation; auto picks the fastest on this machine."
    )
    fast_paths: FastPathsOption = Field(
        "auto",
        description="Use the processor's fast paths where they work; off: plain PyTorch for the memory model "
        "(MEMORAG_GRAPH_FAST_PATHS=off in the environment: for all models).",
    )
    load_in_4bit: bool = Field(False, description="Load the memory model's weights in 4 bits (NF4, bitsandbytes).")
    enable_flash_attn: bool = Field(True, description="Use flash attention if the GPU and the dtype support it.")
    minference: bool = Field(
        False, description="Read long texts with MInference's sparse attention if a GPU and the package are available."
    )
    encoding: str = Field(
        "",
        description="Encoding of text files, such as cp1251; byte order marks and formats that state their own decide "
        "over it. Default: found in each file.",
    )
    adapter: str = Field(
        "",
        description="Adapter with which the memory model writes clues: a file made by 'memorag-graph train' for it, or "
        "'embedded' for the one that comes with the embedded model. Default: none.",
    )
    generator: str = Field(
        "",
        description="Generator of the final answer: 'extractive', 'local' (the memory model), 'openai:NAME', "
        "'azure:DEPLOYMENT' or 'deepseek:NAME' (API key from the environment), a local directory or a hub name. "
        "Default: extractive with the embedded model, else local.",
    )
    hits: int = Field(100, ge=1, le=1000, description="Chunks per query from dense search, and as many from BM25.")
    evidence_tokens: int = Field(
        1536, ge=32, le=1_000_000, description="Maximum tokens of evidence passed to the generator."
    )
    question_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Share of the evidence selected by the question alone; question and clues select the rest. "
        "Default: by how far the memory model is trusted.",
    )
    query_weights: dict[QueryKind, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=dict,
        description="Weight of each kind of query in the ranking. Default: by how far the memory model is trusted.",
    )
    reranker: str = Field(
        "", description="Cross-encoder that reranks the first 50 chunks: a directory or hub name. Default: none."
    )
    rounds: int = Field(
        1,
        ge=1,
        le=4,
        description="Maximum rounds of retrieval for a question: while no passage answers it well, the next round "
        "searches for the words of the question that the nearest sentences lack, too.",
    )
    memories: int = Field(3, ge=1, le=20, description="Most documents of a library whose memories are asked.")
    use_memory_answer: bool = Field(
        False, description="Draft an answer from memory, use it as a query and show it to the generator."
    )
    max_new_tokens: int = Field(256, ge=10, le=MOST_TOKENS, description="Maximum tokens per answer.")
    length: SummaryLength = Field(
        "auto",
        description="Length of a summary: short (about 70 words), medium (190), long (480), or auto: as long as "
        "max_new_tokens allows.",
    )
    temperature: float = Field(
        0.0, ge=0.0, le=2.0, description="Sampling temperature; 0 is deterministic, higher is more varied."
    )
    prompts: dict[PromptKey, str] = Field(
        default_factory=dict, description="Prompt templates to use instead of the built-in ones."
    )
    file_check: Literal["full", "size"] = Field(
        "full",
        description="How a memory's files are checked on opening. full: by SHA-256; size: by size only, for huge files "
        "on a trusted disk.",
    )
    copies_mb: float = Field(
        COPIES_MB,
        gt=0,
        description="Most MB of copies of memories on this machine, of all libraries on object stores together. The "
        "least recently used are dropped first; those in use, and memories that the store lacks, are kept in any case.",
    )
    kind: _Kind = _MEMORY.kind
    beacon_ratio: BeaconRatio | None = Field(
        None,
        description="Tokens of text per beacon, for models with beacons: 2, 4, 8, 16, 32 or auto (by the text's "
        f"length). Default: the memory's own, or {_MEMORY.beacon_ratio} for new text.",
    )
    kv_storage: _KVStorage = _MEMORY.kv_storage
    kv_keep: _KVKeep = _MEMORY.kv_keep
    gist_chunk_size: _GistChunkSize = _MEMORY.gist_chunk_size
    gist_tokens: _GistTokens = _MEMORY.gist_tokens
    gist_writer: _GistWriter = _MEMORY.gist_writer
    retrieval_chunk_size: _RetrievalChunkSize = _MEMORY.retrieval_chunk_size
    retrieval_chunk_overlap: _RetrievalChunkOverlap = _MEMORY.retrieval_chunk_overlap
    index: _Index = _MEMORY.index

    @field_validator("retrieval_chunk_overlap")
    @classmethod
    def _is_shorter_than_a_chunk(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("retrieval_chunk_size", overlap + 1)
        if overlap >= size:
            raise PydanticCustomError("overlap", "must be less than retrieval_chunk_size ({size})", {"size": size})
        return overlap

    @property
    def memory_settings(self) -> MemorySettings:
        """The options that decide how a memory is built."""
        values = {name: getattr(self, name) for name in MemorySettings.model_fields}
        return MemorySettings(**{name: value for name, value in values.items() if value is not None})

    def for_summary(self) -> "RunOptions":
        """Return the options with the maximum tokens of a summary of the chosen length."""
        tokens = SUMMARY_TOKENS.get(self.length, self.max_new_tokens)
        return self.model_copy(update={"max_new_tokens": tokens})


def run_options(values: Mapping[str, Any]) -> RunOptions:
    """Build :class:`RunOptions`, naming the offending option in the error.

    Raises:
        InputError: If a value is out of range, of the wrong type, or the option is unknown.
    """
    try:
        return RunOptions.model_validate(dict(values))
    except ValidationError as error:
        raise input_error(error) from None
