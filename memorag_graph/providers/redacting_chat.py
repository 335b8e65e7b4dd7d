"""Redact the errors of served chat models: they say what to check, but never repeat the server's reply or the key."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from memorag_graph.errors import MemoragError
from memorag_graph.providers.provider_errors import as_model_error


class RedactingChat(BaseChatModel):
    """Mixin that redacts the errors of the next base, a chat model of the OpenAI family; see :func:`redacting`."""

    _model_name: str = PrivateAttr("")
    _key_setting: str = PrivateAttr("")
    _address_setting: str = PrivateAttr("")

    def set_error_names(self, model: str, key_setting: str, address_setting: str) -> None:
        """Set the names of the model and of its settings in error messages."""
        self._model_name, self._key_setting, self._address_setting = model, key_setting, address_setting

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
