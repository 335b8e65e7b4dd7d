"""A memory as a chat model that calls tools and fills in schemas, through a generator that can."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from memorag_graph.errors import InputError
from memorag_graph.memory.memory_chat import MemoryChat

_UNABLE = (
    "calls no tools and fills in no schemas; name a chat model that does as generator, as in "
    "RunOptions(generator='openai:NAME'), or give an agent memorag_tool"
)


class MemoryChatWithTools(MemoryChat):
    """Chats with a memory; where tools or a schema are asked for, the generator answers from the memory's notes.

    Keys and values belong to the model that made them, so the generator reads the notes as a text.
    """

    generator: Callable[[], BaseChatModel | None] = Field(exclude=True, repr=False)
    """Returns the generator, or None if answers are quotations or a local model's; called when it is needed."""

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the generator with tools, told what the memory holds.

        Args:
            tools: The tools.
            tool_choice: Which tool to call.
            **kwargs: More options of the generator's method.

        Raises:
            InputError: If there is no generator, it calls no tools, or a local model's memory has several shards.
        """
        with self._generating() as chat:
            return self._told() | chat.bind_tools(tools, tool_choice=tool_choice, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return the generator, told what the memory holds, that fills in a schema.

        Args:
            schema: The schema, as for any chat model of LangChain.
            include_raw: Whether to return the message, too.
            **kwargs: More options of the generator's method.

        Raises:
            InputError: If there is no generator, it fills in no schemas, or a local model's memory has several shards.
        """
        with self._generating() as chat:
            return self._told() | chat.with_structured_output(schema, include_raw=include_raw, **kwargs)

    @contextmanager
    def _generating(self) -> Iterator[BaseChatModel]:
        """Yield the generator; what it does not implement is an error that says what to do."""
        chat = self.generator()
        if chat is None:
            raise InputError("generator", f"{self.model_name} {_UNABLE}")
        try:
            yield chat
        except NotImplementedError:
            raise InputError("generator", f"{chat.get_name()} {_UNABLE}") from None

    def _told(self) -> Runnable[LanguageModelInput, list[BaseMessage]]:
        """Return what puts the notes before a conversation."""
        text = self._notes()

        def told(given: LanguageModelInput) -> list[BaseMessage]:
            messages = self._convert_input(given).to_messages()
            own = [message.text for message in messages if message.type == "system"]
            rest = [message for message in messages if message.type != "system"]
            return [SystemMessage("\n\n".join([text, *own])), *rest]

        return RunnableLambda(told)

    def _notes(self) -> str:
        """Return the notes as a server reads them, so that its cache serves requests with and without tools."""
        if self.memory is None:
            raise InputError("memory", "there is none to tell the generator of")
        if text := self.memory.shards[self.shard].text:
            return text
        if len(self.memory.shards) > 1:
            raise InputError("shard", "a generator is told of memories of one shard only; give an agent memorag_tool")
        notes = "\n\n".join(note.text for note in self.memory.notes)
        return self.memory.prompts.fill("context", context=notes)
