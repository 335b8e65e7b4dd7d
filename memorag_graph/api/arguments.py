"""What a call of the pipeline was given → a question and a context."""

from collections.abc import Callable, Sequence
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.settings import PromptKey

_MARKS = ("?", "？")
_NAMES_OF_THE_ORIGINAL = {"{context}": "{evidence}", "{input}": "{question}", "{query}": "{question}"}
MOST_TEXTS = 2
"""A question and a context."""

_FURTHER = ("task_type", "prompt_template", "max_new_tokens", "reset_each_call", "use_memory_answer")
_LONGEST_REQUEST = 300
"""Characters of a request for a summary; a longer text is one to summarize."""


def sort_out(
    texts: Sequence[Any],
    query: str | None,
    context: Any,  # noqa: ANN401 - checked when it is read
    task_type: str,
    is_memorized: Callable[[str], bool],
    *,
    has_memory: bool = False,
) -> tuple[str | None, Any]:
    """Tell which of the given texts is the question and which the context.

    Args:
        texts: The unnamed ones.
        query: The question, where it is named.
        context: The context, where it is named.
        task_type: The task.
        is_memorized: Tells whether a text is the memorized one.
        has_memory: Whether there is a memory to ask.

    Returns:
        The question and the context, None where they are not given.

    Raises:
        InputError: If there are too many texts, or one is not a text.
    """
    if len(texts) + (query is not None) + (context is not None) > MOST_TEXTS:
        raise InputError("query", "give at most one question and one context; name all further arguments")
    if len(texts) == MOST_TEXTS:
        question, text = _question_first(texts[0], texts[1], is_memorized)
    elif texts and query is None and context is None and _is_context(texts[0], task_type, has_memory):
        question, text = None, texts[0]
    elif texts and query is not None:
        question, text = query, texts[0]
    else:
        question, text = (texts[0] if texts else query), context
    if question is not None and not isinstance(question, str):
        raise InputError("query", f"must be a text, not {type(question).__name__}")
    return question, text


def further(values: Sequence[Any]) -> dict[str, Any]:
    """Return the unnamed arguments after question and context by their names.

    Raises:
        InputError: If there are too many.
    """
    if len(values) > len(_FURTHER):
        raise InputError("query", f"at most {MOST_TEXTS + len(_FURTHER)} arguments can be given")
    return dict(zip(_FURTHER, values, strict=False))


def _is_context(text: Any, task_type: str, has_memory: bool) -> bool:  # noqa: ANN401
    """Tell whether a single unnamed text is the context: for a summary, unless it is short and there is a memory."""
    if not isinstance(text, str):
        return True
    return task_type == "summarize" and not (has_memory and len(text) < _LONGEST_REQUEST)


def _question_first(first: Any, second: Any, is_memorized: Callable[[str], bool]) -> tuple[Any, Any]:  # noqa: ANN401
    """Return two unnamed texts as question and context."""
    for question, text in ((first, second), (second, first)):
        if text is None or question is None or not isinstance(text, str):
            return question, text
    for question, text in ((first, second), (second, first)):
        if is_memorized(text):
            return question, text
    asks = [text.rstrip().endswith(_MARKS) for text in (first, second)]
    if asks[0] != asks[1]:
        return (first, second) if asks[0] else (second, first)
    return (first, second) if len(first) <= len(second) else (second, first)


def template_for(task_type: str, template: str | None) -> dict[PromptKey, str]:
    """Return a caller's prompt for the generator under its key, with the names of the original's placeholders."""
    if template is None:
        return {}
    for theirs, ours in _NAMES_OF_THE_ORIGINAL.items():
        template = template.replace(theirs, ours)
    return {"sum_gen" if task_type == "summarize" else "qa_gen": template}
