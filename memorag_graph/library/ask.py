"""Ask a library: choose documents, ask the memories of the best for clues, find evidence, answer with citations."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from memorag_graph.clue_trust import clue_weights
from memorag_graph.clues.recall import Recalled
from memorag_graph.documents import clean_text
from memorag_graph.errors import InputError, LibraryError
from memorag_graph.generation.answer import Answer, Citation
from memorag_graph.generation.memory_answer import FROM_MEMORY, check_queries, quote_nearest
from memorag_graph.library.asked_memories import (
    LIBRARY_TASKS,
    AskedMemories,
    clues_of_all,
    make_missing,
    open_asked,
    share_made,
)
from memorag_graph.library.choose_documents import Chosen, choose_documents
from memorag_graph.library.considered import considered_documents
from memorag_graph.library.entry import Entry
from memorag_graph.library.find_passages import Passages, search_chosen
from memorag_graph.library.library_answer import LibraryAnswer
from memorag_graph.library.library_memories import LibraryMemories
from memorag_graph.library.memory_clues import DocumentClues, recollection
from memorag_graph.library.snapshot import AsOf, Snapshot
from memorag_graph.library.stores import Stores
from memorag_graph.library.where import Where
from memorag_graph.library.write_answer import generation_given, library_generator, prompts_of, rarity_of
from memorag_graph.memory_worker import MemoryWorker
from memorag_graph.open_memory import OpenMemory
from memorag_graph.retrieval.clue_weights import CAREFUL, SILENT, ClueWeights
from memorag_graph.retrieval.query import Query
from memorag_graph.routing import route
from memorag_graph.settings import RunOptions, TaskType

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from memorag_graph.registry import Registry


@dataclass(frozen=True, eq=False, slots=True)
class Sources:
    """What a question reads of a library.

    Attributes:
        stores: Its stores.
        embeddings: Its embedding model.
        registry: The models.
        memories: Its memories.
        worker: Makes its memories, and rests while a question runs.
    """

    stores: Stores
    embeddings: "Embeddings"
    registry: "Registry"
    memories: LibraryMemories
    worker: MemoryWorker


@dataclass(frozen=True, slots=True)
class LibraryQuestion:
    """A question to a library; see :meth:`memorag_graph.library.open_library.OpenLibrary.ask`."""

    text: str
    where: Where | None = None
    as_of: AsOf | None = None
    options: RunOptions = field(default_factory=RunOptions)
    task: TaskType = "lookup"
    makes_memories: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class _Found:
    snapshot: Snapshot
    passages: Passages
    asked: AskedMemories
    clues: list[DocumentClues]
    draft: str = ""
    """The answer from memory for the task ``qa``."""

    new_tokens: int = 0


def ask_library(question: LibraryQuestion, sources: Sources) -> LibraryAnswer:
    """Answer a question.

    Raises:
        InputError: If the question is empty, or its filter, time, task or an option cannot be used.
        LibraryError: If a text is missing or damaged.
        DiskError: If the library cannot be read.
        ModelError: If a model cannot be loaded.
    """
    text, start = clean_text(question.text).strip(), time.perf_counter()
    task = task_of(text, question.task)
    found = _found(text, task, question, sources)
    retrieved = time.perf_counter()
    with sources.worker.resting():
        answer = _answer(text, task, found, question.options, sources)
    timings = {"retrieve": round(retrieved - start, 3), "generate": round(time.perf_counter() - retrieved, 3)}
    passages, asked = found.passages, found.asked.ids(task)
    chosen = Chosen(passages.searched, passages.considered)
    return LibraryAnswer(
        text,
        answer,
        passages.evidence,
        considered_documents(chosen, found.snapshot, asked, {citation.source for citation in answer.citations}),
        {entry.name: entry.version for entry in passages.searched},
        task,
        "memory" if found.draft else "evidence",
        found.asked.share,
        tuple(found.clues),
        timings,
    )


def task_of(question: str, task: TaskType) -> TaskType:
    """Return the task of a question, chosen by its words for ``auto``.

    Raises:
        InputError: If the question is empty, or a library does not do the task.
    """
    if task not in LIBRARY_TASKS:
        allowed = ", ".join(LIBRARY_TASKS)
        raise InputError(
            "task", f"{task!r} is not done over a library; choose from {allowed}, or memorize the document"
        )
    if not question:
        raise InputError("question", "is empty; ask something")
    if task != "auto":
        return task
    chosen = route(question).task
    return "memorag" if chosen == "summarize" else chosen


def _found(text: str, task: TaskType, question: LibraryQuestion, sources: Sources) -> _Found:
    """Find passages; again if the library changes meanwhile, so that none comes from a removed document."""
    catalogue = sources.stores.catalogue
    while True:
        entries = catalogue.entries()
        snapshot = Snapshot.of(entries, question.where, question.as_of)
        try:
            with sources.worker.resting():
                chosen = choose_documents(text, sources.stores, snapshot, sources.embeddings)
            asked = _asked(task, chosen, question, sources)
            with sources.worker.resting():
                found = _searched(text, task, question.options, sources, snapshot, chosen, asked)
        except LibraryError:
            if catalogue.entries() is entries:
                raise
            continue
        now = {entry.id for entry in catalogue.entries()}
        if all(entry.id in now for entry in found.passages.searched):
            return found


def _asked(task: TaskType, chosen: Chosen, question: LibraryQuestion, sources: Sources) -> AskedMemories:
    """Return the memories of the best documents; only their share for a task that asks none."""
    best = chosen.searched[: question.options.memories]
    if task == "lookup":
        return AskedMemories(share=share_made(best, sources.memories))
    faults = make_missing(best, sources.memories) if question.makes_memories else []
    return open_asked(best, sources.memories, question.options, faults)


def _searched(
    text: str,
    task: TaskType,
    options: RunOptions,
    sources: Sources,
    snapshot: Snapshot,
    chosen: Chosen,
    asked: AskedMemories,
) -> _Found:
    if task == "qa" and asked.opened:
        (entry, memory), *_ = asked.opened
        recalled, passages = recall_answer(text, entry, memory, sources, options, chosen)
        return _Found(snapshot, passages, asked, [], recalled.items[0], recalled.new_tokens)
    clues = clues_of_all(text, asked, options) if task == "memorag" else []
    weights = clue_weights(asked.opened[0][1].model) if asked.opened else SILENT
    return _Found(snapshot, search_with_clues(text, chosen, clues, weights, sources, options), asked, clues)


def recall_answer(
    question: str, entry: Entry, memory: OpenMemory, sources: Sources, options: RunOptions, chosen: Chosen
) -> tuple[Recalled, Passages]:
    """Answer from the memory of a document; return the answer, and the nearest passages of the document.

    Raises:
        InputError: If the question does not fit the model's window.
        LibraryError: If the text is missing or damaged.
        ModelError: If a server does not answer.
    """
    recalled = recollection(memory, options).answer(question)
    reranker = sources.registry.models.reranker(options.reranker)
    queries, nearest = check_queries(question, recalled.items[0]), Chosen([entry], chosen.considered)
    return recalled, search_chosen(queries, nearest, sources.stores, sources.embeddings, options, reranker, CAREFUL)


def search_with_clues(
    question: str,
    chosen: Chosen,
    clues: Sequence[DocumentClues],
    weights: ClueWeights,
    sources: Sources,
    options: RunOptions,
) -> Passages:
    """Search chosen documents for a question and for clues, each in its document.

    Raises:
        LibraryError: If a text is missing or damaged.
        DiskError: If the index cannot be read.
    """
    queries = [Query("question", question), *(query for it in clues for query in it.queries())]
    reranker = sources.registry.models.reranker(options.reranker)
    return search_chosen(queries, chosen, sources.stores, sources.embeddings, options, reranker, weights)


def _answer(text: str, task: TaskType, found: _Found, options: RunOptions, sources: Sources) -> Answer:
    notices = (*found.snapshot.notices, *found.asked.notices)
    if not found.draft:
        model = sources.memories.model_name(options)
        generator = library_generator(options, model, sources.embeddings, sources.registry)
        written = generator.invoke(generation_given(text, task, found.passages, found.snapshot, options, found.clues))
        return replace(written, notices=(*written.notices, *notices))
    citations, confidence = nearest_quotes(text, found.draft, found.passages, sources.embeddings, options)
    told = (FROM_MEMORY, *notices)
    return Answer(found.draft, tuple(citations), told, confidence=confidence, new_tokens=found.new_tokens)


def nearest_quotes(
    question: str, answer: str, passages: Passages, embeddings: "Embeddings", options: RunOptions
) -> tuple[list[Citation], float]:
    """Return the quotations against which an answer from memory can be checked, and the confidence that they match."""
    if not passages.evidence:
        return [], 0.0
    prompts = prompts_of(passages, options)
    return quote_nearest(question, answer, passages.evidence, embeddings, prompts, partial(rarity_of, passages))
