"""Nodes of the graph: each reads the state, calls the work, and returns the changed keys."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.documents import Document
from langgraph.runtime import Runtime
from langgraph.types import RetryPolicy

from memorag_graph.answering import conversing, generation_input, generator_of
from memorag_graph.begin_turn import BY_WORDS, begin_turn, begun_notices, can_be_asked, task_update
from memorag_graph.check_input import check_input
from memorag_graph.clue_trust import clue_weights
from memorag_graph.documents import from_langchain, from_text
from memorag_graph.errors import InputError
from memorag_graph.find_evidence import cover_documents, is_about_whole, quote_nearest_to, search
from memorag_graph.library_nodes import LibraryNodes, library_task_update
from memorag_graph.node_report import progress_writer, reported
from memorag_graph.open_memory import OpenMemory
from memorag_graph.providers.provider_errors import is_transient
from memorag_graph.querying import Querying, clue_nodes
from memorag_graph.routing import AS_ASKED
from memorag_graph.run_scope import RunScope, ScopeOf
from memorag_graph.serialization import (
    NO_ANSWER,
    Update,
    from_answer,
    to_documents,
    to_message,
    to_queries,
    to_trace,
)
from memorag_graph.state import GraphState, TraceRecord, instructions_of
from memorag_graph.unstreamed import HIDDEN

if TYPE_CHECKING:
    from memorag_graph.clues.clue_filter import Dropped
    from memorag_graph.clues.recall import MemoryRecall

GENERATE_RETRIES = RetryPolicy(initial_interval=1.0, max_attempts=2, retry_on=is_transient)
"""Transient failures of the generator are retried once; after the last attempt, the evidence is quoted instead."""


class Nodes:
    """The nodes of the graph.

    Args:
        scope_of: Returns what a run may use.
    """

    def __init__(self, scope_of: ScopeOf) -> None:
        self.scope = scope_of
        self.library = LibraryNodes(scope_of)

    @reported
    def memorize(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Start a turn: open the memory of the given text, files or id, building it if it is new."""
        scope = self.scope(runtime)
        options = scope.options
        given = check_input(state, options.memory_id or state.get("thread_memory_id", ""))
        if given.library:
            return self.library.begin(given, scope)
        report = progress_writer()
        if given.context:
            opened = scope.memorize([from_text(given.context)], given.save_dir, report)
        elif given.documents:
            opened = scope.memorize(from_langchain(given.documents), given.save_dir, report)
        elif given.files:
            opened = scope.memorize(scope.read(given.files), given.save_dir, report)
        else:
            opened = scope.registry.open(scope.memory(str(given.memory_id)), options, report)
        return begin_turn(given, opened, scope)

    def after_memorize(self, state: GraphState, runtime: Runtime[Any]) -> Sequence[Literal["contextualize"] | Querying]:
        """Read the conversation if there is one, else choose the nodes that query the memory."""
        earlier = state["messages"][:-1]
        return ["contextualize"] if any(it.type == "human" for it in earlier) else self.by_task(state, runtime)

    @reported
    def contextualize(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Rewrite a question that depends on the conversation so that it stands alone."""
        from memorag_graph.follow_ups.contextual_question import contextual_question

        scope, asked = self.scope(runtime), state["question"]
        opened = None if state.get("thread_library") else self._open(state, runtime)[1]
        told = self.library.conversing(state, scope) if opened is None else conversing(scope, opened)
        written = contextual_question(asked, state["messages"][:-1], told.code, told.chat, told.prompts)
        if written is None:
            return {"tokens": {"contextualize": 0}}
        if opened is None:
            wanted = state["task"] if state["trace"][0]["reason"] == AS_ASKED else "auto"
            update = library_task_update(wanted, written.question)
        elif set(state.get("memory_notices", [])) - {BY_WORDS}:  # already answered as far as that goes without a memory
            update = {}
        else:
            wanted = state["task"] if state["trace"][0]["reason"] == AS_ASKED else "auto"
            update = task_update("contextualize", wanted, written.question, opened, scope)
        rewritten = TraceRecord(node="contextualize", what="rewritten", text=written.question, reason=f"asked: {asked}")
        new_tokens = {"contextualize": written.new_tokens}
        return {**update, "question": written.question, "trace": [rewritten], "tokens": new_tokens}

    def by_task(self, state: GraphState, runtime: Runtime[Any]) -> Sequence[Querying]:
        """Choose the nodes that query the memory, or the documents of a library."""
        if state.get("thread_library"):
            return ["route"]
        if state["task"] == "qa":
            return ["draft_answer"]
        if state["task"] == "summarize":
            return ["retrieve" if state.get("memory_notices") else "outline"]  # nothing to outline a begun memory from
        if state["task"] == "lookup":
            return ["look_up" if state.get("looks_up_first") else "retrieve"]
        scope, opened = self._open(state, runtime)
        return clue_nodes(opened.model.adapter, drafts=scope.options.use_memory_answer)

    @reported
    def look_up(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Retrieve with the question alone; unless the evidence answers, the memory is asked for clues."""
        from memorag_graph.generation.sufficiency import sufficiency

        scope, opened = self._open(state, runtime)
        evidence, _ = self._search(state, scope, opened)
        found = sufficiency(generation_input({**state, "evidence": evidence}, scope, opened), opened.index.embeddings)
        update: Update = {"evidence": evidence, "looks_up_first": False, "tokens": {"look_up": 0}}
        if found.is_enough:
            return update
        if not can_be_asked(opened, scope.options):
            return {**update, "memory_notices": begun_notices(opened, scope, lacks_memory=True)}
        reason = f"the nearest sentences lack {', '.join(found.lacking)}; confidence {found.confidence:.2f}"
        told = TraceRecord(node="look_up", what="route", text="memorag", reason=reason)
        return {**update, "task": "memorag", "trace": [told]}

    def after_look_up(self, state: GraphState, runtime: Runtime[Any]) -> Sequence[Querying | Literal["generate"]]:
        """Answer, or ask the memory if the evidence does not."""
        return ["generate"] if state["task"] == "lookup" else self.by_task(state, runtime)

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
        from memorag_graph.generation.memory_answer import FROM_MEMORY

        if state.get("thread_library"):
            return self.library.draft_answer(state, runtime)
        is_answer = state["task"] == "qa"
        recollection = self._recollection(state, runtime)
        question = state["question"]
        instructed = "\n\n".join(filter(None, (instructions_of(state["messages"]), question)))
        recalled = recollection.answer(instructed) if is_answer else recollection.draft(question, HIDDEN)
        draft = recalled.items[0]
        update: Update = {"draft": draft, "tokens": {"draft_answer": recalled.new_tokens}}
        if is_answer:
            update |= {
                **NO_ANSWER,
                **self._nearest(state, runtime, draft),
                "answer": draft,
                "basis": "memory",
                "memory_share": 1.0,
                "notices": [FROM_MEMORY],
            }
            update["messages"] = [to_message(update, recalled.message_id)]
        return update

    @reported
    def outline(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """List the points that a summary must contain."""
        question, opened = state["question"], self._open(state, runtime)[1]
        recalled = self._recollection(state, runtime).outline(
            question, HIDDEN, is_about_whole=is_about_whole(question, opened)
        )
        return {
            "outline": list(recalled.items),
            "trace": to_trace("outline", recalled.dropped),
            "tokens": {"outline": recalled.new_tokens},
        }

    @reported
    def retrieve(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Search with the question and all clues; keep the evidence that fits the budget."""
        if state.get("thread_library"):
            return self.library.retrieve(state, runtime)
        scope, opened = self._open(state, runtime)
        if state["task"] == "summarize" and is_about_whole(state["question"], opened):
            notices = [it for it in state.get("memory_notices", []) if it != BY_WORDS]  # nothing is searched
            return {"evidence": to_documents(cover_documents(opened, scope.options)), "memory_notices": notices}
        evidence, dropped = self._search(state, scope, opened)
        return {"evidence": evidence, "trace": to_trace("retrieve", dropped)}

    @reported
    def retrieve_more(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Search once more, for what the evidence lacks as well."""
        evidence, _ = self._search(state, *self._open(state, runtime))
        return {"evidence": evidence}

    def _search(self, state: GraphState, scope: RunScope, opened: OpenMemory) -> "tuple[list[Document], list[Dropped]]":
        from memorag_graph.clues.clue_filter import searchable

        clues = clue_weights(opened.model)
        queries, dropped = searchable(to_queries(state), opened.index.share_known, opened.index.nearness, clues.astray)
        reranker = scope.registry.models.reranker(scope.options.reranker)
        return to_documents(search(opened, scope.options, queries, reranker, clues, state["question"])), dropped

    @reported
    def assess(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Judge whether the evidence answers; if not, name what it lacks, to be searched for as well."""
        from memorag_graph.generation.sufficiency import sufficiency

        scope, opened = self._open(state, runtime)
        found = sufficiency(generation_input(state, scope, opened), opened.index.embeddings)
        words = " ".join(found.lacking)
        if found.is_enough or words in state.get("missing", []):
            return {"missing": [], "tokens": {"assess": 0}}
        reason = f"the nearest sentences lack it; confidence {found.confidence:.2f}"
        return {
            "missing": [words],
            "rounds_left": state["rounds_left"] - 1,
            "trace": [TraceRecord(node="assess", what="missing", text=words, reason=reason)],
            "tokens": {"assess": 0},
        }

    @reported
    def generate(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Write the final answer from the evidence."""
        attempt = runtime.execution_info.node_attempt if runtime.execution_info else GENERATE_RETRIES.max_attempts
        is_last = attempt >= GENERATE_RETRIES.max_attempts
        if state.get("thread_library"):
            return self.library.generate(state, runtime, is_last_attempt=is_last)
        scope, opened = self._open(state, runtime)
        answer = generator_of(scope, opened, state["task"], is_last_attempt=is_last).invoke(
            generation_input(state, scope, opened)
        )
        if answer.abstained:  # what was not read may hold the answer
            answer = replace(answer, notices=(*answer.notices, *opened.memory.reading_notices))
        answer = replace(answer, notices=(*answer.notices, *state.get("memory_notices", [])))
        update: Update = {
            **from_answer(answer),
            "basis": "evidence",
            "memory_share": scope.registry.begun_memories.share_of(opened),
            "tokens": {"generate": answer.new_tokens},
        }
        return {**update, "messages": [to_message(update, answer.message_id)]}

    def _open(self, state: GraphState, runtime: Runtime[Any]) -> tuple[RunScope, OpenMemory]:
        scope = self.scope(runtime)
        named = state.get("thread_memory_id") or state.get("memory_id")  # threads of 0.1.0 have only the latter
        if not named:
            raise InputError("memory_id", "this thread names no memory; start a new turn with a memory_id or a text")
        return scope, scope.registry.open(scope.memory(named), scope.options)

    def _recollection(self, state: GraphState, runtime: Runtime[Any]) -> "MemoryRecall":
        from memorag_graph.clues.recall import MemoryRecall
        from memorag_graph.clues.sharded_chat import ShardedChat

        scope, opened = self._open(state, runtime)
        if not opened.memory.is_whole:
            opened = scope.registry.whole(scope.memory(opened.memory.id), scope.options, progress_writer())
        chat, prompts = ShardedChat(opened.chat(scope.options)), opened.prompts(scope.options)
        return MemoryRecall(chat, prompts, opened.memory.notes)

    def _nearest(self, state: GraphState, runtime: Runtime[Any], answer: str) -> Update:
        scope, opened = self._open(state, runtime)
        reranker = scope.registry.models.reranker(scope.options.reranker)
        return quote_nearest_to(opened, scope.options, state["question"], answer, reranker)
