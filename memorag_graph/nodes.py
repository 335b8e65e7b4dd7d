"""Nodes of the graph: each reads the state, calls the work, and returns the changed keys."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from langchain_core.messages import HumanMessage
from langgraph.config import get_stream_writer
from langgraph.runtime import Runtime
from langgraph.types import RetryPolicy

from memorag_graph.cancellation import check
from memorag_graph.clue_trust import clue_weights
from memorag_graph.clues import HIDDEN
from memorag_graph.documents import clean_text, from_langchain, from_text
from memorag_graph.errors import InputError
from memorag_graph.find_evidence import cover_documents, is_about_whole, quote_nearest_to, search
from memorag_graph.open_memories import OpenMemory
from memorag_graph.providers.provider_errors import is_transient
from memorag_graph.routing import Route, route
from memorag_graph.run_scope import RunScope, ScopeOf
from memorag_graph.serialization import (
    Update,
    from_answer,
    memory_record,
    to_documents,
    to_evidence,
    to_message,
    to_queries,
    to_trace,
)
from memorag_graph.settings import PromptKey, RunOptions, TaskType
from memorag_graph.spans import span
from memorag_graph.state import MEMORIZE, GraphState, TraceRecord, check_input, question_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.clues.recall import MemoryRecall
    from memorag_graph.generation.choose_generator import Generator
    from memorag_graph.models.adapter import Adapter
    from memorag_graph.progress import Progress

AfterMemorize = Literal["recall", "rewrite", "draft_answer", "outline", "retrieve"]
"""Nodes that query the memory."""

Node = TypeVar("Node", bound=Callable[..., Update])

_FROM_MEMORY = (
    "This answer comes from memory and was not verified. Check it against the quoted passages, the nearest in the "
    "document."
)

GENERATE_RETRIES = RetryPolicy(initial_interval=1.0, max_attempts=2, retry_on=is_transient)
"""Transient failures of the generator are retried once; after the last attempt, the evidence is quoted instead."""


def reported(node: Node) -> Node:
    """Add the memory's id and the node's seconds to its update."""

    @wraps(node)
    def run(self: "Nodes", state: GraphState, runtime: Runtime[Any]) -> Update:
        check()
        start = time.perf_counter()
        with span(f"memorag.{node.__name__}") as told:
            update = node(self, state, runtime)
            tokens = sum(update.get("tokens", {}).values())
            told.attributes = {"tokens": tokens, **_figures(state, update)}
        self._scope(runtime).spend(tokens)
        seconds = {node.__name__: round(time.perf_counter() - start, 3)}
        return {"memory_id": state.get("thread_memory_id"), **update, "timings": seconds}

    return cast("Node", run)


def _figures(state: GraphState, update: Update) -> dict[str, str | int]:
    """Return what a span tells of a node's work."""
    named = {key: {**state, **update}.get(key) for key in ("memory_id", "task")}
    counted = {key: len(update[key]) for key in ("spans", "surrogates", "evidence", "citations") if update.get(key)}
    return {**{key: str(value) for key, value in named.items() if value}, **counted}


class Nodes:
    """The nodes of the graph.

    Args:
        scope_of: Returns what a run may use.
    """

    def __init__(self, scope_of: ScopeOf) -> None:
        self._scope = scope_of

    @reported
    def memorize(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Start a turn: open the memory of the given text, files or id, building it if it is new."""
        scope = self._scope(runtime)
        options = scope.options
        given = check_input(state, options.memory_id or state.get("thread_memory_id", ""))
        write = get_stream_writer()

        def report(progress: "Progress") -> None:
            write({"progress": asdict(progress)})

        if given.context:
            opened = scope.memorize([from_text(given.context)], given.save_dir, report)
        elif given.documents:
            opened = scope.memorize(from_langchain(given.documents), given.save_dir, report)
        elif given.files:
            opened = scope.memorize(scope.read(given.files), given.save_dir, report)
        else:
            opened = scope.registry.open(scope.memory(str(given.memory_id)), options)
        if given.task_type != "qa":
            _generator(scope, opened, given.task_type)  # fail now, not after the clues were made
        query = clean_text(question_of(given.query, given.messages).strip())
        question = query or opened.prompts(options).summary_question
        chosen = route(question) if given.task_type == "auto" else Route(given.task_type, "as asked")
        is_last_message = not given.query.strip() and question_of("", given.messages)
        return {
            **_NO_FINDINGS,
            "memory_id": opened.memory.id,
            "thread_memory_id": opened.memory.id,
            "memory": memory_record(opened),
            "question": question,
            "messages": [] if is_last_message else [HumanMessage(question)],
            "task": chosen.task,
            "trace": [TraceRecord(node=MEMORIZE, what="route", text=chosen.task, reason=chosen.reason)],
            "tokens": {MEMORIZE: 0},
        }

    def by_task(self, state: GraphState, runtime: Runtime[Any]) -> Sequence[AfterMemorize]:
        """Choose the nodes that query the memory."""
        if state["task"] == "qa":
            return ["draft_answer"]
        if state["task"] == "summarize":
            return ["outline"]
        if state["task"] == "lookup":
            return ["retrieve"]
        scope, opened = self._open(state, runtime)
        return _clue_nodes(opened.model.adapter, drafts=scope.options.use_memory_answer)

    @reported
    def recall(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Recall spans of the document."""
        recalled = self._recollection(state, runtime).recall(state["question"], HIDDEN)
        return {
            "spans": list(recalled.items),
            "trace": to_trace("recall", recalled.dropped),
            "tokens": {"recall": recalled.new_tokens},
        }

    @reported
    def rewrite(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Rewrite the question into more specific ones."""
        recalled = self._recollection(state, runtime).rewrite(state["question"], HIDDEN)
        return {
            "surrogates": list(recalled.items),
            "trace": to_trace("rewrite", recalled.dropped),
            "tokens": {"rewrite": recalled.new_tokens},
        }

    @reported
    def draft_answer(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Answer from memory: the final answer for ``qa``, else a draft to search with."""
        is_answer = state["task"] == "qa"
        recollection = self._recollection(state, runtime)
        question = state["question"]
        recalled = recollection.answer(question) if is_answer else recollection.draft(question, HIDDEN)
        draft = recalled.items[0]
        update: Update = {"draft": draft, "tokens": {"draft_answer": recalled.new_tokens}}
        if is_answer:
            update |= {
                **_NO_ANSWER,
                **self._nearest(state, runtime, draft),
                "answer": draft,
                "basis": "memory",
                "notices": [_FROM_MEMORY],
            }
            update["messages"] = [to_message(update, recalled.message_id)]
        return update

    @reported
    def outline(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """List the points that a summary must contain."""
        recalled = self._recollection(state, runtime).outline(state["question"], HIDDEN)
        return {
            "outline": list(recalled.items),
            "trace": to_trace("outline", recalled.dropped),
            "tokens": {"outline": recalled.new_tokens},
        }

    @reported
    def retrieve(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Search with the question and all clues; keep the evidence that fits the budget."""
        from memorag_graph.clues.clue_filter import searchable

        scope, opened = self._open(state, runtime)
        if state["task"] == "summarize" and is_about_whole(state["question"], opened):
            return {"evidence": to_documents(cover_documents(opened, scope.options))}
        clues = clue_weights(opened.model)
        queries, dropped = searchable(to_queries(state), opened.index.share_known, opened.index.nearness, clues.astray)
        reranker = scope.registry.models.reranker(scope.options.reranker)
        return {
            "evidence": to_documents(search(opened, scope.options, queries, reranker, clues)),
            "trace": to_trace("retrieve", dropped),
        }

    @reported
    def generate(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Write the final answer from the evidence."""
        scope, opened = self._open(state, runtime)
        evidence = [to_evidence(document, opened) for document in state.get("evidence", [])]
        attempt = runtime.execution_info.node_attempt if runtime.execution_info else GENERATE_RETRIES.max_attempts
        is_last = attempt >= GENERATE_RETRIES.max_attempts
        answer = _generator(scope, opened, state["task"], is_last_attempt=is_last).invoke(
            {
                "question": state["question"],
                "task_type": state["task"],
                "evidence": evidence,
                "outline": state.get("outline", []),
                "draft": state.get("draft", "") if scope.options.use_memory_answer else "",
                "prompts": opened.prompts(scope.options),
                "clues": [*state.get("spans", []), *state.get("surrogates", [])],
                "rarity": opened.rarity(state["question"]),
                "max_tokens": _options(scope, state["task"]).max_new_tokens,
                "reach": opened.reach(state["question"], evidence),
            }
        )
        if answer.abstained:  # what was not read may hold the answer
            answer = replace(answer, notices=(*answer.notices, *opened.memory.reading_notices))
        update: Update = {
            **from_answer(answer),
            "basis": "evidence",
            "tokens": {"generate": answer.new_tokens},
        }
        return {**update, "messages": [to_message(update, answer.message_id)]}

    def _open(self, state: GraphState, runtime: Runtime[Any]) -> tuple[RunScope, OpenMemory]:
        scope = self._scope(runtime)
        named = state.get("thread_memory_id") or state.get("memory_id")  # threads of 0.1.0 have only the latter
        if not named:
            raise InputError("memory_id", "this thread names no memory; start a new turn with a memory_id or a text")
        return scope, scope.registry.open(scope.memory(named), scope.options)

    def _recollection(self, state: GraphState, runtime: Runtime[Any]) -> "MemoryRecall":
        from memorag_graph.clues.recall import MemoryRecall
        from memorag_graph.clues.sharded_chat import ShardedChat

        scope, opened = self._open(state, runtime)
        chat, prompts = ShardedChat(opened.chat(scope.options)), opened.prompts(scope.options)
        return MemoryRecall(chat, prompts, opened.memory.notes)

    def _nearest(self, state: GraphState, runtime: Runtime[Any], answer: str) -> Update:
        scope, opened = self._open(state, runtime)
        reranker = scope.registry.models.reranker(scope.options.reranker)
        return quote_nearest_to(opened, scope.options, state["question"], answer, reranker)


def _clue_nodes(adapter: "Adapter | None", *, drafts: bool) -> list[AfterMemorize]:
    """Return the nodes that ask for clues: of the kinds that an adapter learned to write, or else all but a draft."""
    learned: Collection[PromptKey] = adapter.learned.prompts if adapter else ("span", "sur")
    nodes: dict[PromptKey, AfterMemorize] = {"span": "recall", "sur": "rewrite", "qa": "draft_answer"}
    return [node for prompt, node in nodes.items() if prompt in learned or (drafts and prompt == "qa")]


def _options(scope: RunScope, task: TaskType) -> RunOptions:
    """Return the options of a run, with the length of a summary if it is one."""
    return scope.options.for_summary() if task == "summarize" else scope.options


def _generator(scope: RunScope, opened: OpenMemory, task: TaskType, *, is_last_attempt: bool = True) -> "Generator":
    from memorag_graph.generation.choose_generator import choose_generator

    options = _options(scope, task)

    def local_chat(name: str) -> "BaseChatModel":
        return scope.registry.chat(name, opened, options)

    own = opened.memory.identity.model
    return choose_generator(options, own, opened.index.embeddings, local_chat, is_last_attempt=is_last_attempt)


_NO_ANSWER: Update = {
    "answer": "",
    "citations": [],
    "confidence": 0.0,
    "abstained": False,
    "notices": [],
    "faults": [],
    "unsupported": [],
    "conflicts": [],
}
_NO_FINDINGS: Update = {"spans": [], "surrogates": [], "draft": "", "outline": [], "evidence": [], **_NO_ANSWER}
"""Values that clear the previous turn's findings."""
