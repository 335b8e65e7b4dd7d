"""Dense retrieval with queries from a language model that has not read the document."""

import numpy as np
from langchain_classic.retrievers.multi_query import MultiQueryRetriever
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda
from pydantic import ConfigDict, SkipValidation

from memorag_graph.evaluation.dataset import Span
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines.base import Pipeline, best_chunks
from memorag_graph.evaluation.workbench import Case, Prepared
from memorag_graph.models.thinking import without_thinking
from memorag_graph.retrieval.chunk_index import Hit
from memorag_graph.retrieval.dense_index import embed

_HYDE = "Please write a passage to answer the question.\nQuestion: {question}\nPassage:"


class MultiQuery(Pipeline):
    """LangChain's MultiQueryRetriever: other versions of the question, each searched for, and the union of all hits.

    The union has no ranking. To keep it within the budget, the number of hits per version grows from one until the
    union fills the budget.
    """

    def expand(self, case: Case, config: RunnableConfig) -> Clues:
        """Generate other versions of the question with LangChain's own prompt and parser."""
        retriever = MultiQueryRetriever.from_llm(_ChunkRetriever(prepared=case.prepared), self.bench.expander())
        versions = retriever.llm_chain.invoke({"question": case.question.query}, config)
        return Clues({"version": tuple(line for line in versions if line.strip())})

    def search(self, case: Case, clues: Clues, budget: int) -> list[Span]:
        """Return the chunks in the order in which they enter the union."""
        most = budget // self.bench.options.retrieval_chunk_size
        versions = list(clues.texts["version"]) or [case.question.query]
        found: dict[Span, None] = {}
        for hits in range(1, most + 1):
            retriever = MultiQueryRetriever(
                retriever=_ChunkRetriever(prepared=case.prepared, hits=hits),
                llm_chain=RunnableLambda(lambda _: list(versions)),
                verbose=False,
            )
            union = retriever.invoke(case.question.query)
            found |= {(chunk.metadata["start"], chunk.metadata["end"]): None for chunk in union}
            if len(found) >= most:
                break
        return list(found)[:most]


class Hyde(Pipeline):
    """Search with a hypothetical answer (HyDE: Gao et al., ACL 2023): the mean of its embedding and the question's."""

    def expand(self, case: Case, config: RunnableConfig) -> Clues:
        """Generate a passage that might answer the question, with the paper's prompt for web search."""
        prompt = _HYDE.replace("{question}", case.question.query)
        reply = self.bench.expander().invoke([HumanMessage(prompt)], config)
        return Clues({"passage": (without_thinking(reply.text).strip(),)})

    def search(self, case: Case, clues: Clues, budget: int) -> list[Span]:
        """Return the chunks nearest to the mean."""
        texts = [case.question.query, *(text for text in clues.texts["passage"] if text)]
        mean = embed(self.bench.embeddings, texts).mean(axis=0)
        vectors = case.prepared.index.vectors()
        scores = np.array([vectors[chunk.text] @ mean for chunk in case.prepared.chunks])
        order = np.argsort(-scores, kind="stable")
        hits = [Hit(int(chunk), float(scores[chunk])) for chunk in order]
        return best_chunks(case, hits, budget, self.bench.options.retrieval_chunk_size)


class _ChunkRetriever(BaseRetriever):
    """The dense index as a LangChain retriever."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    prepared: SkipValidation[Prepared]
    hits: int = 1

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        chunks = self.prepared.chunks
        found = [chunks[hit.chunk] for hit in self.prepared.index.search([query], self.hits)[0]]
        return [Document(chunk.text, metadata={"start": chunk.start, "end": chunk.end}) for chunk in found]
