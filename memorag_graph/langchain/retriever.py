"""A LangChain retriever that returns the evidence for a question."""

from typing import Annotated

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import AfterValidator, ConfigDict, Field

from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.memory_place import absolute_place
from memorag_graph.langchain.runnable import AnyGraph
from memorag_graph.settings import RunOptions, TaskType


class MemoRAGRetriever(BaseRetriever):
    """Retrieves passages with a question and the clues recalled for it: the graph up to its generator.

    Passages are in document order. Their metadata hold the position (``source``, ``start``, ``end``), the rank
    (``score``), and the queries that found them (``queries``: ``kind`` and ``text``, best first).

    Example:
        >>> retriever = MemoRAGRetriever(memory_id=memory_id, task_type="lookup")
        >>> passages = retriever.invoke("Who rebuilt the lighthouse?")
        >>> "Captain Petrie rebuilt it in stone." in passages[0].page_content
        True
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory_id: Annotated[str, AfterValidator(absolute_place)]
    """Id or directory of the memory."""
    options: RunOptions = Field(default_factory=RunOptions)
    task_type: TaskType = "memorag"
    """``"memorag"`` searches with the question and clues, ``"lookup"`` with the question only, ``"summarize"`` with the
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
