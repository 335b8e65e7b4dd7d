"""Redact the errors of served chat models: they say what to check, but never repeat the server's reply or the key.

What is secret in a request's body stays out of what callbacks and traces see, too.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Self, cast
from urllib.parse import urlsplit

import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.load.serializable import SerializedConstructor, SerializedNotImplemented
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from memorag_graph.errors import MemoragError
from memorag_graph.providers.provider_errors import as_model_error

_OPENAI = ".openai.com"
_MAY_HOLD_KEYS = ("default_headers", "extra_body")


class RedactingChat(BaseChatModel):
    """Mixin that redacts the errors of the next base, a chat model of the OpenAI family; see :func:`redacting`."""

    _model_name: str = PrivateAttr("")
    _key_setting: str = PrivateAttr("")
    _address_setting: str = PrivateAttr("")
    _may_be_own_server: bool = PrivateAttr(False)
    _secret_body: Callable[[], Mapping[str, Any]] = PrivateAttr(dict)

    def set_error_names(self, model: str, key_setting: str, address_setting: str) -> None:
        """Set the names of the model and of its settings in error messages."""
        self._model_name, self._key_setting, self._address_setting = model, key_setting, address_setting

    def set_own_server(self, value: bool) -> None:
        """Set whether the address may be that of a user's own inference server, which tells what it serves."""
        self._may_be_own_server = value

    @property
    def may_be_own_server(self) -> bool:
        """Whether the server may be a user's own one; the services of OpenAI, Azure and DeepSeek are not."""
        return self._may_be_own_server and not self._base_url.host.endswith(_OPENAI)

    @property
    def own_extra_body(self) -> dict[str, Any]:
        """The fields that the user adds to each request."""
        return dict(cast(Any, self).extra_body or {})

    def with_secret_body(self, body: Callable[[], Mapping[str, Any]]) -> Self:
        """Return the chat model with more fields in the body of each request, which callbacks and traces do not see.

        Args:
            body: Called for each request; its errors are those of the request.
        """
        other = self.model_copy()
        other._secret_body = body
        return other

    def fetch(self, path: str, body: Mapping[str, Any] | None = None, *, seconds: float = 10.0) -> Any:  # noqa: ANN401
        """Return the JSON that an address of the server answers with, asked with the chat's key and headers.

        Args:
            path: Path beside the chats' address, such as ``"models"``, or ``"../version"`` for the server's root.
            body: What to post; without it the address is only read.
            seconds: How long to wait.

        Raises:
            ModelError: If the server cannot be reached or refuses the request.
        """
        with self._redacted_errors():
            client = cast(Any, self).root_client.with_options(timeout=seconds, max_retries=1)
            address = str(self._base_url.join(path))
            return client.post(address, cast_to=object, body=body) if body else client.get(address, cast_to=object)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Leave out what may hold keys."""
        return ((name, value) for name, value in super().__repr_args__() if name not in _MAY_HOLD_KEYS)

    def to_json(self) -> SerializedConstructor | SerializedNotImplemented:
        """Describe the chat model to callbacks, without what may hold keys."""
        described = super().to_json()
        if described["type"] == "constructor":
            given = described["kwargs"].items()
            described["kwargs"] = {name: value for name, value in given if name not in _MAY_HOLD_KEYS}
        return described

    def _get_invocation_params(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """Describe a call to callbacks, without what may hold keys."""
        described = super()._get_invocation_params(*args, **kwargs)
        return {name: value for name, value in described.items() if name not in _MAY_HOLD_KEYS}

    @property
    def _base_url(self) -> httpx.URL:
        return httpx.URL(str(cast(Any, self).root_client.base_url))

    def _get_request_payload(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        payload: dict[str, Any] = super()._get_request_payload(*args, **kwargs)  # type: ignore[misc]
        if secret := self._secret_body():
            payload["extra_body"] = {**(payload.get("extra_body") or {}), **secret}
        return payload

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:  # noqa: ANN401 - LangChain's interface
        with self._redacted_errors():
            return super()._generate(*args, **kwargs)  # type: ignore[safe-super]

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:  # noqa: ANN401 - LangChain's interface
        with self._redacted_errors():
            return await super()._agenerate(*args, **kwargs)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:  # noqa: ANN401
        with self._redacted_errors():
            yield from super()._stream(*args, **kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:  # noqa: ANN401
        with self._redacted_errors():
            async for chunk in super()._astream(*args, **kwargs):
                yield chunk

    @contextmanager
    def _redacted_errors(self) -> Iterator[None]:
        from openai import OpenAIError

        try:
            yield
        except MemoragError:
            raise
        except (OpenAIError, OSError, ValueError) as error:  # ValueError: an unreadable reply
            address = f"{_shown(str(cast(Any, self).root_client.base_url))}, set by {self._address_setting}"
            raise as_model_error(error, self._model_name, self._key_setting, address) from None


@cache
def redacting(kind: type[BaseChatModel]) -> type[RedactingChat]:
    """Return a subclass of a chat model whose errors are :class:`memorag_graph.errors.ModelError`."""
    return type(kind.__name__, (RedactingChat, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})


def _shown(address: str) -> str:
    """Return an address with scheme, host, port and path only; user info and query may be secret."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
