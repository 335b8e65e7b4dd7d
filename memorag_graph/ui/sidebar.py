"""Show widgets for the settings of questions and memories."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from memorag_graph.settings import RunOptions

GENERATORS = {
    "extractive": "quote the evidence",
    "local": "the memory model",
    "openai:gpt-4o-mini": "OpenAI",
    "deepseek:deepseek-chat": "DeepSeek",
}
_TASKS = {
    "auto": "chosen for each question",
    "memorag": "with clues from memory",
    "qa": "from memory alone",
    "summarize": "summary",
    "lookup": "without the memory",
}
WAYS = {
    "qa": "From memory alone",
    "memorag": "With clues from memory",
    "lookup": "By search alone",
    "summarize": "As a summary",
}
"""How an answer came about, by the task that was run."""

_LIBRARY_TASKS = {
    "auto": "chosen for each question",
    "memorag": "with clues from memories",
    "qa": "from one memory alone",
    "lookup": "without memories",
}


@dataclass(frozen=True)
class Chosen:
    """A session's choices.

    Attributes:
        task: The task.
        compare: Whether each question is also answered without clues.
        options: The options.
        about: What is asked, as inputs of the graph.
    """

    task: str
    compare: bool
    options: RunOptions
    about: Mapping[str, Any] = field(default_factory=dict)


def ways_of(about: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the ways in which a memory or a library can be asked."""
    return {task: way for task, way in WAYS.items() if "library" not in about or task in _LIBRARY_TASKS}


def settings(defaults: RunOptions, *, of_library: bool = False, any_model: bool = True) -> Chosen:
    """Show the settings, with the tasks of a memory or of a library, and return the choices.

    Args:
        defaults: The operator's options.
        of_library: Whether a library is asked.
        any_model: Whether the visitor may name the model that writes answers; others get the operator's.
    """
    tasks, key = (_LIBRARY_TASKS, "library-task") if of_library else (_TASKS, "task")
    task = st.selectbox("Task", list(tasks), format_func=lambda task: f"{task}: {tasks[task]}", key=key)
    compare = st.toggle("Compare with plain RAG", key="compare", help="Also answer each question without clues.")
    with st.expander("Settings"):
        generator = _choose_generator(defaults) if any_model else defaults.generator
        values = {
            "generator": generator or "extractive",
            "max_new_tokens": st.slider("Max new tokens", 10, 1024, defaults.max_new_tokens, key="max_new_tokens"),
            "temperature": st.slider("Temperature", 0.0, 2.0, defaults.temperature, 0.1, key="temperature"),
            "hits": _slider("Passages per search", 1, 200, defaults.hits, 1, key="hits"),
            "evidence_tokens": _slider("Evidence (tokens)", 128, 4096, defaults.evidence_tokens, 64, key="evidence"),
            "use_memory_answer": st.toggle("Draft an answer from memory", defaults.use_memory_answer, key="draft"),
        }
        st.caption("For a new memory:")
        smallest = max(16, defaults.retrieval_chunk_overlap + 1)
        values["retrieval_chunk_size"] = _slider(
            "Chunk size (tokens)", smallest, 1024, defaults.retrieval_chunk_size, 16, key="chunk_size"
        )
        at_once = st.toggle(
            "Ask before the memory is made",
            defaults.memory != "now",
            key="at_once",
            help="On: a document can be asked as soon as it is indexed. Off: after the model has read it.",
        )
        values["memory"] = "background" if at_once else "now"
    return Chosen(task, compare, defaults.model_copy(update=values))


def _choose_generator(defaults: RunOptions) -> str | None:
    return st.selectbox(
        "Generation model",
        list(dict.fromkeys([defaults.generator or "extractive", *GENERATORS])),
        format_func=lambda name: f"{name} ({GENERATORS[name]})" if name in GENERATORS else name,
        accept_new_options=True,
        key="generator",
        help="Writes the answer: one of these, SOURCE:NAME, a directory, or a name on the model hub.",
    )


def _slider(label: str, low: int, high: int, value: int, step: int, *, key: str) -> int:
    """Show a slider; its range is widened to include the operator's value."""
    return int(st.slider(label, min(low, value), max(high, value), value, step, key=key))
