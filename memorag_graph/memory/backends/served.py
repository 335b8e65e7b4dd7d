"""Run a memory model on a server: the memory is a text that every request begins with.

A server with automatic prefix caching (vLLM, "Automatic Prefix Caching"; the OpenAI service, "Prompt caching") keeps
the keys and values of prefixes that it has read before, so this process does not need them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryMismatchError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.backends.cache_watch import CacheWatch
from memorag_graph.memory.backends.served_answer import ServedStream, completion
from memorag_graph.memory.backends.served_gists import ServedGistWriter
from memorag_graph.memory.backends.served_requests import ServedRequests
from memorag_graph.memory.backends.server_use import ServerUse
from memorag_graph.memory.backends.warm_up import UNREPORTED, WarmUp, session_of
from memorag_graph.memory.build.builder import Built, Recipe
from memorag_graph.memory.build.gist_kind import GistWriter
from memorag_graph.memory.kv_memory import DocumentInfo, Memory
from memorag_graph.memory.memory_model import Completion, MemoryModel
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.served_language_model import ServedLanguageModel
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.providers.usage import cached_tokens


def served_memory_model(
    name: str, chat: BaseChatModel, window: int | None = None, use: ServerUse | None = None
) -> "ServedMemoryModel":
    """Return a memory model over any LangChain chat model.

    Args:
        name: Name used by the user; part of the identity of its memories.
        chat: The chat model.
        window: Maximum tokens of prompt and answer together; by default the server's, at most 32,768.
        use: How the server is used.

    Raises:
        InputError: If the window is too small.
    """
    return ServedMemoryModel(ServedRequests(ServedLanguageModel(name, chat, window), use or ServerUse()), CacheWatch())


class ServedMemoryModel(MemoryModel):
    """Any LangChain chat model that continues memories held as texts.

    Each request is a system message with the notes of a shard, identical for every question, followed by the
    conversation.

    Args:
        requests: Sends requests to the model.
        watch: Notes what the server's cache holds.
    """

    def __init__(self, requests: ServedRequests, watch: CacheWatch) -> None:
        self._requests = requests
        self._model = requests.model
        self._watch = watch
        self._warm_up = WarmUp(requests, watch)
        self._of_tenants: dict[str, ServedMemoryModel] = {}

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

    def of_tenant(self, tenant: str) -> "ServedMemoryModel":
        """Return the same model for a tenant, whose requests read a cache of their own."""
        if tenant not in self._of_tenants:
            self._of_tenants.setdefault(tenant, ServedMemoryModel(self._requests.of_tenant(tenant), self._watch))
        return self._of_tenants[tenant]

    def require_known(self) -> None:
        """Return if the server has told what it serves, with which window, if it tells that.

        Raises:
            ModelUnavailableError: If it was never reached.
        """
        if self._model.inference_server:
            self._model.inference_server.facts()

    def salted(self, chat: BaseChatModel) -> BaseChatModel:
        """Return a chat model of the same server that reads the tenant's cache."""
        return self._requests.salted(chat)

    def build(
        self,
        documents: Sequence[Document | DocumentInfo],
        recipe: Recipe,
        *,
        known: Built | None = None,
        journal: Journal | None = None,
        report: ReportProgress = ignore_progress,
        writer: GistWriter | None = None,
    ) -> Built:
        """Build the memory of documents, and have the server read it; see :meth:`MemoryModel.build`."""
        longest = self._requests.facts().window
        if 0 < longest < self._model.window:
            raise InputError(
                "window", f"the server's is {longest:,} tokens, less than {self._model.window:,}; give window={longest}"
            )
        built = super().build(documents, recipe, known=known, journal=journal, report=report, writer=writer)
        self._warm_up.now(built.memory)
        return built

    def complete(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
        adapted: bool = False,
    ) -> Completion:
        """Answer a conversation; ``complete`` is ignored, because a server cannot be stopped early.

        Raises:
            InputError: If the conversation and its answer do not fit the window, or end with the assistant's turn.
            MemoryMismatchError: If the server now serves another model than the one the memory was made with.
            ModelError: If the server does not answer.
        """
        messages = self._messages(memory, shard, turns, sampling)
        session = session_of(memory, shard) if memory else ""
        finished = self._watched(memory, shard)
        reply = self._requests.ask(messages, UNREPORTED, session=session, **_settings(sampling))
        finished(reply)
        return completion(reply, self._model.count)

    def stream(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
        adapted: bool = False,
    ) -> ServedStream:
        """Answer like :meth:`complete`, streaming the text.

        Raises:
            InputError: If the conversation and its answer do not fit the window, or end with the assistant's turn.
            MemoryMismatchError: If the server now serves another model than the one the memory was made with.
        """
        messages = self._messages(memory, shard, turns, sampling)
        session = session_of(memory, shard) if memory else ""
        chunks = self._requests.stream(messages, UNREPORTED, session=session, **_settings(sampling))
        return ServedStream(chunks, self._model.count, self._watched(memory, shard))

    def _watched(self, memory: Memory | None, shard: int) -> Callable[[AIMessage], None]:
        """Return what is to be done with the reply to a question: see whether the memory was in the server's cache."""
        if memory is None or not self._requests.facts().engine:
            return lambda _: None
        key = self._warm_up.key(memory, shard)
        was_read = self._watch.was_read(key)

        def finished(reply: AIMessage) -> None:
            prefix, cached = self._model.count(memory.shards[shard].text), cached_tokens(reply.usage_metadata)
            if self._watch.judge(key, prefix, cached, was_read=was_read):
                if self._model.inference_server:  # it may have been restarted, with another model
                    self._model.inference_server.ask_again()
                self._warm_up.behind(memory)

        return finished

    def _messages(
        self, memory: Memory | None, shard: int, turns: Sequence[Turn], sampling: Sampling
    ) -> list[BaseMessage]:
        if turns[-1].role == "assistant":
            raise InputError("messages", "a served model cannot continue an answer; end with the user's message")
        self._require_same(memory)
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

    def _require_same(self, memory: Memory | None) -> None:
        """Notice that the server serves another model now than when the memory was opened."""
        served = self._model.served
        if memory and memory.identity.served and served and served != memory.identity.served:
            raise MemoryMismatchError(
                f"the server now serves another model than this memory was made with ({memory.identity.served} → "
                f"{served}); serve the former again, or memorize the document again"
            )

    def loader(self) -> None:
        """Return None: the server writes gists, whoever asks it."""

    def gist_writer(self) -> ServedGistWriter:
        """Return what asks the server for gists."""
        return ServedGistWriter(self._requests)

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


_KINDS: Mapping[str, type[BaseMessage]] = {"user": HumanMessage, "assistant": AIMessage}


def _settings(sampling: Sampling) -> dict[str, Any]:
    """Return a request's settings, named as in OpenAI's API; at temperature 0 the chat model's own applies."""
    settings: dict[str, Any] = {"max_tokens": sampling.max_new_tokens}
    if sampling.temperature > 0:
        settings |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return settings
