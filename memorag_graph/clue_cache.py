"""Which clues a LangGraph cache may return again: those that the same memory was asked for in the same way.

A clue is decided by the memory, the question and the options, so it need not be asked for twice. With a temperature
above 0, clues are drawn anew for each question.
"""

import hashlib
import json
from collections.abc import Callable
from uuid import uuid4

from langgraph.types import CachePolicy

from memorag_graph.open_memory import OpenMemory
from memorag_graph.settings import RunOptions
from memorag_graph.state import GraphState
from memorag_graph.version import __version__


def asking_key(opened: OpenMemory, options: RunOptions) -> str:
    """Return a hash of everything but the question that decides clues; empty if they differ each time.

    Args:
        opened: The memory.
        options: The options of the run.
    """
    if options.temperature > 0:
        return ""
    adapter = opened.model.adapter
    decisive = (
        __version__,
        opened.memory.id,
        json.dumps(options.model_dump(), default=str),
        adapter.fingerprint if adapter else "",
    )
    return hashlib.sha256("\n".join(decisive).encode()).hexdigest()


def _clue_key(state: GraphState) -> str:
    """Return the key of clues in a cache; one that never comes again if they must be made anew."""
    asking = state.get("asking_key")
    return f"{asking}\n{state['question']}" if asking else uuid4().hex


CACHED_CLUES: CachePolicy[Callable[[GraphState], str]] = CachePolicy(key_func=_clue_key)
"""For the nodes that ask a memory for clues."""
