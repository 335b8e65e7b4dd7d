"""Sort the arguments of a pipeline call into question and context."""

from collections.abc import Callable, Sequence
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.settings import PromptKey

_QUESTION_MARKS = ("?", "？")
_ORIGINAL_PLACEHOLDERS = {"{context}": "{evidence}", "{input}": "{question}", "{query}": "{question}"}
MAX_TEXTS = 2
"""A question and a context."""

_LATER_ARGUMENTS = ("task_type", "prompt_template", "max_new_tokens", "reset_each_call", "use_memory_answer")
_MAX_REQUEST_LENGTH = 300
"""Maximum characters of a request for a summary; a longer text is summarized itself."""


def question_and_context(
    texts: Sequence[Any],
    query: str | None,
    context: Any,  # noqa: ANN401 - checked when it is read
    task_type: str,
    is_memorized: Callable[[str], bool],
    *,
    has_memory: bool = False,
) -> tuple[str | None, Any]:
    """Return which of the given texts is the question and which is the context.

    Args:
        texts: The positional arguments.
        query: The question, if it was named.
        context: The context, if it was named.
        task_type: The task.
        is_memorized: Returns whether a text is the memorized one.
        has_memory: Whether there is a memory to ask.

    Returns:
        The question and the context, None if not given.

    Raises:
        InputError: If there are too many texts, or the question is not a text.
    """
    if len(texts) + (query is not None) + (context is not None) > MAX_TEXTS:
        raise InputError("query", "give at most one question and one context; name all further arguments")
    if len(texts) == MAX_TEXTS:
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


def later_arguments(values: Sequence[Any]) -> dict[str, Any]:
    """Return the positional arguments after question and context by name.

    Raises:
        InputError: If there are too many.
    """
    if len(values) > len(_LATER_ARGUMENTS):
        raise InputError("query", f"at most {MAX_TEXTS + len(_LATER_ARGUMENTS)} arguments can be given")
    return dict(zip(_LATER_ARGUMENTS, values, strict=False))


def _is_context(text: Any, task_type: str, has_memory: bool) -> bool:  # noqa: ANN401
    """Return whether a single text is the context: for a summary, unless it is short and there is a memory."""
    if not isinstance(text, str):
        return True
    return task_type == "summarize" and not (has_memory and len(text) < _MAX_REQUEST_LENGTH)


def _question_first(first: Any, second: Any, is_memorized: Callable[[str], bool]) -> tuple[Any, Any]:  # noqa: ANN401
    """Return two positional texts as question and context."""
    for question, text in ((first, second), (second, first)):
        if text is None or question is None or not isinstance(text, str):
            return question, text
    for question, text in ((first, second), (second, first)):
        if is_memorized(text):
            return question, text
    is_question = [text.rstrip().endswith(_QUESTION_MARKS) for text in (first, second)]
    if is_question[0] != is_question[1]:
        return (first, second) if is_question[0] else (second, first)
    return (first, second) if len(first) <= len(second) else (second, first)


def template_for(task_type: str, template: str | None) -> dict[PromptKey, str]:
    """Return a caller's generator prompt by its key; placeholders of the original MemoRAG are converted."""
    if template is None:
        return {}
    for original, placeholder in _ORIGINAL_PLACEHOLDERS.items():
        template = template.replace(original, placeholder)
    return {"sum_gen" if task_type == "summarize" else "qa_gen": template}
