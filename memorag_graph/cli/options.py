"""Command-line options made from the fields of RunOptions and ServiceOptions."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
import typer
from pydantic.fields import FieldInfo

from memorag_graph.cli.places import found_place
from memorag_graph.configuration import program_options, service_options
from memorag_graph.documents import SUFFIXES, clean_text
from memorag_graph.errors import InputError
from memorag_graph.service_settings import ServiceOptions
from memorag_graph.settings import TASKS, RunOptions

Place = Annotated[
    str,
    typer.Argument(
        help="A memory: its directory, its id or the beginning of it, or the name of a document in it.",
        metavar="MEMORY",
        callback=found_place,
    ),
]
Files = Annotated[
    list[str],
    typer.Argument(
        help=f"Files: {', '.join(SUFFIXES)} and other text. A directory: all files in it. -: the standard input.",
        metavar="FILE",
    ),
]
Question = Annotated[str, typer.Argument(help="The question; - reads it from the standard input.", metavar="QUESTION")]
Task = Annotated[str, typer.Option("--task", help=TASKS, metavar="TASK")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
OffsetUnit = Annotated[
    Literal["characters", "utf16", "bytes"],
    typer.Option(
        "--offsets",
        help="What offsets in the JSON count: characters (code points), utf16 (JavaScript, Java) or bytes (Rust, Go). "
        "Others than characters need the memorized files where they were.",
    ),
]
ShowClues = Annotated[
    bool, typer.Option("--show-clues", help="Also show the clues recalled from memory, and the decisions of the run.")
]

MODELS = ("model", "embedding_model", "device", "dtype", "fast_paths")
"""Fields that choose the models and how they run."""

FIELDS = {**RunOptions.model_fields, **ServiceOptions.model_fields}
"""The fields that are offered as options."""

_FLAGS = {
    "retrieval_chunk_size": "--chunk-size",
    "retrieval_chunk_overlap": "--chunk-overlap",
    "query_weights": "--query-weight",
    "prompts": "--prompt",
}
"""Flags that differ from the field's name."""

_METAVARS = {
    "model": "NAME|DIR|embedded",
    "embedding_model": "NAME|DIR|embedded",
    "encoding": "NAME",
    "generator": "extractive|local|SOURCE:NAME|DIR|NAME",
    "reranker": "NAME|DIR",
    "adapter": "FILE|embedded",
    "device": "NAME",
    "beacon_ratio": "NUMBER|auto",
    "query_weights": "KIND=NUMBER",
    "prompts": "KEY=TEXT|@FILE",
    "oidc_issuer": "URL",
    "oidc_audience": "NAME",
    "oidc_tenant_claim": "CLAIM",
    "oidc_role_claim": "CLAIM",
    "libraries": "DIR|URL",
}
"""Placeholders in the help for values that the field's type does not describe."""


def takes_options(*fields: str, **flags: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Offer fields of :class:`RunOptions` as flags of a command.

    The command declares a parameter ``options: RunOptions``. The flags take its place in the help; it receives the
    options of all layers (:func:`program_options`), with the flags as the last layer. A parameter
    ``service: ServiceOptions`` is replaced in the same way by flags of all its fields.

    Args:
        *fields: The fields.
        **flags: Flags of this command that differ from the usual ones, by field.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**values: Any) -> None:  # noqa: ANN401 - checked by RunOptions
            flag_values = {field: values.pop(field) for field in fields}
            options: dict[str, Any] = {"options": program_options(_arguments(flag_values))}
            if "service" in declared:
                service_values = {field: values.pop(field) for field in ServiceOptions.model_fields}
                options["service"] = service_options(_arguments(service_values))
            command(**values, **options)

        parameters: list[inspect.Parameter] = []
        declared = inspect.signature(command, eval_str=True).parameters
        for parameter in declared.values():
            if parameter.name == "options":
                parameters += [_parameter(field, flags.get(field)) for field in fields]
            elif parameter.name == "service":
                parameters += [_parameter(field, None) for field in ServiceOptions.model_fields]
            else:
                parameters.append(parameter)
        signature = inspect.Signature([each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _parameter(field: str, flag: str | None) -> inspect.Parameter:
    """Return the parameter of a flag; None, its default, means that the flag was not given."""
    definition = FIELDS[field]
    name = flag or _FLAGS.get(field) or f"--{field.replace('_', '-')}"
    kind, metavar = _type_and_metavar(field, definition)
    declared = f"{name}/--no-{name.removeprefix('--')}" if kind is bool else name
    option = typer.Option(declared, help=_help(definition), metavar=metavar)
    return inspect.Parameter(
        field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _type_and_metavar(field: str, definition: FieldInfo) -> tuple[Any, str | None]:
    """Return the type that typer parses, and the placeholder in the help; RunOptions checks the rest."""
    annotation = definition.annotation
    if annotation in (int | None, float | None):
        return get_args(annotation)[0], None
    if annotation in (bool, int, float):
        return annotation, _METAVARS.get(field)
    if get_origin(annotation) is dict:
        return list[str], _METAVARS[field]
    if get_origin(annotation) is Literal:
        return str, "|".join(get_args(annotation))
    return str, _METAVARS[field]


def _help(definition: FieldInfo) -> str:
    """Return the field's description, with its bounds or keys."""
    if get_origin(definition.annotation) is dict:
        keys = ", ".join(get_args(get_args(definition.annotation)[0]))
        return f"{definition.description} Repeatable. Keys: {keys}."
    bounds = {type(each): each for each in definition.metadata}
    low, above, high = (bounds.get(each) for each in (annotated_types.Ge, annotated_types.Gt, annotated_types.Le))
    if low and high:
        return f"{definition.description} {low.ge:,.10g} to {high.le:,.10g}."
    if above and high:
        return f"{definition.description} Above {above.gt:g}, up to {high.le:g}."
    return str(definition.description)


def _arguments(flag_values: dict[str, Any]) -> dict[str, Any]:
    """Return the flags that were given, with pairs parsed into tables."""
    arguments = {field: value for field, value in flag_values.items() if value not in (None, [])}
    for field, parse in {"query_weights": _weight, "prompts": _prompt}.items():
        if field in arguments:
            arguments[field] = dict(map(parse, arguments[field]))
    return arguments


def _weight(text: str) -> tuple[str, str]:
    kind, equals, weight = text.partition("=")
    if not equals:
        raise InputError("query-weight", f"{text!r} is not of the form KIND=NUMBER, for example draft=0.4")
    return kind, weight


def _prompt(text: str) -> tuple[str, str]:
    key, equals, template = text.partition("=")
    if not equals:
        raise InputError("prompt", f"{text!r} is not of the form KEY=TEXT or KEY=@FILE")
    if template.startswith("@"):
        path = Path(template[1:])
        try:
            template = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("prompt", f"{path} cannot be read ({error})") from None
    return key, clean_text(template)
