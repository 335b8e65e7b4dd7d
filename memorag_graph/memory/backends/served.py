"""Run a memory model on a server: the memory is a text that every request begins with.

A server with automatic prefix caching (vLLM, "Automatic Prefix Caching"; the OpenAI service, "Prompt caching") keeps
the keys and values of prefixes that it has read before, so this process does not need them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_executor_for_config

from memorag_graph.errors import InputError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.build.builder import Recipe
from memorag_graph.memory.build.gist_kind import GistPlan
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.memory_model import Completion, MemoryModel
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.served_language_model import ServedLanguageModel
from memorag_graph.models.thinking import stream_without_thinking, without_thinking
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.unstreamed import HIDDEN

_AT_ONCE = 8
_UNREPORTED: RunnableConfig = {**HIDDEN, "callbacks": []}
"""For answers: the chat over the memory reports them to the caller's callbacks, which must not count them twice."""

DEFAULT_WINDOW = 32_768
"""Default window of a served model: maximum tokens of prompt and answer together."""


def served_memory_model(name: str, chat: BaseChatModel, window: int = DEFAULT_WINDOW) -> "ServedMemoryModel":
    """Return a memory model over any LangChain chat model.

    Args:
        name: Name used by the user; part of the identity of its memories.
        chat: The chat model.
        window: Maximum tokens of prompt and answer together.

    Raises:
        InputError: If the window is too small.
    """
    return ServedMemoryModel(ServedLanguageModel(name, chat, window))


class ChatGistWriter:
    """Drafts gists with a chat model, with several concurrent requests.

    Args:
        chat: The chat model.
    """

    def __init__(self, chat: BaseChatModel) -> None:
        self._chat = chat

    def draft(
        self, sections: Mapping[str, str], costs: Mapping[str, int], plan: GistPlan, report: Callable[[int], None]
    ) -> Iterator[tuple[str, str]]:
        """Yield the key and the draft of each section; see :class:`memorag_graph.memory.build.gist_kind.GistWriter`.

        After a failure no new request is sent, but running ones are awaited and used, because they cost money.

        Raises:
            ModelError: If the server does not answer.
        """

        def ask(key: str) -> str:
            request = HumanMessage(plan.request(sections[key]).text)
            reply = self._chat.invoke([request], HIDDEN, max_tokens=plan.gist_tokens)
            return without_thinking(reply.text).strip()

        failure: BaseException | None = None
        with get_executor_for_config({"max_concurrency": _AT_ONCE}) as executor:
            drafts = {executor.submit(ask, key): key for key in costs}
            try:
                for draft in as_completed(drafts):
                    if draft.cancelled():
                        continue
                    if (error := draft.exception()) is None:
                        report(0)
                        yield drafts[draft], draft.result()
                    else:
                        failure = failure or error
                        _cancel(drafts)
            finally:
                _cancel(drafts)
        if failure is not None:
            raise failure


class ServedStream:
    """The answer of a served model; see :class:`memorag_graph.memory.memory_model.TextStream`."""

    def __init__(self, chunks: Iterator[AIMessage], count: Callable[[str], int]) -> None:
        self._chunks = chunks
        self._count = count
        self._received = [AIMessageChunk(content="")]

    def __iter__(self) -> Iterator[str]:
        """Yield the answer's text piece by piece; pieces may be empty."""
        return stream_without_thinking(self._pieces())

    @property
    def completion(self) -> Completion:
        """The complete answer, once it is finished."""
        return _completion(add_ai_message_chunks(*self._received), self._count)

    def _pieces(self) -> Iterator[str]:
        for chunk in self._chunks:
            self._received.append(chunk if isinstance(chunk, AIMessageChunk) else _as_chunk(chunk))
            yield chunk.text


class ServedMemoryModel(MemoryModel):
    """Any LangChain chat model that continues memories held as texts.

    Each request is a system message with the notes of a shard, identical for every question, followed by the
    conversation.

    Args:
        language_model: The served model.
    """

    def __init__(self, language_model: ServedLanguageModel) -> None:
        self._model = language_model

    @property
    def language_model(self) -> ServedLanguageModel:
        """The served model."""
        return self._model

    @property
    def device(self) -> str:
        """The CPU: this process holds only text."""
        return "cpu"

    @property
    def begins_answers(self) -> bool:
        """False: a server cannot continue a given start of an answer."""
        return False

    def complete(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
    ) -> Completion:
        """Answer a conversation; ``complete`` is ignored, because a server cannot be stopped early.

        Raises:
            InputError: If the conversation and its answer do not fit the window, or end with the assistant's turn.
            ModelError: If the server does not answer.
        """
        messages = self._messages(memory, shard, turns, sampling)
        reply = self._model.chat.invoke(messages, _UNREPORTED, **_settings(sampling))
        return _completion(reply, self._model.count)

    def stream(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
    ) -> ServedStream:
        """Answer like :meth:`complete`, streaming the text.

        Raises:
            InputError: If the conversation and its answer do not fit the window, or end with the assistant's turn.
        """
        messages = self._messages(memory, shard, turns, sampling)
        return ServedStream(self._model.chat.stream(messages, _UNREPORTED, **_settings(sampling)), self._model.count)

    def _messages(
        self, memory: Memory | None, shard: int, turns: Sequence[Turn], sampling: Sampling
    ) -> list[BaseMessage]:
        if turns[-1].role == "assistant":
            raise InputError("messages", "a served model cannot continue an answer; end with the user's message")
        prefix = memory.shards[shard].text if memory else ""
        room = self._model.window - self._model.count(prefix) - sampling.max_new_tokens
        if (needed := self._model.count_chat(turns)) > room:
            raise InputError(
                "query",
                f"the question has about {needed:,} tokens, but the memory and an answer of {sampling.max_new_tokens} "
                f"leave {max(0, room):,} of the window of {self._model.window:,}; shorten the question, lower "
                "max_new_tokens, or raise window if the server's is longer",
            )
        opening = [SystemMessage(prefix)] if prefix else []
        return [*opening, *(_KINDS[turn.role](turn.text) for turn in turns)]

    def _drafter(self) -> ChatGistWriter:
        return ChatGistWriter(self._model.chat)

    def _prefill(
        self, texts: Sequence[Sequence[str]], recipe: Recipe, known: Memory | None, report: ReportProgress
    ) -> tuple[Shard, ...]:
        for name, only in (("kv_storage", "exact"), ("kv_keep", 1)):
            if getattr(recipe.settings, name) != only:
                raise InputError(name, f"the server holds the keys and values of this model; use {only}")
        prefixes = [recipe.prompts.fill("context", context="".join(notes).strip()) for notes in texts]
        total = sum(map(self._model.count, prefixes))
        report(Progress("memory", total, total, "tokens"))
        return tuple(map(Shard.of_text, prefixes))


def _cancel(drafts: Iterable[Future[str]]) -> None:
    """Cancel requests that have not started."""
    for draft in drafts:
        draft.cancel()


_KINDS: Mapping[str, type[BaseMessage]] = {"user": HumanMessage, "assistant": AIMessage}


def _as_chunk(whole: AIMessage) -> AIMessageChunk:
    """Convert the answer of a chat model that does not stream into a chunk."""
    return AIMessageChunk(**whole.model_dump(exclude={"type"}))


def _settings(sampling: Sampling) -> dict[str, Any]:
    """Return a request's settings, named as in OpenAI's API; at temperature 0 the chat model's own applies."""
    settings: dict[str, Any] = {"max_tokens": sampling.max_new_tokens}
    if sampling.temperature > 0:
        settings |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return settings


def _completion(reply: AIMessage, count: Callable[[str], int]) -> Completion:
    text = without_thinking(reply.text).strip()
    ended = reply.response_metadata.get("finish_reason") != "length"
    usage = reply.usage_metadata
    if usage is None:
        return Completion(text, 0, count(text), ended)
    cached = usage.get("input_token_details", {}).get("cache_read", 0)
    return Completion(text, usage["input_tokens"], usage["output_tokens"], ended, cached)
