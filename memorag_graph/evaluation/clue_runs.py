"""Generate clues once per question and share them between pipelines."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from langchain_core.runnables import RunnableConfig

from memorag_graph.evaluation.dataset import Question
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.open_memory import OpenMemory
from memorag_graph.providers.usage import Prices, UsageMeter
from memorag_graph.settings import RunOptions
from memorag_graph.unstreamed import HIDDEN

if TYPE_CHECKING:
    from memorag_graph.clues.recall import MemoryRecall, Recalled

ClueKind = Literal["spans", "surrogates", "draft", "outline"]

FREE = Prices(0.0, 0.0)

_ASK: Mapping[ClueKind, Callable[["MemoryRecall", str, RunnableConfig], "Recalled"]] = {
    "spans": lambda memory, question, config: memory.recall(question, config),
    "surrogates": lambda memory, question, config: memory.rewrite(question, config),
    "draft": lambda memory, question, config: memory.draft(question, config),
    "outline": lambda memory, question, config: memory.outline(question, config),
}


def kinds_for(question: Question) -> tuple[ClueKind, ...]:
    """Return the kinds of clues that the graph generates: an outline for a summary, the others for a question."""
    return ("outline",) if question.kind == "general" else ("spans", "surrogates", "draft")


def recollect(opened: OpenMemory, question: Question, kind: ClueKind, options: RunOptions) -> Clues:
    """Generate clues of one kind from a memory."""
    from memorag_graph.clues.recall import MemoryRecall
    from memorag_graph.clues.sharded_chat import ShardedChat

    meter = UsageMeter(FREE, None, options.max_new_tokens)
    memory = MemoryRecall(ShardedChat(opened.chat(options)), opened.prompts(options), opened.memory.notes)
    start = time.perf_counter()
    recalled = _ASK[kind](memory, question.query, {**HIDDEN, "callbacks": [meter]})
    seconds = time.perf_counter() - start
    return Clues({kind: recalled.items}, seconds, meter.usage.input_tokens, meter.usage.output_tokens)


def merged(clues: list[Clues]) -> Clues:
    """Merge clues of several kinds. They were generated in parallel, so the slowest sets the time."""
    return Clues(
        {kind: texts for each in clues for kind, texts in each.texts.items()},
        max((each.seconds for each in clues), default=0.0),
        sum(each.tokens_read for each in clues),
        sum(each.tokens_written for each in clues),
    )
