"""Send one prompt to all shards of a memory at once."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, get_executor_for_config

from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.unstreamed import hidden


class ShardedChat:
    """Chats that continue the shards of one memory.

    Args:
        chat: Continues the memory; its settings are the defaults.
    """

    def __init__(self, chat: MemoryChat) -> None:
        self._chat = chat
        self._shards = range(len(chat.memory.shards) if chat.memory else 1)

    @property
    def max_new_tokens(self) -> int:
        """Maximum tokens of an answer."""
        return self._chat.max_new_tokens

    @property
    def begins_answers(self) -> bool:
        """Whether the model can continue the start of an answer."""
        return self._chat.memory_model.begins_answers

    def __len__(self) -> int:
        return len(self._shards)

    def ask(
        self,
        messages: Sequence[BaseMessage],
        config: RunnableConfig | None,
        **changes: Any,  # noqa: ANN401 - fields of MemoryChat
    ) -> list[AIMessage]:
        """Return every shard's reply, in their order.

        Args:
            messages: The prompt.
            config: Config of the run; replies of several shards are never streamed.
            **changes: Fields of :class:`MemoryChat` to set.
        """
        chats = [self._chat.model_copy(update={**changes, "shard": shard}) for shard in self._shards]
        if len(chats) == 1:
            return [chats[0].invoke(messages, config)]
        with get_executor_for_config(ensure_config(config)) as executor:
            return list(executor.map(lambda chat: chat.invoke(messages, hidden(config)), chats))

    def ask_alone(
        self,
        messages: Sequence[BaseMessage],
        config: RunnableConfig | None,
        **changes: Any,  # noqa: ANN401 - fields of MemoryChat
    ) -> AIMessage:
        """Return the model's reply without the memory."""
        return self._chat.model_copy(update={**changes, "memory": None}).invoke(messages, config)
