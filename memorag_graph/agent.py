"""A chat model served by OpenAI, Azure OpenAI or DeepSeek, with the interface of a local model."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput

from memorag_graph.errors import InputError, MemoragError, ModelError
from memorag_graph.generation.faults import reason
from memorag_graph.generation.sources import Served, Source
from memorag_graph.generation.usage import Prices, Usage, UsageMeter

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

_FREE = Prices(0.0, 0.0)


class Agent:
    """A served chat model: ask it with :meth:`generate`, or give it to a pipeline as ``customized_gen_model``.

    Requests that fail for the moment (rate limits, timeouts, broken connections, server errors) are sent again with
    growing pauses. The key is in no text of this object.

    Args:
        model: The model's name, such as ``"gpt-4o"``; for Azure, the deployment's.
        source: ``"openai"``, ``"azure"`` or ``"deepseek"``.
        api_dict: ``api_key``, ``base_url`` (Azure: ``azure_endpoint``, ``azure_deployment``, ``api_version``),
            ``organization``; what is missing is read from the source's environment variables.
        temperature: 0 is deterministic; higher is more varied, up to 2.
        max_new_tokens: Longest answer in tokens.
        timeout: Seconds to wait for an answer.
        max_retries: How often a request that failed for the moment is sent again.
        prices: Prices per million tokens read and written.
        max_cost: Most that all calls together may cost by these prices; a call that may go beyond it is not made.

    Raises:
        InputError: If an argument is unknown or out of range.
        ModelError: If there is no key.
        MissingExtraError: If the source's package is not installed.
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
        prices: tuple[float, float] | None = None,
        max_cost: float | None = None,
    ) -> None:
        if max_new_tokens < 1:
            raise InputError("max_new_tokens", f"must be at least 1, not {max_new_tokens}")
        if max_cost is not None and (max_cost <= 0 or prices is None):
            raise InputError("max_cost", "must be positive, and needs prices=(input, output) per million tokens")
        if prices is not None and min(prices) < 0:
            raise InputError("prices", f"must not be negative, as in {prices}")
        self.model = model
        self.source = source
        self._served = Served(source, model, dict(api_dict or {}), temperature)
        self._meter = UsageMeter(Prices(*prices) if prices else _FREE, max_cost, max_new_tokens)
        self._settings = {"max_tokens": max_new_tokens, "timeout": timeout, "max_retries": max_retries}

    def __repr__(self) -> str:
        """Name the model, not its key."""
        return f"Agent({self.model!r}, source={self.source!r})"

    @cached_property
    def chat(self) -> BaseChatModel:
        """The LangChain chat model; its calls count, however they are made."""
        return self._served.chat(**self._settings, callbacks=[self._meter])

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
            batch_size: How many requests are under way at once.
            max_new_tokens: Longest answer in tokens; by default the agent's.
            temperature: By default the agent's.

        Raises:
            CostLimitError: If a call may cost more than is left.
            ModelError: If the server cannot be reached or does not answer.
            InputError: If an argument is out of range.
        """
        if batch_size < 1:
            raise InputError("batch_size", f"must be at least 1, not {batch_size}")
        given: list[LanguageModelInput] = [prompts] if isinstance(prompts, str) else list(prompts)
        changes = {"max_tokens": max_new_tokens, "temperature": temperature}
        chat = self.chat.model_copy(update={name: value for name, value in changes.items() if value is not None})
        replies = chat.batch(given, {"max_concurrency": batch_size}, return_exceptions=True)
        return [self._text(reply) for reply in replies]

    def _text(self, reply: "AIMessage | BaseException") -> str:
        if isinstance(reply, MemoragError) or (isinstance(reply, BaseException) and not isinstance(reply, Exception)):
            raise reply
        if isinstance(reply, Exception):  # what the server wrote may hold the key, so it is not shown as the cause
            raise ModelError(f"{self.source}:{self.model} gave no answer: {reason(reply)}") from None
        return str(reply.text)
