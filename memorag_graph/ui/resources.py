"""What all sessions share: models, memories, the graph, and memories in the making."""

import os
from dataclasses import dataclass
from functools import cached_property

import streamlit as st

from memorag_graph.cli.run import quiet
from memorag_graph.graph import MemoragGraph, build_graph
from memorag_graph.opened import OpenMemory
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.ui.jobs import Jobs

OPTIONS = "MEMORAG_GRAPH_UI_OPTIONS"
"""Variable that hands the operator's options from the command line to the page, as JSON."""


@dataclass(frozen=True)
class Resources:
    """Shared by all sessions of the process.

    Attributes:
        options: The operator's options.
        registry: Models and memories.
        jobs: Memories in the making.
    """

    options: RunOptions
    registry: Registry
    jobs: Jobs

    @cached_property
    def graph(self) -> MemoragGraph:
        """The graph."""
        return build_graph(self.registry)

    def open(self, memory_id: str, options: RunOptions) -> OpenMemory:
        """Return a memory of the store."""
        return self.registry.open(memory_id, options)


@st.cache_resource(show_spinner=False)
def resources() -> Resources:
    """Return what is shared, made at the first use."""
    quiet()
    registry = Registry()
    options = RunOptions.model_validate_json(os.environ.get(OPTIONS, "{}"))
    return Resources(options, registry, Jobs(registry))
