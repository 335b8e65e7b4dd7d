"""Options that clients may set; models, devices and files are the operator's."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from memorag_graph.option_errors import input_error
from memorag_graph.settings import MemorySettings, RunOptions, run_options

QUESTION_OPTIONS = frozenset(
    {"hits", "evidence_tokens", "use_memory_answer", "max_new_tokens", "length", "temperature", "prompts"}
)
"""Options of a question."""

MEMORY_OPTIONS = (frozenset(MemorySettings.model_fields) - {"index"}) | {"encoding", "memory"}
"""Options of a new memory: how and when it is made, and how its files are read."""


class _Refusing(BaseModel):
    """Options that say in words which one is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - any option
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise input_error(error) from None


def client_options(operator: RunOptions) -> type[BaseModel]:
    """Return the model of the options that clients may set; their defaults are the operator's.

    Args:
        operator: The operator's options.
    """
    named = [name for name in RunOptions.model_fields if name in QUESTION_OPTIONS | MEMORY_OPTIONS | {"memory_id"}]
    fields: dict[str, Any] = {}
    for name in named:
        field = RunOptions.model_fields[name]
        bounds = (*field.metadata, Field(description=field.description))
        fields[name] = (Annotated[(field.annotation, *bounds)], getattr(operator, name))
    return create_model("ClientOptions", __base__=_Refusing, **fields)


def chosen_options(operator: RunOptions, context: object) -> RunOptions:
    """Return the operator's options with those that a client set.

    Args:
        operator: The operator's options.
        context: The context of a run; what is no model of :func:`client_options` is left out.

    Raises:
        InputError: If two options contradict each other.
    """
    fields = type(context).model_fields if isinstance(context, BaseModel) else {}
    if not set(fields) <= QUESTION_OPTIONS | MEMORY_OPTIONS | {"memory_id"}:
        return operator
    return run_options({**operator.model_dump(), **{name: getattr(context, name) for name in fields}})
