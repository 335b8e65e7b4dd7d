"""The answer to a question from a library: citations name the document, its version, page and section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memorag_graph.generation.answer import Answer, Citation
from memorag_graph.library.considered import ConsideredDocument
from memorag_graph.library.memory_clues import DocumentClues
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.serialization import from_answer, to_documents
from memorag_graph.settings import TaskType
from memorag_graph.state import Basis


@dataclass(frozen=True, slots=True)
class LibraryAnswer:
    """An answer from a library.

    Attributes:
        question: The question.
        answer: The answer with its checks.
        evidence: The passages it was made from, by document and place.
        considered: The documents that the question may be about, the best first.
        versions: The version of each document that was searched.
        task: The task that ran.
        basis: ``"memory"``: recalled by a memory, unverified; ``"evidence"``: from the passages.
        memory_share: The share of the memories of the best documents that could be asked, by their tokens, 0 to 1.
        clues: What each memory recalled.
        timings: Seconds of each step.
    """

    question: str
    answer: Answer
    evidence: Sequence[Evidence]
    considered: Sequence[ConsideredDocument]
    versions: Mapping[str, int]
    task: TaskType = "lookup"
    basis: Basis = "evidence"
    memory_share: float = 0.0
    clues: Sequence[DocumentClues] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text of the answer; marks like ``[1]`` name evidence passages."""
        return self.answer.text

    @property
    def citations(self) -> Sequence[Citation]:
        """The citations, in the order of the marks; their ``source`` is the document's name."""
        return self.answer.citations

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain values, as the graph's output has them; citations have a ``version``."""
        found = from_answer(self.answer)
        citations = [{**citation, "version": self.versions.get(citation["source"])} for citation in found["citations"]]
        evidence = [{"text": it.page_content, **it.metadata} for it in to_documents(self.evidence)]
        return {
            "question": self.question,
            "asked": self.question,
            "task": self.task,
            "basis": self.basis,
            "memory_share": self.memory_share,
            **found,
            "citations": citations,
            "considered": [it.to_record() for it in self.considered],
            "clues": [it.to_dict() for it in self.clues],
            "evidence": [{**it, "version": self.versions.get(it["source"])} for it in evidence],
            "timings": dict(self.timings),
        }
