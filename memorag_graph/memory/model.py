"""The memory model: forms memories and continues them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.memory.forming import Former, Recipe
from memorag_graph.memory.frame import turn_tokens
from memorag_graph.memory.journal import Journal
from memorag_graph.memory.memory import DocumentInfo, Identity, Memory
from memorag_graph.models.chat_template import Turn, without_thinking
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.worker import Request, Worker
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer of the model.

    Attributes:
        text: The answer, without control tokens and thoughts.
        prompt_tokens: Tokens read for it, without the memory's.
        new_tokens: Tokens written.
        ended: False where the answer was cut at its longest length.
    """

    text: str
    prompt_tokens: int
    new_tokens: int
    ended: bool


class TextStream:
    """An answer while it is written: iterate for pieces of text, then read :attr:`completion`."""

    def __init__(self, request: Request, model: LanguageModel) -> None:
        self._request = request
        self._model = model

    def __iter__(self) -> Iterator[str]:
        """Yield the answer's text piece by piece."""
        tokens: list[int] = []
        written = ""
        for token in self._request:
            tokens.append(token)
            text = without_thinking(self._model.decode(tokens))
            if text.endswith("\N{REPLACEMENT CHARACTER}"):  # the middle of a character
                continue
            if text.startswith(written):  # else thoughts have come to their end
                yield text[len(written) :]
            written = text
        text = without_thinking(self._model.decode(tokens))
        if text.startswith(written) and text != written:  # cut within a character
            yield text[len(written) :]

    @property
    def completion(self) -> Completion:
        """The answer as a whole, once it is finished."""
        text = without_thinking(self._model.decode(self._request.tokens)).strip()
        return Completion(text, len(self._request.prompt), len(self._request.tokens), self._request.stopped)


class MemoryModel:
    """A causal language model that reads a document once and answers from what it kept.

    Answers continue the memory in a branch of their own and never change it. Calls from several threads that
    meet on one memory run as one batch.

    Args:
        language_model: The loaded model.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        self.language_model = language_model
        self._worker = Worker(language_model)
        self._former = Former(language_model, self._worker)

    def memorize(
        self,
        documents: Sequence[Document],
        prompts: Prompts,
        settings: MemorySettings,
        *,
        embedding_model: str = "",
        journal: Journal | None = None,
        report: ReportProgress = ignore_progress,
    ) -> Memory:
        """Form a memory of documents; see :meth:`Former.form`.

        Args:
            documents: What to read, in order.
            prompts: The prompts of their language.
            settings: How the memory is made.
            embedding_model: Name of the model behind the retrieval index; part of the memory's identity.
            journal: Keeps notes as they are made, so that a killed process can go on.
            report: Called as the work goes on.

        Raises:
            InputError: If there is no document, or the model's window is too small.
        """
        recipe = Recipe(prompts, settings, Identity.of(self.language_model, embedding_model))
        return self._former.form(documents, recipe, journal=journal, report=report)

    def revise(
        self,
        memory: Memory,
        documents: Sequence[Document | DocumentInfo],
        *,
        journal: Journal | None = None,
        report: ReportProgress = ignore_progress,
    ) -> Memory:
        """Form the memory of another list of documents from an earlier one; the earlier one stays as it is.

        Args:
            memory: The earlier memory.
            documents: The new list; of those in ``memory``, the description is enough. See
                :mod:`memorag_graph.memory.revision` for usual changes.
            journal: Keeps notes as they are made, so that a killed process can go on.
            report: Called as the work goes on.

        Raises:
            InputError: If the list is empty.
            MemoryMismatchError: If the memory was made with another model.
        """
        memory.identity.require(Identity.of(self.language_model, memory.identity.embedding_model))
        recipe = Recipe(memory.prompts, memory.settings, memory.identity)
        return self._former.form(documents, recipe, known=memory, journal=journal, report=report)

    def complete(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
    ) -> Completion:
        """Answer a conversation that begins with a shard of a memory, or with itself where there is none.

        Args:
            memory: The memory to continue.
            turns: The conversation; the first turn is the user's and follows the memory within one message.
            sampling: How to write.
            complete: Called with the text so far; True ends the answer there.
            shard: Which of the memory's shards.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
        """
        stream = self.stream(memory, turns, sampling, complete, shard=shard)
        for _ in stream:
            pass
        return stream.completion

    def stream(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
    ) -> "TextStream":
        """Answer like :meth:`complete`, giving the text as it is written.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
        """
        tokens = self.turn_tokens(memory, turns)
        prefix = memory.shards[shard].kv if memory else None
        room = self.language_model.window - (prefix.length if prefix else 0) - sampling.max_new_tokens
        if len(tokens) > room:
            raise InputError(
                "query",
                f"the question's turn has {len(tokens):,} tokens, but the model's window leaves {max(0, room):,} "
                f"beside the memory and an answer of {sampling.max_new_tokens}; shorten the question or lower "
                "max_new_tokens",
            )
        request = Request(tokens, prefix, sampling, complete)
        self._worker.submit(request)
        return TextStream(request, self.language_model)

    def turn_tokens(self, memory: Memory | None, turns: Sequence[Turn]) -> list[int]:
        """Return the tokens of a conversation that follow the memory's prefix."""
        if memory is None:
            return self.language_model.encode_chat(turns)
        return turn_tokens(self.language_model, memory.prompts, turns)
