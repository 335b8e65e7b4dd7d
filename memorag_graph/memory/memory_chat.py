"""Chat with a memory as a LangChain chat model: every prompt continues the memory."""

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from memorag_graph.errors import InputError
from memorag_graph.memory.answer_end import AnswerEnd
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.memory_model import Completion, MemoryModel
from memorag_graph.models.chat_template import Role, Turn
from memorag_graph.models.sampling import Sampling


class MemoryChat(BaseChatModel):
    """Chats with a memory, or without one, using a local or served language model.

    System messages are put before the next user message, because the start of a memory is fixed when it is built. If a
    conversation ends with an assistant message, a local model continues that message.
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

    @property
    def _llm_type(self) -> str:
        return "memorag-memory"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": self.memory_model.language_model.name,
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
        answer = self.memory_model.complete(
            self.memory,
            to_turns(messages),
            self._sampling(),
            self._end(stop),
            shard=self.shard,
            adapted=self.adapted,
        )
        text = _cut(answer.text, stop)
        message = AIMessage(
            content=text,
            usage_metadata=self._usage(answer),
            response_metadata=_finish(answer),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Iterator[ChatGenerationChunk]:
        if stop:  # where to cut the answer is known only at its end
            yield from self._stream_at_once(messages, stop)
            return
        stream = self.memory_model.stream(
            self.memory,
            to_turns(messages),
            self._sampling(),
            self._end(None),
            shard=self.shard,
            adapted=self.adapted,
        )
        for text in stream:
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
            if run_manager:
                run_manager.on_llm_new_token(text, chunk=chunk)
            yield chunk
        answer = stream.completion
        last = AIMessageChunk(
            content="",
            usage_metadata=self._usage(answer),
            response_metadata=_finish(answer),
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=last)

    def _stream_at_once(self, messages: list[BaseMessage], stop: list[str]) -> Iterator[ChatGenerationChunk]:
        message = self._generate(messages, stop).generations[0].message
        usage = message.usage_metadata if isinstance(message, AIMessage) else None
        yield ChatGenerationChunk(
            message=AIMessageChunk(content=message.text, usage_metadata=usage, chunk_position="last")
        )

    def _sampling(self) -> Sampling:
        return Sampling(self.max_new_tokens, self.temperature, self.top_p, no_repeat=self.no_repeat)

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


def _finish(answer: Completion) -> dict[str, str]:
    return {"finish_reason": "stop" if answer.ended else "length"}


def _cut(text: str, stop: Sequence[str] | None) -> str:
    for word in stop or ():
        text = text.partition(word)[0]
    return text
