"""Counts the tokens that a served chat model is paid for, and keeps to a cost cap."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from memorag_graph.errors import CostLimitError
from memorag_graph.providers.provider_errors import status_of

_PER = 1_000_000
_TOKENS_PER_MESSAGE = 8
"""More than the markup around a message has."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices per million tokens, in any one currency.

    Attributes:
        input: Of tokens read.
        output: Of tokens written.
    """

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """Return the price of tokens read and written."""
        return (input_tokens * self.input + output_tokens * self.output) / _PER


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used so far.

    Attributes:
        calls: Requests that were answered.
        input_tokens: Tokens read.
        output_tokens: Tokens written.
        cost: By the prices given; 0 without.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0

    @property
    def total_tokens(self) -> int:
        """Tokens read and written."""
        return self.input_tokens + self.output_tokens


class UsageMeter(BaseCallbackHandler):
    """Sees every call of a chat model, streamed or not; refuses one that may cost more than is left.

    Args:
        prices: What tokens cost.
        max_cost: Most that all calls together may cost; None has no limit.
        max_tokens: Tokens that an answer may have.
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
        """Set aside what a call may cost.

        Raises:
            CostLimitError: If that is more than is left.
        """
        estimate = self._estimate(messages, kwargs.get("invocation_params", {}))
        with self._lock:
            committed = self.usage.cost + sum(self._reserved.values())
            if self._max_cost is not None and committed + estimate > self._max_cost:
                raise CostLimitError(
                    f"this call may cost up to {estimate:.4g}, but {committed:.4g} of max_cost {self._max_cost:.4g} "
                    "are used or set aside; raise max_cost, shorten the prompt, or lower max_new_tokens"
                )
            self._reserved[run_id] = estimate

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401
        """Count what a call used."""
        messages = [it.message for row in response.generations for it in row if isinstance(it, ChatGeneration)]
        found = [it.usage_metadata for it in messages if isinstance(it, AIMessage) and it.usage_metadata]
        read, written = sum(it["input_tokens"] for it in found), sum(it["output_tokens"] for it in found)
        with self._lock:
            set_aside = self._reserved.pop(run_id, 0.0)
            cost = self._prices.of(read, written) if found else set_aside  # a server that tells no usage is not free
            before = self.usage
            self.usage = replace(
                before,
                calls=before.calls + 1,
                input_tokens=before.input_tokens + read,
                output_tokens=before.output_tokens + written,
                cost=before.cost + cost,
            )

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401
        """Give back what was set aside for a call that the server refused.

        An answer that was lost, or that the caller did not read to its end, may have been written and is paid for.
        """
        with self._lock:
            set_aside = self._reserved.pop(run_id, 0.0)
            if status_of(error) is None:
                self.usage = replace(self.usage, cost=self.usage.cost + set_aside)

    def _estimate(self, messages: Sequence[Sequence[BaseMessage]], params: dict[str, Any]) -> float:
        # Every token stands for at least a byte, so this is the most that a text can be.
        read = sum(len(message.text.encode()) + _TOKENS_PER_MESSAGE for row in messages for message in row)
        limits = [params.get("max_completion_tokens"), params.get("max_tokens")]
        written = max([limit for limit in limits if limit], default=self._max_tokens)
        return self._prices.of(read, written * len(messages))
