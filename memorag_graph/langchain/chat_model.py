"""A memory as a LangChain chat model."""

from functools import partial

from langchain_core.language_models import BaseChatModel

from memorag_graph.errors import InputError
from memorag_graph.generation.choose_generator import generator_chat
from memorag_graph.graph import registry as shared_registry
from memorag_graph.langchain.chat_with_tools import MemoryChatWithTools
from memorag_graph.langchain.given_options import Options, given_options
from memorag_graph.memory.backends.served import ServedMemoryModel
from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.open_memory import OpenMemory
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions


def memory_chat(
    memory_id: str, *, shard: int | None = None, registry: Registry = shared_registry, options: Options | None = None
) -> MemoryChat:
    """Return a chat model that answers your own prompts from a memory, without retrieval or citations.

    ``bind_tools`` and ``with_structured_output`` are the generator's, which reads the memory's notes as a text.

    Args:
        memory_id: Id or directory of the memory.
        shard: The shard to continue, if the memory has several.
        registry: Keeps the memory.
        options: Models, maximum tokens per answer and temperature; ``generator`` calls tools and fills in schemas.

    Raises:
        InputError: If the memory has several shards and ``shard`` names none of them, or an option is invalid.
        MemoryFileError: If there is no such memory, or it is damaged.

    Example:
        >>> chat = memory_chat(memory_id, options=RunOptions(max_new_tokens=16))
        >>> reply = chat.invoke("On which days does the ferry call?")
        >>> 0 < reply.usage_metadata["output_tokens"] <= 16
        True
    """
    chosen = given_options(options)
    opened = registry.whole(memory_id, chosen)
    count = len(opened.memory.shards)
    if shard is None and count > 1:
        raise InputError(
            "shard", f"the memory has {count} shards; name one, or ask all of them with memorag_chain(task_type='qa')"
        )
    if not 0 <= (shard or 0) < count:
        raise InputError("shard", f"must be from 0 to {count - 1}, not {shard}")
    return MemoryChatWithTools(
        **dict(opened.chat(chosen)) | {"shard": shard or 0}, generator=partial(_generator, opened, registry, chosen)
    )


def _generator(opened: OpenMemory, registry: Registry, options: RunOptions) -> BaseChatModel | None:
    """Return the chat model that may call tools; None if answers are quotations or a local model's."""
    own, salted = opened.memory.identity.model, registry.models.salted
    chat = generator_chat(options, own, lambda name: registry.chat(name, options, opened), salted)
    if not isinstance(chat, MemoryChat):
        return chat
    model = chat.memory_model
    return model.salted(model.language_model.chat) if isinstance(model, ServedMemoryModel) else None
