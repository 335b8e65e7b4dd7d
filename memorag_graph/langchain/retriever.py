"""The evidence for a question, as a LangChain retriever."""

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.runnable import AnyGraph
from memorag_graph.settings import RunOptions, TaskType


class MemoRAGRetriever(BaseRetriever):
    """Finds the passages that a memory's clues and the question lead to: the graph up to its generator.

    Passages come in document order. Their metadata say where they stand (``source``, ``start``, ``end``), how high
    they rank (``score``), and which clues found them (``queries``: ``kind`` and ``text``, best first).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory_id: str
    """Id or directory of the memory."""
    options: RunOptions = Field(default_factory=RunOptions)
    task_type: TaskType = "memorag"
    """``"memorag"`` searches for a question and clues, ``"lookup"`` for the question alone, ``"summarize"`` for the
    main points; ``"auto"`` chooses by the question."""
    graph: AnyGraph = Field(default=default_graph, exclude=True, repr=False)

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.graph.invoke(
            {"memory_id": self.memory_id, "query": query, "task_type": self.task_type},
            {"callbacks": run_manager.get_child()},
            context=self.options,
            interrupt_before=["generate"],
        )
        evidence: list[Document] = found["evidence"]
        return evidence
