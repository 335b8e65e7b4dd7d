"""Ask a chat model served by OpenAI, Azure OpenAI or DeepSeek through the interface of a local model."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput

from memorag_graph.errors import InputError
from memorag_graph.providers.provider_models import ProviderModel, Source, check_number
from memorag_graph.providers.usage import Prices, Usage, UsageMeter
from memorag_graph.text.checks import texts_of

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

_FREE = Prices(0.0, 0.0)
_KINDS_OF_TOKENS = (2, 3)


class Agent:
    """A served chat model: ask it with :meth:`generate`, or give it to a pipeline as ``customized_gen_model``.

    Requests with a temporary failure (rate limit, timeout, broken connection, server error) are retried with growing
    pauses. The key never appears in the object's repr or in errors.

    Args:
        model: Name of the model, for example ``"gpt-4o"``; for Azure, of the deployment.
        source: ``"openai"``, ``"azure"`` or ``"deepseek"``.
        api_dict: ``api_key``, ``base_url`` (Azure: ``azure_endpoint``, ``azure_deployment``, ``api_version``),
            ``organization``, ``timeout``, ``max_retries``, ``default_headers`` (sent with each request),
            ``extra_body`` (fields added to each request); missing ones are read from the source's environment
            variables.
        temperature: 0 is deterministic; higher values, up to 2, are more varied.
        max_new_tokens: Maximum tokens per answer.
        timeout: Seconds to wait for an answer.
        max_retries: Retries of a request after temporary failures.
        prices: Prices per million tokens read and generated, and of those read from the server's cache if they cost
            less.
        max_cost: Maximum cost of all calls together; a call that may exceed it is not made. A lost answer counts in
            full; retries by the client count once.

    Raises:
        InputError: If an argument is unknown or out of range.
        ModelError: If there is no key.
        MissingExtraError: If the source's package is not installed.

    Example:
        >>> agent = Agent("gpt-4o", api_dict={"api_key": "sk-...", "base_url": server_url})
        >>> agent.generate("Who was proud of the harbour at Thorle?")
        ['Captain Struan was proud of the harbour at Thorle [1].']
        >>> agent.usage.calls
        1
    """

    def __init__(
        self,
        model: str,
        source: Source = "openai",
        api_dict: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
        *,
        max_new_tokens: int = 1024,
        timeout: float = 60.0,
        max_retries: int = 3,
        prices: tuple[float, float] | tuple[float, float, float] | None = None,
        max_cost: float | None = None,
    ) -> None:
        check_number("max_new_tokens", max_new_tokens)
        check_number("timeout", timeout)
        check_number("max_retries", max_retries)
        if api_dict is not None and not isinstance(api_dict, Mapping):
            raise InputError(
                "api_dict", f"must be a dict, for example {{'api_key': ...}}, not {type(api_dict).__name__}"
            )
        if max_cost is not None and (prices is None or not max_cost > 0):  # also refuses NaN
            raise InputError("max_cost", "must be positive, and needs prices=(input, output) per million tokens")
        if prices is not None and (len(prices) not in _KINDS_OF_TOKENS or not all(price >= 0 for price in prices)):
            raise InputError(
                "prices", f"must be two or three numbers from 0 up, (input, output, cached input), not {prices}"
            )
        self.model = model
        self.source = source
        self._provider_model = ProviderModel(source, model, dict(api_dict or {}), temperature)
        self._meter = UsageMeter(Prices(*prices) if prices else _FREE, max_cost, max_new_tokens)
        self._settings = {"max_tokens": max_new_tokens, "timeout": timeout, "max_retries": max_retries}

    def __repr__(self) -> str:
        """Show the model, but not its key."""
        return f"Agent({self.model!r}, source={self.source!r})"

    @cached_property
    def chat(self) -> BaseChatModel:
        """The LangChain chat model; all its calls are counted, however they are made."""
        return self._provider_model.chat(**self._settings, callbacks=[self._meter])

    @property
    def usage(self) -> Usage:
        """Calls, tokens and cost so far."""
        return self._meter.usage

    def generate(
        self,
        prompts: str | Sequence[str],
        batch_size: int = 1,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
    ) -> list[str]:
        """Answer prompts, in order.

        Args:
            prompts: One prompt or several, each a message of the user.
            batch_size: Maximum concurrent requests.
            max_new_tokens: Maximum tokens per answer; by default the agent's.
            temperature: By default the agent's.

        Raises:
            CostLimitError: If a call may exceed ``max_cost``.
            ModelError: If the server cannot be reached or does not answer.
            InputError: If an argument is out of range.
        """
        if batch_size < 1:
            raise InputError("batch_size", f"must be at least 1, not {batch_size}")
        inputs: list[LanguageModelInput] = [*texts_of("prompts", prompts)]
        if max_new_tokens is not None:
            check_number("max_new_tokens", max_new_tokens)
        if temperature is not None:
            check_number("temperature", temperature)
        changes = {"max_tokens": max_new_tokens, "temperature": temperature}
        chat = self.chat.model_copy(update={name: value for name, value in changes.items() if value is not None})
        replies = chat.batch(inputs, {"max_concurrency": batch_size}, return_exceptions=True)
        return [_text(reply) for reply in replies]


def _text(reply: "AIMessage | BaseException") -> str:
    if isinstance(reply, BaseException):
        raise reply
    return str(reply.text)
