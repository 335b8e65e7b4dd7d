"""Chat with a memory as a LangChain chat model: every prompt continues the memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field, model_validator

from memorag_graph.call_options import CallOptions
from memorag_graph.errors import InputError
from memorag_graph.memory.answer_end import AnswerEnd
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.memory_model import Completion, MemoryModel
from memorag_graph.models.chat_template import Role, Turn
from memorag_graph.models.sampling import Sampling
from memorag_graph.text.stop_sequences import StopSequences, before_stop


class MemoryChat(BaseChatModel):
    """Chats with a memory, or without one, using a local or served language model.

    System messages are put before the next user message, because the start of a memory is fixed when it is built. If a
    conversation ends with an assistant message, a local model continues that message.

    A call may change ``max_tokens`` (also called ``max_new_tokens``), ``temperature`` and ``stop``.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory_model: MemoryModel = Field(exclude=True, repr=False)
    memory: Memory | None = Field(default=None, exclude=True, repr=False)
    shard: int = Field(default=0, ge=0)
    """Index of the memory's shard to continue."""
    adapted: bool = False
    """Whether the memory model's adapter takes part, if it has one."""
    max_new_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    no_repeat: int = Field(default=0, ge=0)
    max_lines: int | None = Field(default=None, ge=1)
    """Stop after this many complete lines, or when lines repeat; None does not limit them."""
    stop: list[str] = Field(default_factory=list)
    """Texts before which answers end, unless a call names others."""

    @model_validator(mode="before")
    @classmethod
    def _take_standard_names(cls, values: object) -> object:
        """Take LangChain's name of the maximum tokens, too."""
        if isinstance(values, Mapping) and "max_tokens" in values:
            values = {"max_new_tokens": values["max_tokens"], **values}
            del values["max_tokens"]
        return values

    @property
    def _llm_type(self) -> str:
        return "memorag-memory"

    @property
    def model_name(self) -> str:
        """Name of the language model."""
        return str(self.memory_model.language_model.name)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:  # noqa: ANN401
        named = {"model": self.model_name, "max_tokens": self.max_new_tokens, **kwargs}
        return super()._get_ls_params(stop or self.stop, **named)

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": self.model_name,
            "memory_id": self.memory.id if self.memory else None,
            "shard": self.shard,
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
        }

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> ChatResult:
        call = self._call(stop, kwargs)
        answer = self.memory_model.complete(
            self.memory,
            to_turns(messages),
            self._sampling(call),
            self._end(call.stop),
            shard=self.shard,
            adapted=self.adapted,
        )
        message = AIMessage(
            content=before_stop(answer.text, call.stop),
            usage_metadata=self._usage(answer),
            response_metadata=self._metadata(answer),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Iterator[ChatGenerationChunk]:
        call = self._call(stop, kwargs)
        ending = StopSequences(call.stop)
        stream = self.memory_model.stream(
            self.memory,
            to_turns(messages),
            self._sampling(call),
            self._end(call.stop),
            shard=self.shard,
            adapted=self.adapted,
        )
        for piece in stream:
            if text := ending.read(piece):
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
                if run_manager:
                    run_manager.on_llm_new_token(text, chunk=chunk)
                yield chunk
        answer = stream.completion
        last = AIMessageChunk(
            content=ending.rest(),
            usage_metadata=self._usage(answer),
            response_metadata=self._metadata(answer),
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=last)

    def _call(self, stop: list[str] | None, call: Mapping[str, Any]) -> CallOptions:
        """Return the options of a call.

        Raises:
            InputError: If one is unknown or invalid.
        """
        return CallOptions.of({**call, "stop": self.stop if stop is None else stop})

    def _sampling(self, call: CallOptions) -> Sampling:
        chosen = {"max_new_tokens": self.max_new_tokens, "temperature": self.temperature, **call.changes()}
        return Sampling(**chosen, top_p=self.top_p, no_repeat=self.no_repeat)

    def _metadata(self, answer: Completion) -> dict[str, str]:
        return {"finish_reason": "stop" if answer.ended else "length", "model_name": self.model_name}

    def _end(self, stop: Sequence[str] | None) -> AnswerEnd | None:
        """Return the check that ends one answer, or None if the model ends it."""
        return AnswerEnd(stop or (), self.max_lines) if stop or self.max_lines is not None else None

    @staticmethod
    def _usage(answer: Completion) -> UsageMetadata:
        return UsageMetadata(
            input_tokens=answer.prompt_tokens,
            output_tokens=answer.new_tokens,
            total_tokens=answer.prompt_tokens + answer.new_tokens,
            input_token_details=InputTokenDetails(cache_read=answer.cached_tokens),
        )


def to_turns(messages: Sequence[BaseMessage]) -> list[Turn]:
    """Convert LangChain messages to a conversation that alternates between user and assistant.

    Raises:
        InputError: If the conversation does not begin with a user message, or has a message of another type.
    """
    turns: list[Turn] = []
    for message in messages:
        if message.type not in ("system", "human", "ai"):
            raise InputError(
                "messages", f"a message of type {message.type!r} is not supported; send system, human or ai messages"
            )
        role: Role = "assistant" if message.type == "ai" else "user"
        if turns and turns[-1].role == role:
            turns[-1] = Turn(role, f"{turns[-1].text}\n\n{message.text}")
        else:
            turns.append(Turn(role, message.text))
    if not turns or turns[0].role != "user":
        raise InputError("messages", "the conversation must begin with a user message")
    return turns
