"""Baselines: retrieval with the question only, and answers without retrieval."""

from collections.abc import Sequence

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from memorag_graph.evaluation.dataset import Span
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines.base import Pipeline, best_chunks
from memorag_graph.evaluation.pipelines.truncation import both_ends
from memorag_graph.evaluation.workbench import Case
from memorag_graph.generation.answer import Answer
from memorag_graph.generation.chat_generator import ChatGenerator
from memorag_graph.generation.choose_generator import EXTRACTIVE
from memorag_graph.models.thinking import without_thinking
from memorag_graph.retrieval.bm25 import topk
from memorag_graph.retrieval.chunk_index import Hit

_CLOSED_BOOK = "Answer the question in one to three sentences, from what you know.\n\n{question}"
_PROMPT_TOKENS = 256
"""Tokens reserved for the prompt around the text and the question."""


class Dense(Pipeline):
    """The chunks nearest to the question: cosine similarity of embeddings, exact search."""

    def search(self, case: Case, clues: Clues, budget: int) -> list[Span]:
        """Return the nearest chunks, as many as fit the budget."""
        size = self.bench.options.retrieval_chunk_size
        everything = len(case.prepared.chunks)  # FAISS breaks ties at its cut arbitrarily
        hits = case.prepared.index.search([case.question.query], everything)[0]
        return best_chunks(case, hits, budget, size)


class Keywords(Pipeline):
    """The chunks with the best BM25 scores; ties are broken as in bm25s.

    Documents that repeat passages verbatim have many ties, and another choice moves recall by a point.
    """

    def search(self, case: Case, clues: Clues, budget: int) -> list[Span]:
        """Return the best chunks, as many as fit the budget."""
        size = self.bench.options.retrieval_chunk_size
        scores = case.prepared.keywords.scores(case.question.query)
        best = topk(scores, min(budget // size, len(scores)), backend="numpy")
        hits = [Hit(int(chunk), float(score)) for score, chunk in zip(*best, strict=True) if score > 0]
        return best_chunks(case, hits, budget, size)


class ClosedBook(Pipeline):
    """The language model without the document."""

    keeps_to_budget = False

    @property
    def uses_memory_model(self) -> bool:
        """True if the generator is not a language model."""
        return self.bench.generator_name == EXTRACTIVE

    def search(self, case: Case, clues: Clues, budget: int) -> None:
        """Return None: there is no retrieval."""

    def answer(self, case: Case, clues: Clues, passages: Sequence[Span] | None, config: RunnableConfig) -> Answer:
        """Answer without the document."""
        language = case.prepared.language
        note = "" if language.code == "en" else f"\n\nWrite in {language.name}."
        prompt = _CLOSED_BOOK.replace("{question}", case.question.query) + note
        reply = self.bench.writer().invoke([HumanMessage(prompt)], config)
        return Answer(without_thinking(reply.text).strip(), ())


class FullContext(Pipeline):
    """The whole document in the prompt; if too long, its middle is cut out, as in LongBench (Bai et al., 2024)."""

    keeps_to_budget = False

    @property
    def uses_memory_model(self) -> bool:
        """True if the generator is not a language model."""
        return self.bench.generator_name == EXTRACTIVE

    def search(self, case: Case, clues: Clues, budget: int) -> list[Span]:
        """Return the text that fits the context window, whatever the budget."""
        window, count = self.bench.writer_window()
        room = window - self.bench.options.max_new_tokens - _PROMPT_TOKENS - count(case.question.query)
        return both_ends(case.prepared.document.text, max(room, 2), count)

    def answer(self, case: Case, clues: Clues, passages: Sequence[Span] | None, config: RunnableConfig) -> Answer:
        """Answer with a language model, whatever generator the other pipelines use."""
        generator = ChatGenerator(chat=self.bench.writer(), embeddings=self.bench.embeddings)
        return generator.invoke(self.generation_input(case, passages or (), "memorag"), config)
