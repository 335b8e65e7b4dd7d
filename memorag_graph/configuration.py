"""Layer the options of a run and of a service: defaults, config file, environment, command line."""

import json
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError

from memorag_graph.errors import InputError
from memorag_graph.option_errors import input_error
from memorag_graph.service_settings import ServiceOptions
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

CONFIG_FILE = "memorag-graph.toml"
"""Name of the config file in the working directory."""

CONFIG_VARIABLE = "MEMORAG_GRAPH_CONFIG"
"""Variable that names another config file."""

_PREFIX = "MEMORAG_GRAPH_"
_OTHER_VARIABLES = {
    CONFIG_VARIABLE,
    f"{_PREFIX}HOME",
    f"{_PREFIX}API_KEY",
    f"{_PREFIX}ALLOW_FILES",
    f"{_PREFIX}UI_OPTIONS",
    f"{_PREFIX}CACHE_SECRET",
    f"{_PREFIX}CATALOGUE",
}
"""Variables of the package that are no options."""

_FIELDS = {**RunOptions.model_fields, **ServiceOptions.model_fields}
"""All options: those of a run, and those of a service."""

_Options = TypeVar("_Options", bound=BaseModel)


@dataclass(frozen=True)
class _Layer:
    """Option values from one source.

    Attributes:
        origin: Names the source of a field's value in messages.
        values: The values by field.
    """

    origin: Callable[[str], str]
    values: Mapping[str, Any]


def program_options(arguments: Mapping[str, Any]) -> RunOptions:
    """Build the options of a program's run.

    Later layers override earlier ones: defaults, config file, environment, command line. Tables (``query_weights``,
    ``prompts``) are merged key by key.

    Args:
        arguments: The options given on the command line, by field of :class:`RunOptions`.

    Raises:
        InputError: If the config file cannot be read, or a key or value in any layer is invalid; the message names the
            field and the file or variable.
    """
    return _layered(RunOptions, arguments)


def service_options(arguments: Mapping[str, Any]) -> ServiceOptions:
    """Build the options of a service from the same layers.

    Args:
        arguments: The options given on the command line, by field of :class:`ServiceOptions`.

    Raises:
        InputError: As :func:`program_options`.
    """
    return _layered(ServiceOptions, arguments)


def _layered(kind: type[_Options], arguments: Mapping[str, Any]) -> _Options:
    """Build options of one kind; fields of the other kind are left to that."""
    layers = [_file_layer(), _environment_layer(), _Layer(lambda _: "", arguments)]
    values: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.values.items():
            if name in _FIELDS and name not in kind.model_fields:
                continue
            earlier = values.get(name)
            is_table = isinstance(value, Mapping) and isinstance(earlier, Mapping)
            values[name] = {**earlier, **value} if is_table else value  # type: ignore[dict-item]
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise input_error(error, _origin(error, layers)) from None


def _file_layer() -> _Layer:
    from pydantic_settings import TomlConfigSettingsSource

    named = os.environ.get(CONFIG_VARIABLE)
    path = Path(named).expanduser() if named else Path(CONFIG_FILE)
    if not path.is_file():
        if named:
            raise InputError(CONFIG_VARIABLE, f"{named} is not a file; correct or unset the variable")
        return _Layer(lambda _: str(path), {})
    try:
        return _Layer(lambda _: str(path), TomlConfigSettingsSource(_settings_class(), path)())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(str(path), f"is not valid TOML ({error})") from None


def _environment_layer() -> _Layer:
    from pydantic_settings import EnvSettingsSource

    known = _OTHER_VARIABLES | {_variable(field) for field in _FIELDS}
    for name in os.environ:
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            raise InputError(name, "is not a setting; correct or unset the variable")
    values = EnvSettingsSource(_settings_class())()
    return _Layer(_variable, {field: _decoded(field, value) for field, value in values.items()})


def _decoded(field: str, text: str) -> object:
    """Parse the JSON of a table; leave other values to validation."""
    if get_origin(_FIELDS[field].annotation) is not dict:
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(field, f"is not a JSON object: {error} (in {_variable(field)})") from None


def _variable(field: str) -> str:
    return _PREFIX + field.upper()


def _settings_class() -> "type[BaseSettings]":
    from pydantic_settings import BaseSettings, SettingsConfigDict

    class ProgramOptions(RunOptions, ServiceOptions, BaseSettings):
        """Describes the fields to the readers of environment and file."""

        model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, enable_decoding=False)

    return ProgramOptions


def _origin(error: ValidationError, layers: Sequence[_Layer]) -> str:
    """Return the file or variable that an invalid value comes from; empty for the command line."""
    path = error.errors()[0]["loc"]
    return next((layer.origin(str(path[0])) for layer in reversed(layers) if _holds(layer.values, path)), "")


def _holds(values: object, path: Sequence[int | str]) -> bool:
    for key in path:
        if not isinstance(values, Mapping):
            return True
        if key not in values:
            return False
        values = values[key]
    return True
