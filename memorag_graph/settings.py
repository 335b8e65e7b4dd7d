"""What may be turned: how a memory is made, and how a question is answered."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from memorag_graph.errors import InputError

TaskType = Literal["qa", "memorag", "summarize", "lookup", "auto"]
TASK_TYPES: tuple[TaskType, ...] = ("qa", "memorag", "summarize", "lookup", "auto")
TASKS = (
    "qa: answer from memory alone; memorag: memory, retrieval and generation; summarize: a summary; lookup: retrieval "
    "and generation without clues; auto: lookup, memorag or summarize, as the question asks for."
)
"""What each task does."""

QueryKind = Literal["question", "span", "surrogate", "draft", "outline"]
"""What evidence is searched for with."""

PromptKey = Literal["context", "gist", "span", "sur", "qa", "sum", "qa_gen", "sum_gen"]


MemoryKindName = Literal["gist", "full", "beacon"]
KVStorage = Literal["exact", "float16", "int8", "int4"]
_MOST_FOR_A_BEACON = 1024


def _ratio(value: object) -> object:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    is_number = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= _MOST_FOR_A_BEACON
    if number != "auto" and not is_number:
        raise PydanticCustomError("ratio", "must be a positive whole number, such as 4, or 'auto'")
    return number


BeaconRatio = Annotated[int | Literal["auto"], BeforeValidator(_ratio)]


class MemorySettings(BaseModel):
    """How a memory is made; part of its identity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: MemoryKindName = "gist"
    """``"gist"``: the model reads digests of the sections; ``"full"``: it reads the whole text; ``"beacon"``: it reads
    the whole text and keeps its beacons, which is what models with beacons always do."""
    beacon_ratio: BeaconRatio = 4
    """Tokens of text that become one beacon; ``"auto"``: the fewest with which the text fits the model."""
    kv_storage: KVStorage = "exact"
    """How keys and values are kept: as the model computed them, rounded, or quantized."""
    kv_keep: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the keys and values that a ``"full"`` memory keeps; the rest is evicted."""
    gist_chunk_size: Annotated[int, Field(ge=64, le=1_000_000)] = 2048
    """Most tokens of text that are digested into one gist; fewer where the window asks for it. Shorter sections are
    digested quicker: a gist's keys and values are read again for each of its tokens."""
    gist_tokens: Annotated[int, Field(ge=16, le=4096)] = 128
    """Longest gist in tokens; shorter where the window asks for it."""
    retrieval_chunk_size: Annotated[int, Field(ge=16, le=8192)] = 128
    """Most tokens of one retrieval chunk."""
    retrieval_chunk_overlap: Annotated[int, Field(ge=0, le=4096)] = 0
    """Most tokens that a chunk repeats of the one before it."""
    index: str = "faiss"
    """What keeps the index over the chunks: ``"faiss"`` (a file of the memory), ``"none"``, or an added store."""


class RunOptions(BaseModel):
    """Options of one run of the graph; LangGraph Studio shows them as a form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        "",
        description="Memory model: 'embedded' (the small pair from PyPI), a local directory, a hub name, "
        "or 'openai:NAME' and the like, whose server holds the memory. "
        "Empty: the memory's own, or 'embedded' for new text.",
    )
    memory_id: str = Field(
        "", description="Id or directory of the memory to ask where the input names none, as in a chat."
    )
    embedding_model: str = Field(
        "",
        description="Embedding model: 'embedded', a local directory or a hub name. Empty: the memory's own, "
        "or the one that goes with the memory model.",
    )
    device: str = Field("auto", description="Where the memory model runs: auto, cpu, cuda, mps.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="What the memory model computes in; auto is the fastest that the machine has."
    )
    load_in_4bit: bool = Field(False, description="Hold the memory model's weights in 4 bits (NF4, bitsandbytes).")
    enable_flash_attn: bool = Field(True, description="Use flash attention where the GPU and the dtype allow it.")
    minference: bool = Field(
        False, description="Read long texts with MInference's sparse attention where a GPU and the package are there."
    )
    generator: str = Field(
        "",
        description="Who writes the final answer: 'extractive', 'local' (the memory model), 'openai:NAME', "
        "'azure:DEPLOYMENT', 'deepseek:NAME' (with their keys in the environment), "
        "a local directory or a hub name; empty chooses extractive for the embedded model, else local.",
    )
    hits: int = Field(100, ge=1, le=1000, description="Chunks that each query ranks by meaning, and as many by words.")
    evidence_tokens: int = Field(
        1536, ge=32, le=1_000_000, description="Most tokens of evidence handed to the generator."
    )
    question_share: float = Field(
        0.75,
        ge=0,
        le=1,
        description="Share of the evidence that the question alone fills before what was recalled has a say.",
    )
    query_weights: dict[QueryKind, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=dict,
        description="Say of each kind of query in the ranking, instead of the built-in one: question, span, surrogate, "
        "draft, outline.",
    )
    reranker: str = Field(
        "", description="Cross-encoder that puts the first 50 chunks in order: a directory or hub name; empty for none."
    )
    use_memory_answer: bool = Field(
        False, description="Draft an answer from memory, use it as a query and show it to the generator."
    )
    max_new_tokens: int = Field(256, ge=10, le=1024, description="Longest answer in tokens.")
    temperature: float = Field(0.0, ge=0.0, le=2.0, description="0 is deterministic; higher is more varied.")
    prompts: dict[PromptKey, str] = Field(
        default_factory=dict, description="Prompt templates to use instead of the built-in ones, by key."
    )
    file_check: Literal["full", "size"] = Field(
        "full",
        description="How a saved memory's files are checked when it is opened: full: by SHA-256; size: by size alone, "
        "for huge ones on a disk that is trusted.",
    )
    kind: MemoryKindName = Field(
        "gist",
        description="What the memory model reads: gist: digests of the sections; full: the whole text; beacon: the "
        "whole text, of which it keeps its beacons. A model with beacons always does that.",
    )
    beacon_ratio: BeaconRatio | None = Field(
        None,
        description="Of a model with beacons: tokens of text that become one beacon, such as 2, 4, 8, 16, 32; auto: by "
        f"the text's length. Empty: the memory's own, or {MemorySettings().beacon_ratio} for new text.",
    )
    kv_storage: KVStorage = Field(
        "exact", description="How keys and values are kept: exact, as the model computed them; float16; int8; int4."
    )
    kv_keep: float = Field(1.0, gt=0, le=1, description="Share of the keys and values that a full memory keeps.")
    gist_chunk_size: int = Field(
        MemorySettings().gist_chunk_size, ge=64, le=1_000_000, description="Tokens digested into one gist."
    )
    gist_tokens: int = Field(MemorySettings().gist_tokens, ge=16, le=4096, description="Longest gist in tokens.")
    retrieval_chunk_size: int = Field(
        MemorySettings().retrieval_chunk_size, ge=16, le=8192, description="Most tokens of a retrieval chunk."
    )
    retrieval_chunk_overlap: int = Field(
        MemorySettings().retrieval_chunk_overlap,
        ge=0,
        le=4096,
        description="Most tokens that a chunk repeats of the one before it; less than a chunk has.",
    )
    index: str = Field(
        MemorySettings().index,
        description="What keeps the index over the chunks: faiss, a file of the memory; none, for answers from memory "
        "alone; or the name of a vector store added to the registry.",
    )

    @field_validator("retrieval_chunk_overlap")
    @classmethod
    def _is_shorter_than_a_chunk(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("retrieval_chunk_size", overlap + 1)
        if overlap >= size:
            raise PydanticCustomError("overlap", "must be less than retrieval_chunk_size ({size})", {"size": size})
        return overlap

    @property
    def memory_settings(self) -> MemorySettings:
        """The part that decides how a memory is made."""
        chosen = {name: getattr(self, name) for name in MemorySettings.model_fields}
        return MemorySettings(**{name: value for name, value in chosen.items() if value is not None})


def run_options(values: Mapping[str, Any]) -> RunOptions:
    """Build :class:`RunOptions`, naming the offending option in the error.

    Raises:
        InputError: If a value is out of range, of the wrong type, or the option is unknown.
    """
    try:
        return RunOptions.model_validate(dict(values))
    except ValidationError as error:
        raise input_error(error) from None


def input_error(error: ValidationError) -> InputError:
    """Turn the first complaint of a Pydantic validation into an :class:`InputError`."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "input"
    given = first.get("input")
    shown = f", not {given!r}" if isinstance(given, int | float | str) and len(str(given)) < 80 else ""
    return InputError(field, f"{first['msg'][0].lower()}{first['msg'][1:]}{shown}")
