"""The memory model: forms memories and continues them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.kv.cache import KVPrefix, open_branch
from memorag_graph.memory.gists import Gist, make_gists, plan_gists
from memorag_graph.memory.memory import DocumentInfo, Identity, Memory, memory_id
from memorag_graph.models.chat_template import Turn, without_thinking
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.worker import Request, Worker
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
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

    def memorize(
        self,
        documents: Sequence[Document],
        prompts: Prompts,
        settings: MemorySettings,
        *,
        embedding_model: str = "",
        report: ReportProgress = ignore_progress,
    ) -> Memory:
        """Form a memory of documents: gists of their sections, then the gists' keys and values.

        Raises:
            InputError: If the text is too long for the model's window.
        """
        model = self.language_model
        identity = Identity.of(model, embedding_model)
        plan = plan_gists(documents, model, prompts, settings)
        gists = make_gists(plan, self._worker, model, prompts, report)
        tokens = self._prefix_tokens(prompts, gists)
        report(Progress("memory", 0, len(tokens), "tokens"))
        kv = self._worker.call(lambda: self.prefill(tokens))
        report(Progress("memory", len(tokens), len(tokens), "tokens"))
        infos = [
            DocumentInfo(document.source, document.sha256, len(document.text), model.count(document.text))
            for document in documents
        ]
        return Memory(
            id=memory_id(documents, identity, settings, prompts),
            kv=kv,
            token_ids=tuple(tokens),
            gists=tuple(gists),
            documents=tuple(infos),
            prompts=prompts,
            settings=settings,
            identity=identity,
        )

    def prefill(self, tokens: Sequence[int], prefix: KVPrefix | None = None) -> KVPrefix:
        """Read tokens after a prefix, or from the start, and return the grown prefix."""
        branch = open_branch(self.language_model.model, prefix, [len(tokens)], room=0)
        branch.prefill(0, tokens)
        return branch.prefix()

    def complete(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
    ) -> Completion:
        """Answer a conversation that begins with the memory, or with itself where there is none.

        Args:
            memory: The memory to continue.
            turns: The conversation; the first turn is the user's and follows the memory within one message.
            sampling: How to write.
            complete: Called with the text so far; True ends the answer there.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
        """
        stream = self.stream(memory, turns, sampling, complete)
        for _ in stream:
            pass
        return stream.completion

    def stream(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
    ) -> "TextStream":
        """Answer like :meth:`complete`, giving the text as it is written.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
        """
        return TextStream(self._request(memory, turns, sampling, complete), self.language_model)

    def _request(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None,
    ) -> Request:
        tokens = self.turn_tokens(memory, turns)
        remembered = memory.kv.length if memory else 0
        room = self.language_model.window - remembered - sampling.max_new_tokens
        if len(tokens) > room:
            raise InputError(
                "query",
                f"the question's turn has {len(tokens):,} tokens, but the model's window leaves {max(0, room):,} "
                f"beside the memory and an answer of {sampling.max_new_tokens}; shorten the question or lower "
                "max_new_tokens",
            )
        prefix = memory.kv if memory else None
        request = Request(tokens, prefix, sampling, complete)
        self._worker.submit(request)
        return request

    def turn_tokens(self, memory: Memory | None, turns: Sequence[Turn]) -> list[int]:
        """Return the tokens of a conversation that follow the memory's prefix."""
        model = self.language_model
        if memory is None:
            return model.encode_chat(turns)
        _, closing = memory.prompts.around_context()
        first = Turn(turns[0].role, f"{closing}\n\n{turns[0].text}")
        pieces = model.template.render([first, *turns[1:]])
        return model.encode_pieces(pieces[1:])

    def _prefix_tokens(self, prompts: Prompts, gists: Sequence[Gist]) -> list[int]:
        """Return the markup, the opening words and the gists; each gist's tokens depend on it alone."""
        model = self.language_model
        opening, _ = prompts.around_context()
        tokens = model.encode(model.template.head(), markup=True) + model.encode(opening.rstrip())
        for gist in gists:
            tokens += model.encode(f"\n\n{gist.text}")
        return tokens
