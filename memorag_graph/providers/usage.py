"""Count the tokens and the cost of chat models, and enforce a cost limit."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult

from memorag_graph.errors import CostLimitError
from memorag_graph.providers.provider_errors import status_of

_PER = 1_000_000
_TOKENS_PER_MESSAGE = 8
"""Upper bound of the markup around a message."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices per million tokens, in any one currency.

    Attributes:
        input: Price of tokens read.
        output: Price of tokens generated.
        cached: Price of tokens that were read from the server's cache; by default that of tokens read.
    """

    input: float
    output: float
    cached: float | None = None

    def of(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
        """Return the price of tokens read and generated; ``cached_tokens`` are among those read."""
        cached = self.input if self.cached is None else self.cached
        read = (input_tokens - cached_tokens) * self.input + cached_tokens * cached
        return (read + output_tokens * self.output) / _PER


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage so far.

    Attributes:
        calls: Answered requests.
        input_tokens: Tokens read.
        output_tokens: Tokens generated.
        cost: Cost by the given prices; 0 without prices.
        cached_tokens: Tokens among those read that the server found in its cache, as far as it tells.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    cached_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Tokens read and generated."""
        return self.input_tokens + self.output_tokens


class UsageMeter(BaseCallbackHandler):
    """Counts every call of a chat model, streamed or not; refuses a call that may exceed the cost limit.

    Args:
        prices: Prices of tokens.
        max_cost: Maximum cost of all calls together; None means no limit.
        max_tokens: Maximum tokens per answer, if a call sets no limit of its own.
    """

    raise_error = True
    run_inline = True

    def __init__(self, prices: Prices, max_cost: float | None, max_tokens: int) -> None:
        self.usage = Usage()
        self._prices = prices
        self._max_cost = max_cost
        self._max_tokens = max_tokens
        self._reserved: dict[UUID, float] = {}
        self._lock = threading.Lock()

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> None:
        """Reserve the maximum cost of a call.

        Raises:
            CostLimitError: If the call may exceed the limit.
        """
        estimate = self._estimate(messages, kwargs.get("invocation_params", {}))
        with self._lock:
            committed = self.usage.cost + sum(self._reserved.values())
            if self._max_cost is not None and committed + estimate > self._max_cost:
                raise CostLimitError(
                    f"this call may cost up to {estimate:.4g}, but {committed:.4g} of max_cost {self._max_cost:.4g} "
                    "are used or reserved; raise max_cost, shorten the prompt, or lower max_new_tokens"
                )
            self._reserved[run_id] = estimate

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401
        """Count the tokens of a call."""
        generations = [generation for row in response.generations for generation in row]
        messages = [generation.message for generation in generations if isinstance(generation, ChatGeneration)]
        usages = [message.usage_metadata for message in messages if isinstance(message, AIMessage)]
        read = sum(usage["input_tokens"] for usage in usages if usage)
        written = sum(usage["output_tokens"] for usage in usages if usage)
        cached = sum(cached_tokens(usage) or 0 for usage in usages)
        with self._lock:
            reserved = self._reserved.pop(run_id, 0.0)
            cost = self._prices.of(read, written, cached) if any(usages) else reserved  # no reported usage is not free
            before = self.usage
            self.usage = replace(
                before,
                calls=before.calls + 1,
                input_tokens=before.input_tokens + read,
                output_tokens=before.output_tokens + written,
                cost=before.cost + cost,
                cached_tokens=before.cached_tokens + cached,
            )

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401
        """Release the reserved cost of a call that the server refused.

        An answer that was lost, or not read to its end, may have been generated and charged: its reserved cost counts.
        """
        with self._lock:
            reserved = self._reserved.pop(run_id, 0.0)
            if status_of(error) is None:
                self.usage = replace(self.usage, cost=self.usage.cost + reserved)

    def _estimate(self, messages: Sequence[Sequence[BaseMessage]], params: dict[str, Any]) -> float:
        # Every token has at least one byte, so this is an upper bound.
        read = sum(len(message.text.encode()) + _TOKENS_PER_MESSAGE for row in messages for message in row)
        limits = [params.get("max_completion_tokens"), params.get("max_tokens")]
        written = max([limit for limit in limits if limit], default=self._max_tokens)
        return self._prices.of(read, written * len(messages))


def cached_tokens(usage: UsageMetadata | None) -> int | None:
    """Return the tokens of a prompt that were in the server's cache; None if the server does not tell."""
    return usage.get("input_token_details", {}).get("cache_read") if usage else None
