"""Begin a turn with a memory: choose the task, as far as the memory is made, and clear what the last turn found."""

from langchain_core.messages import HumanMessage

from memorag_graph.answering import generator_of
from memorag_graph.clue_cache import asking_key
from memorag_graph.clue_trust import trusts_clues
from memorag_graph.documents import clean_text
from memorag_graph.open_memory import OpenMemory
from memorag_graph.routing import Route, choose_task
from memorag_graph.run_scope import RunScope
from memorag_graph.serialization import NO_FINDINGS, Update, memory_record
from memorag_graph.settings import RunOptions, TaskType
from memorag_graph.state import MEMORIZE, GraphInput, TraceRecord, question_of

BY_WORDS = (
    "Passages are found by the words of the question so far, as the text is still being embedded; ask again in a while "
    "for a search by meaning."
)
"""What to tell with an answer from a text that is not embedded yet."""


def begin_turn(given: GraphInput, opened: OpenMemory, scope: RunScope) -> Update:
    """Return the update that begins a turn.

    Args:
        given: The input.
        opened: The memory.
        scope: What the run may use.

    Raises:
        InputError: If an option cannot be used with the memory.
        ModelError: If the generator's model cannot be loaded.
    """
    if given.task_type != "qa":
        generator_of(scope, opened, given.task_type)  # fail now, not after the clues were made
    query = clean_text(question_of(given.query, given.messages).strip())
    question = query or opened.prompts(scope.options).summary_question
    is_last_message = not given.query.strip() and question_of("", given.messages)
    return {
        **NO_FINDINGS,
        "memory_id": opened.memory.id,
        "thread_memory_id": opened.memory.id,
        "thread_library": "",
        "asking_key": asking_key(opened, scope.options),
        "memory": memory_record(opened),
        "memory_share": scope.registry.begun_memories.share_of(opened),
        "asked": question,
        "question": question,
        "messages": [] if is_last_message else [HumanMessage(question)],
        "rounds_left": scope.options.rounds - 1,
        "tokens": {MEMORIZE: 0},
        **task_update(MEMORIZE, given.task_type, question, opened, scope),
    }


def task_update(node: str, wanted: TaskType, question: str, opened: OpenMemory, scope: RunScope) -> Update:
    """Return the keys that say how a question is answered: a memory that is only begun cannot be asked.

    Args:
        node: The node that decides.
        wanted: The task of the input.
        question: The question, which stands alone.
        opened: The memory.
        scope: What the run may use.
    """
    chosen = choose_task(wanted, question, trusts_clues=trusts_clues(opened.model))
    lacks_memory = chosen.task != "lookup" and not can_be_asked(opened, scope.options)
    if lacks_memory and chosen.task != "summarize":
        chosen = Route("lookup", f"{chosen.reason}; the memory is not made yet")
    return {
        "task": chosen.task,
        "looks_up_first": chosen.looks_up_first,
        "memory_notices": begun_notices(opened, scope, lacks_memory=lacks_memory),
        "trace": [TraceRecord(node=node, what="route", text=chosen.task, reason=chosen.reason)],
    }


def can_be_asked(opened: OpenMemory, options: RunOptions) -> bool:
    """Return whether a memory can be asked in this run: it is whole, or made on demand."""
    return opened.memory.is_whole or options.memory in ("now", "when_asked")


def begun_notices(opened: OpenMemory, scope: RunScope, *, lacks_memory: bool) -> list[str]:
    """Return what to tell with an answer from a begun memory; nothing for one that is whole.

    Args:
        opened: The memory.
        scope: What the run may use.
        lacks_memory: Whether the answer needs the memory.
    """
    by_words = [] if opened.index.is_embedded else [BY_WORDS]
    return [_lacking(opened, scope), *by_words] if lacks_memory else by_words


def _lacking(opened: OpenMemory, scope: RunScope) -> str:
    """Return what to tell with an answer that a memory had no part in."""
    if scope.options.memory == "never":
        return "The memory of this text is not made; the answer says what a search finds."
    share = scope.registry.begun_memories.share_of(opened)
    return (
        f"The memory of this text is being made ({share:.0%}); the answer says what a search finds. "
        "Ask again once it is made."
    )
