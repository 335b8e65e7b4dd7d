"""The options of a run that a program starts: from its context, its config, or the context of a parent graph."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from langgraph.config import get_config
from pydantic import BaseModel, ConfigDict, ValidationError

from memorag_graph.errors import InputError
from memorag_graph.option_errors import input_error
from memorag_graph.settings import RunOptions, run_options

KEY = "memorag"
"""Key under which the context of a parent graph, or its ``configurable``, may hold options for this one."""

_OFTEN_ANOTHERS = frozenset(
    {
        "model",
        "embedding_model",
        "temperature",
        "prompts",
        "device",
        "dtype",
        "kind",
        "index",
        "generator",
        "length",
        "adapter",
        "memory",
    }
)
"""Options whose names a parent graph is likely to use for its own purposes; for this graph they stand under the key."""

_PLAIN = (str, bytes, int, float, list, tuple, set)
"""Types that hold no options by name; given to this graph itself, they are a mistake."""

_INSIDE = "|"
"""Separates the names of nested graphs in LangGraph's checkpoint namespace."""


class ContextOptions(RunOptions):
    """:class:`RunOptions` as the context of a graph: bad options in a mapping are refused by name."""

    model_config = ConfigDict(title="RunOptions")

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - any option
        """Check the options.

        Raises:
            InputError: If one is unknown, out of range or of the wrong type.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise input_error(error) from None


def options_of_run(context: object) -> RunOptions:
    """Return the options of the run that the calling node belongs to.

    Options of the context take precedence over those in ``config["configurable"]``. From the context of a parent graph,
    which may be of any type, come the options under :data:`KEY`, and those of the same name unless the name is likely
    to mean something else there, such as ``model``. Everything else in it is ignored.

    Args:
        context: The run's context: options, the context of a parent graph, or None.

    Raises:
        InputError: If an option is invalid.
    """
    configurable = get_config().get("configurable", {})
    is_inside = _INSIDE in str(configurable.get("checkpoint_ns", ""))
    if not is_inside and isinstance(context, _PLAIN):
        raise InputError("context", f"must be RunOptions or a mapping of options, not {type(context).__name__}")
    chosen = _named(configurable, is_shared=is_inside)
    chosen |= _set(context) if isinstance(context, RunOptions) else _named(_as_mapping(context), is_shared=True)
    return run_options(chosen)


def _named(values: Mapping[str, Any], *, is_shared: bool) -> dict[str, Any]:
    """Return the options among values, which a parent graph may share."""
    names = RunOptions.model_fields.keys() - (_OFTEN_ANOTHERS if is_shared else set())
    own = values.get(KEY)
    if isinstance(own, RunOptions):
        own = _set(own)
    elif own is None:
        own = {}
    elif not isinstance(own, Mapping):
        raise InputError(KEY, f"must hold options of memorag_graph, not {type(own).__name__}")
    return {name: values[name] for name in values.keys() & names if values[name] is not None} | dict(own)


def _set(options: RunOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.model_fields_set}


def _as_mapping(context: object) -> Mapping[str, Any]:
    """Return the fields of a parent's context; none if it is of a type that has no fields."""
    if isinstance(context, Mapping):
        return context
    if isinstance(context, BaseModel):
        return {name: getattr(context, name) for name in type(context).model_fields}
    if is_dataclass(context):
        return {field.name: getattr(context, field.name) for field in fields(context)}
    return getattr(context, "__dict__", {})
