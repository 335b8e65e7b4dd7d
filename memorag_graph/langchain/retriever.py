"""A LangChain retriever that returns the evidence for a question."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from memorag_graph.citation_annotations import document_uri
from memorag_graph.errors import InputError
from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.asked_place import asked_place
from memorag_graph.langchain.given_options import given_options
from memorag_graph.langchain.memory_place import absolute_library, absolute_place
from memorag_graph.langchain.runnable import AnyGraph
from memorag_graph.settings import RunOptions, TaskType

_TOKENS_OF_A_PASSAGE = 512
"""Room for one of ``k`` passages; a chunk may have four times the usual 128 tokens."""

_MOST_TOKENS: int = 1_000_000

_LIBRARY = "library"
"""Stands for the memory in the addresses of a library's passages."""


class MemoRAGRetriever(BaseRetriever):
    """Retrieves passages of a memory or a library with a question and the clues recalled for it.

    It runs the graph up to its generator.

    Passages are in document order, or, where their number ``k`` is given, here or with a call, best first. Their ``id``
    is their address in the memory. Their metadata hold the position (``source``, ``start``, ``end``), the rank
    (``score``), and the queries that found them (``queries``: ``kind`` and ``text``, best first).

    Example:
        >>> retriever = MemoRAGRetriever(memory_id=memory_id, task_type="lookup")
        >>> passages = retriever.invoke("Who rebuilt the lighthouse?")
        >>> "Captain Petrie rebuilt it in stone." in passages[0].page_content
        True
        >>> [best] = retriever.invoke("Who rebuilt the lighthouse?", k=1)
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    memory_id: Annotated[str, AfterValidator(absolute_place)] = ""
    """Id or directory of the memory; empty for a library."""
    library: Annotated[str, AfterValidator(absolute_library)] = ""
    """Directory or URL of a library to search instead of a memory."""
    where: dict[str, Any] | list[str] | None = None
    """Which documents of the library; see :mod:`memorag_graph.library.where`."""
    as_of: str | None = None
    """The time whose versions of the library's documents are meant, such as ``"2026-01-31"``; None for now."""
    options: RunOptions = Field(default_factory=RunOptions)
    task_type: TaskType = "memorag"
    """``"memorag"`` searches with the question and clues, ``"lookup"`` with the question only, ``"summarize"`` with the
    main points; ``"auto"`` chooses by the question."""
    k: int | None = Field(default=None, ge=1)
    """Number of passages, the best ones; None for all evidence in document order."""
    graph: AnyGraph = Field(default=default_graph, exclude=True, repr=False)

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401 - its fields
        """Check the options.

        Raises:
            InputError: If one is unknown, out of range or of the wrong type.
        """
        super().__init__(**fields | {"options": given_options(fields.get("options"))})

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        _ = self._place
        return self

    @property
    def _place(self) -> dict[str, Any]:
        return asked_place(self.memory_id, self.library, self.where, self.as_of)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        **unknown: Any,  # noqa: ANN401 - LangChain's interface
    ) -> list[Document]:
        for name in unknown:
            raise InputError(name, "is no option of a call; choose k, or give options to the retriever")
        if k is not None and k < 1:
            raise InputError("k", f"must be 1 or more, not {k}")
        most = self.k if k is None else k
        found = self.graph.invoke(
            {**self._place, "query": query, "task_type": self.task_type},
            {"callbacks": run_manager.get_child()},
            context=self.options if most is None else self._with_room(most),
            interrupt_before=["generate"],
        )
        evidence = [_identified(passage, found["memory_id"] or _LIBRARY) for passage in found["evidence"]]
        if most is None:
            return evidence
        return best_first(evidence, most)

    def _with_room(self, passages: int) -> RunOptions:
        """Return the options with a budget that holds so many passages."""
        tokens = max(self.options.evidence_tokens, min(passages * _TOKENS_OF_A_PASSAGE, _MOST_TOKENS))
        return self.options.model_copy(update={"evidence_tokens": tokens})


def best_first(evidence: Sequence[Document], k: int) -> list[Document]:
    """Return the ``k`` best passages of evidence."""
    return sorted(evidence, key=lambda passage: -float(passage.metadata["score"]))[:k]


def _identified(passage: Document, within: str) -> Document:
    """Return a passage with its address as its id; in a library, the version belongs to the document's name."""
    place = passage.metadata
    named = place["source"] + (f"@{place['version']}" if "version" in place else "")
    return passage.model_copy(update={"id": document_uri(within, named, place["start"], place["end"])})
