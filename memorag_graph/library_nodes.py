"""Nodes of the graph for questions to a library: choose documents, ask their memories, search and answer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime
from langgraph.types import Send

from memorag_graph.answering import Conversing
from memorag_graph.documents import clean_text
from memorag_graph.errors import LibraryError
from memorag_graph.library_records import ConsideredRecord, with_cited
from memorag_graph.library_run import LibraryRun, OpenLibraries
from memorag_graph.node_report import reported
from memorag_graph.routing import AS_ASKED, Route, route
from memorag_graph.run_scope import RunScope, ScopeOf
from memorag_graph.serialization import (
    NO_ANSWER,
    NO_FINDINGS,
    Update,
    from_answer,
    to_documents,
    to_message,
    to_trace,
)
from memorag_graph.settings import TaskType
from memorag_graph.state import MEMORIZE, GraphInput, GraphState, TraceRecord, instructions_of, question_of

AfterRoute = Literal["ask_memory", "draft_answer", "retrieve"]


def library_task(asked: TaskType, question: str) -> Route:
    """Return the task of a question to a library: as asked, or for ``"auto"`` a lookup or memorag, by its words.

    Raises:
        InputError: If a library does not do it.
    """
    from memorag_graph.library.ask import task_of

    return Route(task_of(question, asked), route(question).reason if asked == "auto" else AS_ASKED)


def library_task_update(asked: TaskType, question: str) -> Update:
    """Return the keys that say how a question to a library is answered.

    Raises:
        InputError: If a library does not do the task.
    """
    chosen = library_task(asked, question)
    return {"task": chosen.task, "looks_up_first": chosen.looks_up_first}


class LibraryNodes:
    """The nodes of the graph for questions to a library.

    Args:
        scope_of: Returns what a run may use.
    """

    def __init__(self, scope_of: ScopeOf) -> None:
        self.scope = scope_of
        self._libraries = OpenLibraries()

    def begin(self, given: GraphInput, scope: RunScope) -> Update:
        """Start a turn that asks a library; what the node ``memorize`` does for it.

        Raises:
            InputError: If the task, the filter or the time cannot be used.
            LibraryError: If there is no such library.
        """
        from memorag_graph.library.snapshot import Snapshot
        from memorag_graph.library.write_answer import library_generator

        library = self._libraries.open(str(given.library), scope)
        question = clean_text(question_of(given.query, given.messages).strip())
        chosen = library_task(given.task_type, question)
        Snapshot.of(library.stores.catalogue.entries(), given.where, given.as_of)  # fail now, if it cannot be used
        if chosen.task != "qa":  # and also the generator
            model = library.memories.model_name(scope.options)
            library_generator(scope.options, model, library.embeddings, scope.registry)
        is_last_message = not given.query.strip() and question_of("", given.messages)
        return {
            **NO_FINDINGS,
            "memory_id": None,
            "thread_memory_id": "",
            "thread_library": given.library,
            "thread_where": given.where,
            "thread_as_of": given.as_of,
            "asked": question,
            "question": question,
            "messages": [] if is_last_message else [HumanMessage(question)],
            "task": chosen.task,
            "looks_up_first": False,
            "trace": [TraceRecord(node=MEMORIZE, what="route", text=chosen.task, reason=chosen.reason)],
            "rounds_left": 0,
            "tokens": {MEMORIZE: 0},
        }

    def conversing(self, state: GraphState, scope: RunScope) -> Conversing:
        """Return how a conversation about a library is read: in the language of most of its documents."""
        from memorag_graph.generation.choose_generator import generator_chat
        from memorag_graph.library.route import languages_of
        from memorag_graph.prompts import Prompts
        from memorag_graph.text.languages import language

        library = self._libraries.open(state["thread_library"], scope)
        code = languages_of(LibraryRun(library, state, scope).snapshot)[0]
        model = library.memories.model_name(scope.options)
        registry, options = scope.registry, scope.options
        chat = generator_chat(options, model, lambda name: registry.chat(name, options), registry.models.salted)
        return Conversing(code, chat, Prompts(language(code), scope.options.prompts))

    @reported
    def route(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Choose the documents of a library for a question, and open the memories of the best."""
        from memorag_graph.library.asked_memories import AskedMemories, open_asked, share_made
        from memorag_graph.library.choose_documents import choose_documents
        from memorag_graph.library.considered import considered_documents, considered_trace

        run = self._run(state, runtime)
        library, snapshot = run.library, run.snapshot
        with library.worker.resting():
            chosen = choose_documents(state["question"], library.stores, snapshot, library.embeddings)
            best = chosen.searched[: run.options.memories]
            if state["task"] == "lookup":
                asked = AskedMemories(share=share_made(best, library.memories))
            else:
                asked = open_asked(best, library.memories, run.options)
        considered = considered_documents(chosen, snapshot, asked.ids(state["task"]))
        return {
            "considered": [it.to_record() for it in considered],
            "memory_share": asked.share,
            "memory_notices": [*snapshot.notices, *asked.notices],
            "trace": considered_trace(considered),
            "tokens": {"route": 0},
        }

    def after_route(self, state: GraphState) -> Sequence[Send] | AfterRoute:
        """Ask the memories of the best documents at the same time; without any, search."""
        asked = [it for it in state["considered"] if it["asked"]]
        if state["task"] == "qa" and asked:
            return "draft_answer"
        if state["task"] != "memorag" or not asked:
            return "retrieve"
        given = {"question": state["question"], "task": state["task"], "thread_library": state["thread_library"]}
        return [Send("ask_memory", {**given, "asked_document": it["id"]}) for it in asked]

    @reported
    def ask_memory(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Ask the memory of one document for clues."""
        from memorag_graph.library.memory_clues import ask_for_clues

        run = self._run(state, runtime)
        (entry,) = run.entries([state["asked_document"]]) or (None,)
        with run.library.worker.resting():
            opened = run.library.memories.open(entry, run.options).memory if entry else None
            if entry is None or opened is None:  # removed meanwhile
                return {"tokens": {"ask_memory": 0}}
            clues = ask_for_clues(entry.name, state["question"], opened, run.options)
        return {
            "document_clues": [clues.to_dict()],
            "trace": to_trace("ask_memory", clues.dropped),
            "tokens": {"ask_memory": clues.new_tokens},
        }

    def draft_answer(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Answer from the memory of the best document, and quote its nearest passages.

        Raises:
            LibraryError: If the document was removed meanwhile.
        """
        from memorag_graph.generation.memory_answer import FROM_MEMORY
        from memorag_graph.library.ask import nearest_quotes, recall_answer
        from memorag_graph.library.choose_documents import Chosen

        run, question = self._run(state, runtime), state["question"]
        library, options = run.library, run.options
        best = next(it for it in state["considered"] if it["asked"])
        with library.worker.resting():
            (entry,) = run.entries([best["id"]]) or (None,)
            opened = library.memories.open(entry, options).memory if entry else None
            if entry is None or opened is None:
                raise LibraryError(f"{best['name']} or its memory was removed meanwhile; ask again")
            nothing = Chosen([], [])
            recalled, passages = recall_answer(question, entry, opened, library.sources, options, nothing)
            draft = recalled.items[0]
            citations, confidence = nearest_quotes(question, draft, passages, library.embeddings, options)
        versions = {entry.name: entry.version}
        only_asked: list[ConsideredRecord] = [{**it, "searched": it["asked"]} for it in state["considered"]]
        update: Update = {
            **NO_ANSWER,
            "draft": draft,
            "answer": draft,
            "basis": "memory",
            "citations": [_with_version(asdict(it), versions) for it in citations],
            "confidence": confidence,
            "considered": with_cited(only_asked, {it.source for it in citations}),
            "notices": [FROM_MEMORY, *state.get("memory_notices", [])],
            "tokens": {"draft_answer": recalled.new_tokens},
        }
        return {**update, "messages": [to_message(update, recalled.message_id)]}

    def retrieve(self, state: GraphState, runtime: Runtime[Any]) -> Update:
        """Search the chosen documents with the question, and each with its own clues."""
        from memorag_graph.clue_trust import clue_weights
        from memorag_graph.library.ask import search_with_clues
        from memorag_graph.library.choose_documents import Chosen
        from memorag_graph.retrieval.clue_weights import SILENT

        run = self._run(state, runtime)
        library, clues, searched = run.library, run.clues, run.searched
        weights = clue_weights(library.memories.model(run.options)) if clues else SILENT
        with library.worker.resting():
            chosen, sources = Chosen(searched, []), library.sources
            found = search_with_clues(state["question"], chosen, clues, weights, sources, run.options)
        versions = {entry.name: entry.version for entry in searched}
        evidence = to_documents(found.evidence)
        for document in evidence:
            document.metadata["version"] = versions[document.metadata["source"]]
        return {"evidence": evidence, "trace": to_trace("retrieve", found.dropped)}

    def generate(self, state: GraphState, runtime: Runtime[Any], *, is_last_attempt: bool) -> Update:
        """Write the final answer from the evidence, as far as its documents still exist."""
        from memorag_graph.library.write_answer import generation_given, library_generator

        run = self._run(state, runtime)
        library, options, instructions = run.library, run.options, instructions_of(state["messages"])
        model, registry = library.memories.model_name(options), run.scope.registry
        with library.worker.resting():
            passages = run.passages()
            given = generation_given(
                state["question"], state["task"], passages, run.snapshot, options, run.clues, instructions
            )
            generator = library_generator(options, model, library.embeddings, registry, is_last_attempt=is_last_attempt)
            answer = generator.invoke(given)
        found, versions = from_answer(answer), {entry.name: entry.version for entry in passages.searched}
        update: Update = {
            **found,
            "citations": [_with_version(it, versions) for it in found["citations"]],
            "notices": [*found["notices"], *state.get("memory_notices", [])],
            "considered": with_cited(state["considered"], {it.source for it in answer.citations}),
            "basis": "evidence",
            "tokens": {"generate": answer.new_tokens},
        }
        return {**update, "messages": [to_message(update, answer.message_id)]}

    def _run(self, state: GraphState, runtime: Runtime[Any]) -> LibraryRun:
        scope = self.scope(runtime)
        return LibraryRun(self._libraries.open(state["thread_library"], scope), state, scope)


def _with_version(citation: Update, versions: Mapping[str, int]) -> Update:
    return {**citation, "version": versions[citation["source"]]}
