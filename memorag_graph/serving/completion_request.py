"""What clients of OpenAI's protocol send, and what of it is honoured or refused."""

from collections.abc import Mapping
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, ConfigDict, Field

from memorag_graph.call_options import CallOptions
from memorag_graph.errors import InputError
from memorag_graph.serving.client_options import QUESTION_OPTIONS
from memorag_graph.settings import TASKS, TaskType

_MOST_STOPS = 4
_FEWEST_TOKENS = 10

_CALLERS = frozenset({"user", "metadata", "safety_identifier", "prompt_cache_key", "service_tier", "store", "seed"})
"""Parameters that say something about the caller or the server's resources, not about the answer. With temperature 0 an
answer is the same each time, whatever the seed."""

_WITHOUT_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "top_p": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "parallel_tool_calls": (True, False),
}
"""Parameters of the protocol that are accepted only with values that change nothing."""

_OWN = QUESTION_OPTIONS - {"max_new_tokens", "temperature"}
"""Options of a question that the protocol does not have."""

_MESSAGES: Mapping[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "developer": SystemMessage,
    "user": HumanMessage,
    "assistant": AIMessage,
}


class ChatTurn(BaseModel):
    """A message of the conversation."""

    model_config = ConfigDict(extra="allow")  # clients send back what they got, such as annotations

    role: str = Field(description="system or developer (instructions to the generator), user, or assistant.")
    content: str | list[dict[str, Any]] | None = Field(None, description="Its text, or parts of the type text.")


class StreamOptions(BaseModel):
    """What a stream contains."""

    include_usage: bool = Field(False, description="Send the tokens used as the last chunk.")


_EXAMPLE: dict[str, Any] = {
    "model": "letters.txt",
    "messages": [{"role": "user", "content": "When did the bridge reopen?"}],
    "stream": False,
}


class ChatRequest(BaseModel):
    """A request for an answer, in OpenAI's protocol."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_EXAMPLE]})
    """What is not honoured is refused in words."""

    model: str = Field(
        description="Id or name of the memory, or name of the library; GET /v1/models lists them.", min_length=1
    )
    messages: list[ChatTurn] = Field(min_length=1, description="The conversation; it ends with the user's question.")
    stream: bool = Field(False, description="Send the answer as server-sent events while it is written.")
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=_FEWEST_TOKENS, description="Maximum tokens of the answer.")
    max_completion_tokens: int | None = Field(None, ge=_FEWEST_TOKENS, description="The newer name of max_tokens.")
    temperature: float | None = Field(None, ge=0, le=2, description="0 is deterministic, higher is more varied.")
    stop: str | list[str] | None = Field(None, description="Up to 4 texts before which the answer ends.")
    task_type: TaskType | Literal[""] = Field("", description=f"Own parameter; by default auto. {TASKS}")

    where: dict[str, Any] | list[str] | None = Field(
        None, description='Own parameter, for a library: only documents that fit, such as ["year>=2020"].'
    )
    as_of: str | None = Field(None, description="Own parameter, for a library: the time whose versions are meant.")

    def chosen_documents(self) -> dict[str, Any]:
        """Return which documents of a library are meant, if that is sent."""
        return {key: value for key in ("where", "as_of") if (value := getattr(self, key)) is not None}

    def call(self) -> CallOptions:
        """Return the options of the call.

        Raises:
            InputError: If one cannot be honoured.
        """
        given = {self.max_tokens, self.max_completion_tokens} - {None}
        if len(given) > 1:
            raise InputError("max_tokens", "differs from max_completion_tokens, which means the same; send one")
        sent = {"max_tokens": next(iter(given), None), "temperature": self.temperature, "stop": self.stop}
        call = CallOptions.of(sent)
        if len(call.stop) > _MOST_STOPS:
            raise InputError("stop", f"may have {_MOST_STOPS} texts, not {len(call.stop)}")
        return call

    def options(self) -> dict[str, Any]:
        """Return the options of the question that the protocol does not have.

        Raises:
            InputError: If there are parameters that are not honoured.
        """
        sent = {name: value for name, value in (self.model_extra or {}).items() if value is not None}
        for name, value in sent.items():
            if name in _OWN | _CALLERS or value in _WITHOUT_EFFECT.get(name, ()):
                continue
            if name in _WITHOUT_EFFECT:
                raise InputError(name, f"is not supported; leave it out, or send {_WITHOUT_EFFECT[name][0]!r}")
            raise InputError(
                name,
                f"is no parameter here; leave it out. Own ones are task_type, where, as_of, {', '.join(sorted(_OWN))}",
            )
        return {name: value for name, value in sent.items() if name in _OWN}

    def conversation(self) -> list[BaseMessage]:
        """Return the messages as LangChain's.

        Raises:
            InputError: If one is neither instructions, question nor answer, holds more than text, or the last is not
                the user's.
        """
        messages = [_message(number, turn) for number, turn in enumerate(self.messages)]
        if messages[-1].type != "human" or not messages[-1].text.strip():
            raise InputError("messages", "the last message must be the user's question")
        return messages


def _message(number: int, turn: ChatTurn) -> BaseMessage:
    field, extra = f"messages.{number}", turn.model_extra or {}
    if turn.role not in _MESSAGES or extra.get("tool_calls") or extra.get("function_call"):
        raise InputError(field, "tools are not supported; send messages of the roles system, user and assistant")
    parts = [turn.content] if isinstance(turn.content, str) else turn.content or []
    return _MESSAGES[turn.role]("\n".join(_text(field, part) for part in parts))


def _text(field: str, part: str | dict[str, Any]) -> str:
    if isinstance(part, str):
        return part
    if part.get("type") != "text" or not isinstance(part.get("text"), str):
        kind = str(part.get("type"))[:32]
        raise InputError(
            field, f"may hold only text, not {kind!r}; memorize files with POST /memories/upload, then ask"
        )
    return str(part["text"])
