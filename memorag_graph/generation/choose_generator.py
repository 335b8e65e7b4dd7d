"""Choose the generator that the options name."""

from collections.abc import Callable

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableLambda

from memorag_graph.errors import ModelUnavailableError
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.chat_generator import ChatGenerator
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.providers.provider_errors import is_transient, reason
from memorag_graph.providers.provider_models import ProviderModel
from memorag_graph.settings import RunOptions

EXTRACTIVE = "extractive"
LOCAL = "local"

Generator = Runnable[GenerationInput, Answer]

Salted = Callable[[str, BaseChatModel], BaseChatModel]
"""Takes the name of a served model and its chat model."""


def choose_generator(
    options: RunOptions,
    memory_model: str,
    embeddings: Embeddings,
    local_chat: Callable[[str], BaseChatModel],
    salted: Salted | None = None,
    *,
    is_last_attempt: bool = True,
) -> Generator:
    """Return the generator that the options name; if a chat model fails, the evidence is quoted instead.

    Args:
        options: ``generator``, ``max_new_tokens`` and ``temperature`` are read.
        memory_model: Name of the memory model; the embedded one writes answers only if ``generator`` is ``"local"``.
        embeddings: Embeds questions, statements and sentences.
        local_chat: Returns a chat model by the name of a registered, local or hub model.
        salted: Has a served model read the cache of the tenant who asks; needed only if there are several.
        is_last_attempt: Whether the evidence is quoted after transient errors, too; otherwise they are raised.

    Raises:
        InputError: If the name of a served model is incomplete.
        ModelError: If the generator's model cannot be loaded.
        MissingExtraError: If a package for it is not installed.
    """
    extractive = ExtractiveGenerator(embeddings=embeddings)
    chat = generator_chat(options, memory_model, local_chat, salted)
    if chat is None:
        return extractive
    generator = ChatGenerator(chat=chat, embeddings=embeddings)
    if is_last_attempt:
        return generator.with_fallbacks([extractive], exception_key="error")
    return _first_attempt(generator, extractive)


def generator_chat(
    options: RunOptions,
    memory_model: str,
    local_chat: Callable[[str], BaseChatModel],
    salted: Salted | None = None,
) -> BaseChatModel | None:
    """Return the chat model that writes the answers; None if they are quotations.

    The arguments and errors are those of :func:`choose_generator`.
    """
    name = options.generator or (EXTRACTIVE if memory_model == EMBEDDED else LOCAL)
    if name == EXTRACTIVE:
        return None
    if (served := _served(name, options)) is not None:
        return salted(name, served) if salted else served
    return local_chat(memory_model if name == LOCAL else name)


def _first_attempt(generator: Generator, fallback: Generator) -> Generator:
    """Raise transient errors without the server's text: LangGraph logs errors, and the text may repeat a key."""

    def stand_in(given: GenerationInput) -> Answer | ModelUnavailableError:
        error = given.get("error")
        if error is not None and is_transient(error):
            return ModelUnavailableError(reason(error))
        return fallback.invoke(given)

    attempt: Runnable[GenerationInput, Answer | ModelUnavailableError] = generator
    return attempt.with_fallbacks([RunnableLambda(stand_in)], exception_key="error") | RunnableLambda(_or_raise)


def _served(name: str, options: RunOptions) -> BaseChatModel | None:
    """Return the chat model of a name like ``openai:gpt-4o``, or None for other names."""
    served = ProviderModel.named(name, options.temperature)
    return served.chat(max_tokens=options.max_new_tokens) if served else None


def _or_raise(outcome: Answer | ModelUnavailableError) -> Answer:
    if isinstance(outcome, ModelUnavailableError):
        raise outcome
    return outcome
