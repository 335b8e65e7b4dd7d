"""What clients send to libraries."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from memorag_graph.settings import MemoryMode

_EXAMPLE: dict[str, Any] = {
    "query": "What did the ferry cost?",
    "where": {"year": {"gte": 2020}},
    "task_type": "lookup",
    "options": {"evidence_tokens": 1024},
}


_TEXTS: dict[str, Any] = {
    "documents": [{"name": "ferry.txt", "text": "A ticket costs four pounds.", "metadata": {"year": 2021}}]
}


class LibraryText(BaseModel):
    """A text for a library."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Name of the document; a text of a known name is a new version of it.", min_length=1)
    text: str = Field(min_length=1, description="The text.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="What filters may ask of it.")


class LibraryTexts(BaseModel):
    """Texts for a library."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_TEXTS]})

    documents: list[LibraryText] = Field(min_length=1, description="The documents.")
    memory: MemoryMode | None = Field(
        None, description="When their memories are made; by default behind the library, or as the operator decided."
    )


class LibraryName(BaseModel):
    """A new name for a library."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "coast-2026"}]})

    name: str = Field(description="The new name, by which clients have to ask it from then on.")


class LibraryQuestion(BaseModel):
    """A question to a library."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    query: str = Field(min_length=1, description="The question.")
    where: dict[str, Any] | list[str] | None = Field(
        None,
        description='Only documents that fit, such as {"year": {"gte": 2020}} or ["year>=2020"]; see docs/library.md.',
    )
    as_of: str | None = Field(None, description="The time whose versions are meant, such as 2026-01-31. Default: now.")
    task_type: Literal["lookup", "memorag", "qa", "auto"] = Field(
        "lookup",
        description="lookup: search; memorag: with clues from the memories of the best documents; qa: from the memory "
        "of the best one, unverified; auto: lookup or memorag, by the question.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the question, such as max_new_tokens."
    )
