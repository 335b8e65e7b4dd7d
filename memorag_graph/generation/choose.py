"""The name of a generator → the generator."""

from collections.abc import Callable
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from memorag_graph.errors import MissingExtraError, ModelError
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.chat import ChatGenerator
from memorag_graph.generation.extractive import ExtractiveGenerator
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.settings import RunOptions

EXTRACTIVE = "extractive"
LOCAL = "local"

Generator = Runnable[GenerationInput, Answer]


def choose_generator(
    options: RunOptions, memory_model: str, embeddings: Embeddings, local_chat: Callable[[str], BaseChatModel]
) -> Generator:
    """Return the generator that the options name; a chat model falls back to quoting the evidence if it fails.

    Args:
        options: ``generator``, ``max_new_tokens`` and ``temperature`` are read.
        memory_model: Name of the memory model; the embedded one does not write answers unless asked to.
        embeddings: For the extractive generator.
        local_chat: Makes a chat model from the name of a local or hub model.

    Raises:
        ModelError: If the generator's model cannot be made.
        MissingExtraError: If it needs a package that is not installed.
    """
    extractive = ExtractiveGenerator(embeddings=embeddings)
    name = options.generator or (EXTRACTIVE if memory_model == EMBEDDED else LOCAL)
    if name == EXTRACTIVE:
        return extractive
    if name.startswith("openai:"):
        chat = _openai(name.removeprefix("openai:"), options)
    else:
        chat = local_chat(memory_model if name == LOCAL else name)
    return ChatGenerator(chat=chat).with_fallbacks([extractive], exception_key="error")


def _openai(name: str, options: RunOptions) -> BaseChatModel:
    try:
        from langchain_openai import ChatOpenAI
        from openai import OpenAIError
    except ImportError:
        raise MissingExtraError(f"the generator openai:{name}", "openai") from None
    settings: dict[str, Any] = {"max_completion_tokens": options.max_new_tokens, "temperature": options.temperature}
    try:
        return ChatOpenAI(model=name, **settings)
    except (OpenAIError, ValueError) as error:
        raise ModelError(f"the generator openai:{name} cannot be used ({error}); set OPENAI_API_KEY") from error
