"""Make LangChain chat models of the providers OpenAI, Azure OpenAI and DeepSeek."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from memorag_graph.errors import InputError, MissingExtraError, ModelError
from memorag_graph.providers.address_login import clients_with, login_of, without_login
from memorag_graph.providers.redacting_chat import redacting

Source = Literal["openai", "azure", "deepseek"]
SOURCES: tuple[Source, ...] = get_args(Source)

_KEYS: Mapping[Source, str] = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
}
_TABLES = ("default_headers", "extra_body")
_COMMON = {name: name for name in ("api_key", "organization", "timeout", "max_retries", *_TABLES)}
_SETTINGS: Mapping[Source, Mapping[str, str]] = {
    "openai": {**_COMMON, "base_url": "base_url"},
    "azure": {
        **_COMMON,
        "azure_endpoint": "azure_endpoint",
        "endpoint": "azure_endpoint",
        "azure_deployment": "azure_deployment",
        "api_version": "api_version",
    },
    "deepseek": {**_COMMON, "base_url": "api_base", "api_base": "api_base"},
}
"""Keys allowed in ``api_dict``, and the chat models' names for them."""

_ADDRESSES: Mapping[Source, str] = {
    "openai": "base_url or OPENAI_BASE_URL",
    "azure": "azure_endpoint or AZURE_OPENAI_ENDPOINT",
    "deepseek": "base_url or DEEPSEEK_API_BASE",
}
_ADDRESS_FIELDS: Mapping[Source, tuple[str, tuple[str, ...]]] = {
    "openai": ("base_url", ("OPENAI_API_BASE", "OPENAI_BASE_URL")),
    "azure": ("azure_endpoint", ("AZURE_OPENAI_ENDPOINT",)),
    "deepseek": ("api_base", ("DEEPSEEK_API_BASE",)),
}
"""The chat models' names for the address, and the variables that they read it from, the first one first."""

_NUMBERS = {
    "timeout": (0.001, 86_400.0),
    "max_retries": (0, 100),
    "temperature": (0.0, 2.0),
    "max_new_tokens": (1, 10_000_000),
}
"""Minimum and maximum; the timeout in seconds."""

_TIMEOUT = 60.0
_RETRIES = 2
_URLS = ("base_url", "api_base", "azure_endpoint", "endpoint")
_AZURE_ENDPOINT = "AZURE_OPENAI_ENDPOINT"
_AZURE_VERSION = "2024-10-21"


@dataclass(frozen=True)
class ProviderModel:
    """Description of a served chat model; :meth:`chat` creates it.

    Args:
        source: The provider.
        model: Name of the model; for Azure, of the deployment unless ``api_dict`` names another.
        api_dict: Key, address and other settings; missing ones are read from the provider's environment variables.
        temperature: 0 is deterministic; higher values are more varied.

    Raises:
        InputError: If the source or a setting is unknown or out of range.
        ModelError: If there is no key, for Azure no endpoint, or langchain-openai is not installed.
        MissingExtraError: If langchain-deepseek is not installed.
    """

    source: Source
    model: str
    api_dict: Mapping[str, Any] = field(default_factory=dict, repr=False)
    temperature: float = 0.0

    def __post_init__(self) -> None:
        """Check everything that does not need the server."""
        if self.source not in SOURCES:
            raise InputError("source", f"{self.source!r} is unknown; choose from {', '.join(SOURCES)}")
        if not isinstance(self.model, str) or not self.model.strip():
            raise InputError("model", "name the model to use")
        if self.source == "deepseek" and find_spec("langchain_deepseek") is None:
            raise MissingExtraError(f"deepseek:{self.model}", "deepseek")
        if self.source != "deepseek" and find_spec("langchain_openai") is None:
            raise ModelError(
                f"{self.source}:{self.model} needs the package langchain-openai: pip install langchain-openai"
            )
        check_number("temperature", self.temperature)
        for name, value in self.api_dict.items():
            self._check_setting(name, value)
        if not self._key():
            raise ModelError(
                f"{self.source}:{self.model} needs a key; give api_dict={{'api_key': ...}} or set {_KEYS[self.source]}"
            )
        if self.source == "azure" and not self._endpoint():
            raise ModelError(
                f"azure:{self.model} needs an endpoint; give api_dict={{'azure_endpoint': ...}} "
                f"or set {_AZURE_ENDPOINT}"
            )

    @classmethod
    def named(cls, name: str, temperature: float = 0.0) -> "ProviderModel | None":
        """Return the model of a name like ``"openai:gpt-4o"``, or None for other names."""
        for source in SOURCES:
            if name.startswith(f"{source}:"):
                return cls(source, name.removeprefix(f"{source}:"), {}, temperature)
        return None

    def chat(self, **settings: Any) -> BaseChatModel:  # noqa: ANN401 - the chat models' fields
        """Make the chat model.

        Args:
            **settings: ``max_tokens``, ``timeout`` (seconds, 60 by default), ``max_retries`` (2 by default),
                ``callbacks``; ``api_dict`` takes precedence.
        """
        names = _SETTINGS[self.source]
        from_user = {names[name]: value for name, value in self.api_dict.items() if value not in (None, "", {})}
        fields = {
            "timeout": _TIMEOUT,
            "max_retries": _RETRIES,
            **settings,
            **from_user,
            "api_key": SecretStr(self._key()),
            "temperature": self.temperature,
        }
        name, variables = _ADDRESS_FIELDS[self.source]
        address = next(filter(None, (fields.get(name), *map(os.environ.get, variables))), "")
        if login := login_of(address):
            fields |= {name: without_login(address), **clients_with(login)}
        if self.source == "openai":
            from langchain_openai import ChatOpenAI

            return self._make(ChatOpenAI, fields)
        if self.source == "azure":
            from langchain_openai import AzureChatOpenAI

            azure = {"azure_deployment": self.model, "api_version": _AZURE_VERSION, "azure_endpoint": self._endpoint()}
            return self._make(AzureChatOpenAI, {**azure, **fields})
        from langchain_deepseek import ChatDeepSeek

        return self._make(ChatDeepSeek, fields)

    def _make(self, kind: type[BaseChatModel], fields: Mapping[str, Any]) -> BaseChatModel:
        chat = redacting(kind)(model=self.model, stream_usage=True, **fields)
        key = f"api_dict['api_key'] or {_KEYS[self.source]}"
        chat.set_error_names(f"{self.source}:{self.model}", key, _ADDRESSES[self.source])
        chat.set_own_server(self.source == "openai")
        return chat

    def _check_setting(self, name: str, value: object) -> None:
        field = f"api_dict.{name}"
        if name not in _SETTINGS[self.source]:
            known = ", ".join(_SETTINGS[self.source])
            raise InputError(field, f"is unknown for {self.source}; choose from {known}")
        if value in (None, ""):  # same as missing
            return
        if name in _NUMBERS:
            check_number(name, value, field)
        elif name in _TABLES:
            if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
                raise InputError(field, "must be a dict with texts as keys")
            if name == "default_headers" and not all(isinstance(header, str) for header in value.values()):
                raise InputError(field, "must have texts as values")
        elif not isinstance(value, SecretStr if name == "api_key" and not isinstance(value, str) else str):
            raise InputError(field, f"must be a text, not {type(value).__name__}")
        elif name in _URLS and not _is_address(str(value)):
            raise InputError(field, "must be an address that begins with http:// or https://")

    def _key(self) -> str:
        value = self.api_dict.get("api_key") or os.environ.get(_KEYS[self.source], "")
        key = str(value.get_secret_value() if isinstance(value, SecretStr) else value).strip()
        if not key.isascii() or len(key.split()) > 1:  # invalid in an HTTP header
            raise InputError("api_key", "contains characters that are not allowed in a key; copy it again")
        return key

    def _endpoint(self) -> str:
        endpoint = self.api_dict.get("azure_endpoint") or self.api_dict.get("endpoint")
        return str(endpoint or os.environ.get(_AZURE_ENDPOINT, ""))


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        return False


def check_number(name: str, value: object, field: str = "") -> None:
    """Check that a value is a number in a setting's range.

    Args:
        name: The setting.
        value: The user's value.
        field: Name used in the error; by default the setting's.

    Raises:
        InputError: If the value is not such a number.
    """
    minimum, maximum = _NUMBERS[name]
    types = int if isinstance(minimum, int) else int | float
    if isinstance(value, bool) or not isinstance(value, types) or not minimum <= value <= maximum:
        kind = "a whole number" if types is int else "a number"
        raise InputError(field or name, f"must be {kind} from {minimum:g} to {maximum:g}, not {value!r}")
