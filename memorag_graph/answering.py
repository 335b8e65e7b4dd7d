"""Put together what a run needs to answer: the generator, and what it is given."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from memorag_graph.clue_trust import trusts_clues
from memorag_graph.open_memory import OpenMemory
from memorag_graph.run_scope import RunScope
from memorag_graph.serialization import to_evidence
from memorag_graph.settings import RunOptions, TaskType
from memorag_graph.state import GraphState, instructions_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.generation.answer import GenerationInput
    from memorag_graph.generation.choose_generator import Generator
    from memorag_graph.prompts import Prompts


class Conversing(NamedTuple):
    """In which language, and by whom, a question that goes on from a conversation is rewritten.

    Attributes:
        code: ISO 639-1 code of the documents' language.
        chat: Rewrites; None if no chat model writes answers.
        prompts: The prompts of the documents' language.
        trusts_clues: Whether the memory's clues are worth the wait for every question that may need several places.
    """

    code: str
    chat: "BaseChatModel | None"
    prompts: "Prompts"
    trusts_clues: bool = False


def conversing(scope: RunScope, opened: OpenMemory) -> Conversing:
    """Return how a conversation about a memory is read."""
    code, trusts = opened.memory.prompts.language.code, trusts_clues(opened.model)
    return Conversing(code, chat_of(scope, opened), opened.prompts(scope.options), trusts)


def generation_input(state: GraphState, scope: RunScope, opened: OpenMemory) -> "GenerationInput":
    """Return what the generator of a run is given."""
    evidence = [to_evidence(document, opened) for document in state.get("evidence", [])]
    return {
        "question": state["question"],
        "task_type": state["task"],
        "evidence": evidence,
        "outline": state.get("outline", []),
        "instructions": instructions_of(state["messages"]),
        "draft": state.get("draft", "") if scope.options.use_memory_answer else "",
        "prompts": opened.prompts(scope.options),
        "clues": [*state.get("spans", []), *state.get("surrogates", [])],
        "rarity": opened.rarity(state["question"]),
        "max_tokens": _options(scope, state["task"]).max_new_tokens,
        "reach": opened.reach(state["question"], evidence),
    }


def _options(scope: RunScope, task: TaskType) -> RunOptions:
    """Return the options of a run, with the length of a summary if it is one."""
    return scope.options.for_summary() if task == "summarize" else scope.options


def generator_of(scope: RunScope, opened: OpenMemory, task: TaskType, *, is_last_attempt: bool = True) -> "Generator":
    """Return the generator of a run.

    Args:
        scope: What the run may use.
        opened: Its memory.
        task: Its task.
        is_last_attempt: Whether the evidence is quoted if a chat model cannot be reached.

    Raises:
        ModelError: If the generator's model cannot be loaded.
    """
    from memorag_graph.generation.choose_generator import choose_generator

    options = _options(scope, task)
    own, local_chat = opened.memory.identity.model, _local_chat(scope, opened, options)
    salted = scope.registry.models.salted
    return choose_generator(options, own, opened.index.embeddings, local_chat, salted, is_last_attempt=is_last_attempt)


def chat_of(scope: RunScope, opened: OpenMemory) -> "BaseChatModel | None":
    """Return the chat model that writes answers, if one does."""
    from memorag_graph.generation.choose_generator import generator_chat

    own, local_chat = opened.memory.identity.model, _local_chat(scope, opened, scope.options)
    return generator_chat(scope.options, own, local_chat, scope.registry.models.salted)


def _local_chat(scope: RunScope, opened: OpenMemory, options: RunOptions) -> "Callable[[str], BaseChatModel]":
    return lambda name: scope.registry.chat(name, options, opened)
