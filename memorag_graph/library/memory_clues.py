"""Ask the memory of a document of a library for clues to a question."""

from dataclasses import dataclass

from langchain_core.runnables.config import ContextThreadPoolExecutor

from memorag_graph.clues.clue_filter import Dropped
from memorag_graph.clues.clue_kinds import clue_kinds
from memorag_graph.clues.recall import MemoryRecall, Recalled
from memorag_graph.clues.sharded_chat import ShardedChat
from memorag_graph.library_records import CluesRecord
from memorag_graph.open_memory import OpenMemory
from memorag_graph.retrieval.query import Query
from memorag_graph.settings import PromptKey, RunOptions
from memorag_graph.unstreamed import HIDDEN


@dataclass(frozen=True, slots=True)
class DocumentClues:
    """The clues of one document's memory.

    Attributes:
        document: Name of the document.
        spans: Spans of it, recalled.
        surrogates: Questions that say more precisely what is asked.
        draft: An answer drafted from memory; empty if none was asked for.
        dropped: Useless clues, each with its reason.
        new_tokens: Tokens that the model generated.
    """

    document: str
    spans: tuple[str, ...] = ()
    surrogates: tuple[str, ...] = ()
    draft: str = ""
    dropped: tuple[Dropped, ...] = ()
    new_tokens: int = 0

    @classmethod
    def from_dict(cls, values: CluesRecord) -> "DocumentClues":
        """Read clues back from plain values."""
        return cls(values["document"], tuple(values["spans"]), tuple(values["surrogates"]), values["draft"])

    def to_dict(self) -> CluesRecord:
        """Return the clues as plain values."""
        return CluesRecord(
            document=self.document, spans=list(self.spans), surrogates=list(self.surrogates), draft=self.draft
        )

    def queries(self) -> list[Query]:
        """Return the clues as search queries, to be found in the document."""
        draft = [self.draft] if self.draft else []
        return [
            *(Query("span", text, self.document) for text in self.spans),
            *(Query("surrogate", text, self.document) for text in self.surrogates),
            *(Query("draft", text, self.document) for text in draft),
        ]


def ask_for_clues(document: str, question: str, opened: OpenMemory, options: RunOptions) -> DocumentClues:
    """Ask a memory for all kinds of clues at once.

    Args:
        document: Name of its document.
        question: The question.
        opened: The memory.
        options: ``use_memory_answer``, ``max_new_tokens``, ``temperature`` and ``prompts`` are read.

    Raises:
        InputError: If the question does not fit the model's window.
        ModelError: If a server does not answer.
    """
    recall, kinds = recollection(opened, options), clue_kinds(opened.model.adapter, drafts=options.use_memory_answer)
    ask = {"span": recall.recall, "sur": recall.rewrite, "qa": recall.draft}
    with ContextThreadPoolExecutor(max(1, len(kinds))) as pool:  # so that they form one batch
        replies = dict(zip(kinds, pool.map(lambda kind: ask[kind](question, HIDDEN), kinds), strict=True))

    def found(kind: PromptKey) -> tuple[str, ...]:
        return replies[kind].items if kind in replies else ()

    told: list[Recalled] = list(replies.values())
    return DocumentClues(
        document,
        found("span"),
        found("sur"),
        next(iter(found("qa")), ""),
        tuple(dropped for reply in told for dropped in reply.dropped),
        sum(reply.new_tokens for reply in told),
    )


def recollection(opened: OpenMemory, options: RunOptions) -> MemoryRecall:
    """Return what asks a memory."""
    return MemoryRecall(ShardedChat(opened.chat(options)), opened.prompts(options), opened.memory.notes)
