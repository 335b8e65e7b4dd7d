"""Validate the input of a run, and find out what it asks: a memory, texts, or a library."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from memorag_graph.errors import InputError
from memorag_graph.option_errors import input_error
from memorag_graph.settings import TASK_TYPES
from memorag_graph.state import GraphInput, question_of


def check_input(state: Mapping[str, Any], default_memory_id: str = "") -> GraphInput:
    """Validate the input of a run.

    Args:
        state: The state at the start of a turn.
        default_memory_id: The memory to ask if the input names none: of the options, else the thread's last one.

    Returns:
        The input with what it leaves to the thread. It has a ``memory_id`` unless it has a ``library``, or neither it
        nor the default names a memory.

    Raises:
        InputError: If a value cannot be used, the question is missing, or there is nothing to ask about.
    """
    if state.get("task_type") not in (None, *TASK_TYPES):
        raise InputError("task_type", f"{state['task_type']!r} is unknown; choose from {', '.join(TASK_TYPES)}")
    try:
        checked = GraphInput.model_validate({key: value for key, value in state.items() if value is not None})
    except ValidationError as error:
        raise input_error(error) from None
    if checked.task_type != "summarize" and not question_of(checked.query, checked.messages).strip():
        raise InputError("query", f"a question is needed for task_type {checked.task_type!r}")
    if (library := _library_of(checked, state, default_memory_id)) is not None:
        return checked.model_copy(update=library)
    memory_id = checked.memory_id or default_memory_id or None
    if not (checked.context or checked.documents or checked.files or memory_id):
        raise InputError("context", "nothing to ask about; give a text as context, documents, files, or a memory_id")
    return checked.model_copy(update={"memory_id": memory_id})


def _library_of(checked: GraphInput, state: Mapping[str, Any], default_memory_id: str) -> dict[str, Any] | None:
    """Return the library to ask, the filter and the time; None if none is asked.

    Raises:
        InputError: If something else is to be asked as well, or documents are chosen without a library.
    """
    other = checked.context or checked.documents or checked.files or checked.memory_id
    if checked.library and other:
        raise InputError("library", "is asked alone; leave out the text, files and memory_id")
    if checked.library:
        return {"library": checked.library, "as_of": checked.as_of or None}
    if not (other or default_memory_id) and state.get("thread_library"):
        kept = {key: state.get(f"thread_{key}") for key in ("where", "as_of") if getattr(checked, key) is None}
        return {"library": state["thread_library"], **kept}
    if checked.where or checked.as_of:
        raise InputError("where", "and as_of choose documents of a library; name one as library")
    return None
