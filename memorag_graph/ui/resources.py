"""Resources that all sessions share: models, memories, libraries, the graph, jobs, conversations."""

import logging
import os
import threading
from dataclasses import dataclass

import streamlit as st

from memorag_graph.errors import MemoragError
from memorag_graph.graph import MemoragGraph, build_graph
from memorag_graph.library.named_libraries import LIBRARIES, NamedLibraries
from memorag_graph.model_pool import ModelPool
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.ui.conversation_store import ConversationStore
from memorag_graph.ui.jobs import Jobs
from memorag_graph.ui.library_changes import LibraryChanges
from memorag_graph.ui.questions import Questions

OPTIONS = "MEMORAG_GRAPH_UI_OPTIONS"
"""Environment variable that passes the operator's options to the page, as JSON."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resources:
    """Resources shared by all sessions of the process.

    Attributes:
        options: The operator's options.
        registry: Models and memories.
        jobs: Memories being built.
        conversations: The conversations.
        graph: The graph.
        questions: Questions without an answer yet.
        libraries: Libraries of many documents.
        changes: Their changes.
    """

    options: RunOptions
    registry: Registry
    jobs: Jobs
    conversations: ConversationStore
    graph: MemoragGraph
    questions: Questions
    libraries: NamedLibraries
    changes: LibraryChanges


@st.cache_resource(show_spinner=False)
def resources() -> Resources:
    """Return the shared resources; the first call creates them, and begins to load the models."""
    silence_libraries()
    registry = Registry()
    options = RunOptions.model_validate_json(os.environ.get(OPTIONS, "{}"))
    threading.Thread(target=_preload, args=(registry.models, options), daemon=True, name="preload").start()
    graph, conversations = build_graph(registry), ConversationStore()
    libraries = NamedLibraries(registry.store.root.parent / LIBRARIES, registry, options)
    return Resources(
        options,
        registry,
        Jobs(registry),
        conversations,
        graph,
        Questions(graph, conversations),
        libraries,
        LibraryChanges(libraries),
    )


def _preload(models: ModelPool, options: RunOptions) -> None:
    """Load the models while the first visitor reads the page; what fails is told by the first question."""
    try:
        models.preload(options)
    except MemoragError as error:
        _log.warning("the models were not loaded: %s", error)
