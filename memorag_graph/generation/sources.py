"""Where chat models are served: OpenAI, Azure OpenAI, DeepSeek → a LangChain chat model."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from memorag_graph.errors import InputError, MissingExtraError, ModelError

Source = Literal["openai", "azure", "deepseek"]
SOURCES: tuple[Source, ...] = get_args(Source)

_KEYS: Mapping[Source, str] = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
}
_COMMON = {"api_key": "api_key", "timeout": "timeout", "max_retries": "max_retries"}
_SETTINGS: Mapping[Source, Mapping[str, str]] = {
    "openai": {**_COMMON, "base_url": "base_url", "organization": "organization"},
    "azure": {
        **_COMMON,
        "azure_endpoint": "azure_endpoint",
        "endpoint": "azure_endpoint",
        "azure_deployment": "azure_deployment",
        "api_version": "api_version",
    },
    "deepseek": {**_COMMON, "base_url": "api_base", "api_base": "api_base"},
}
"""What ``api_dict`` may hold, and the names that the chat models have for it."""

_AZURE_ENDPOINT = "AZURE_OPENAI_ENDPOINT"
_AZURE_VERSION = "2024-10-21"


@dataclass(frozen=True)
class Served:
    """A served chat model, described but not yet made.

    Args:
        source: Who serves it.
        model: Its name; for Azure, the deployment's unless ``api_dict`` names another.
        api_dict: Key, address and the like; what is missing is read from the source's environment variables.
        temperature: 0 is deterministic; higher is more varied.

    Raises:
        InputError: If the source or a setting is unknown or out of range.
        ModelError: If there is no key, or for Azure no endpoint.
    """

    source: Source
    model: str
    api_dict: Mapping[str, Any] = field(default_factory=dict, repr=False)
    temperature: float = 0.0

    def __post_init__(self) -> None:
        """Check everything that can be known without asking the server."""
        if self.source not in SOURCES:
            raise InputError("source", f"{self.source!r} is unknown; choose from {', '.join(SOURCES)}")
        if not self.model.strip():
            raise InputError("model", "name the model to use")
        if not 0 <= self.temperature <= 2:
            raise InputError("temperature", f"must be from 0 to 2, not {self.temperature}")
        for name in self.api_dict:
            if name not in _SETTINGS[self.source]:
                known = ", ".join(_SETTINGS[self.source])
                raise InputError(f"api_dict.{name}", f"is unknown for {self.source}; choose from {known}")
        if not self._key():
            raise ModelError(
                f"{self.source}:{self.model} needs a key; give api_dict={{'api_key': ...}} or set {_KEYS[self.source]}"
            )
        if self.source == "azure" and not self._endpoint():
            raise ModelError(
                f"azure:{self.model} needs an endpoint; give api_dict={{'azure_endpoint': ...}} "
                f"or set {_AZURE_ENDPOINT}"
            )

    def chat(self, **settings: Any) -> BaseChatModel:  # noqa: ANN401 - the chat models' fields
        """Make the chat model.

        Args:
            **settings: ``max_tokens``, ``timeout`` (seconds), ``max_retries``, ``callbacks``; ``api_dict`` comes first.

        Raises:
            MissingExtraError: If the source's package is not installed.
        """
        names = _SETTINGS[self.source]
        given = {names[name]: value for name, value in self.api_dict.items() if value not in (None, "")}
        given = {**settings, **given, "api_key": SecretStr(self._key()), "temperature": self.temperature}
        if self.source == "openai":
            from langchain_openai import ChatOpenAI

            return ChatOpenAI(model=self.model, stream_usage=True, **given)
        if self.source == "azure":
            from langchain_openai import AzureChatOpenAI

            azure = {"azure_deployment": self.model, "api_version": _AZURE_VERSION, "azure_endpoint": self._endpoint()}
            return AzureChatOpenAI(model=self.model, stream_usage=True, **{**azure, **given})
        try:
            from langchain_deepseek import ChatDeepSeek
        except ImportError:
            raise MissingExtraError(f"deepseek:{self.model}", "deepseek") from None
        return ChatDeepSeek(model=self.model, stream_usage=True, **given)

    def _key(self) -> str:
        key = self.api_dict.get("api_key") or os.environ.get(_KEYS[self.source], "")
        return str(key.get_secret_value() if isinstance(key, SecretStr) else key)

    def _endpoint(self) -> str:
        given = self.api_dict.get("azure_endpoint") or self.api_dict.get("endpoint")
        return str(given or os.environ.get(_AZURE_ENDPOINT, ""))
