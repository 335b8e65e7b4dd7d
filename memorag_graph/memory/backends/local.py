"""A memory model that runs in this process."""

from collections.abc import Callable, Iterator, Sequence

from memorag_graph.errors import InputError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.build.builder import Recipe
from memorag_graph.memory.build.gist_writer import BatchGistWriter
from memorag_graph.memory.build.prefill import ShardPrefiller
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.memory_model import Completion, MemoryModel
from memorag_graph.memory.prompt_layout import turn_tokens
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.detokenizer import Detokenizer
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Request, Scheduler
from memorag_graph.models.thinking import stream_without_thinking, without_thinking
from memorag_graph.progress import ReportProgress


class LocalStream:
    """The answer of a local model; see :class:`memorag_graph.memory.memory_model.TextStream`."""

    def __init__(self, request: Request, model: LanguageModel) -> None:
        self._request = request
        self._model = model

    def __iter__(self) -> Iterator[str]:
        """Yield the answer's text piece by piece."""
        return stream_without_thinking(self._pieces())

    def wait(self) -> None:
        """Wait for the answer's end, without its pieces."""
        for _ in self._request:
            pass

    @property
    def completion(self) -> Completion:
        """The answer as a whole, once it is finished."""
        text = without_thinking(self._model.decode(self._request.tokens)).strip()
        return Completion(text, len(self._request.prompt), len(self._request.tokens), self._request.stopped)

    def _pieces(self) -> Iterator[str]:
        detokenizer = Detokenizer(self._model.decode)
        for token in self._request:
            yield detokenizer.push(token)
        yield detokenizer.flush()


class LocalMemoryModel(MemoryModel):
    """A causal language model of transformers that continues memories held as keys and values.

    Answers continue a memory in a branch of their own. Calls from several threads that meet on one memory run as
    one batch.

    Args:
        language_model: The loaded model.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        self._model = language_model
        self._scheduler = Scheduler(language_model)

    @property
    def language_model(self) -> LanguageModel:
        """The loaded model."""
        return self._model

    @property
    def device(self) -> str:
        """Where the model and its keys and values are."""
        return str(self._model.model.device)

    @property
    def begins_answers(self) -> bool:
        """Whether it can go on with an answer that was begun for it; small models need that."""
        return True

    def complete(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
    ) -> Completion:
        """Answer a conversation; a last turn of the assistant is continued.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
        """
        stream = self.stream(memory, turns, sampling, complete, shard=shard)
        stream.wait()
        return stream.completion

    def stream(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
    ) -> LocalStream:
        """Answer like :meth:`complete`, giving the text as it is written.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
        """
        tokens = self.turn_tokens(memory, turns)
        prefix = memory.shards[shard].kv if memory else None
        room = self._model.window - (prefix.length if prefix else 0) - sampling.max_new_tokens
        if len(tokens) > room:
            raise InputError(
                "query",
                f"the question's turn has {len(tokens):,} tokens, but the model's window leaves {max(0, room):,} "
                f"beside the memory and an answer of {sampling.max_new_tokens}; shorten the question or lower "
                "max_new_tokens",
            )
        remembered = memory.shards[shard].token_ids if memory else ()
        request = Request(tokens, prefix, sampling, complete, remembered)
        self._scheduler.submit(request)
        return LocalStream(request, self._model)

    def turn_tokens(self, memory: Memory | None, turns: Sequence[Turn]) -> list[int]:
        """Return the tokens of a conversation that follow the memory's prefix."""
        if memory is None:
            return self._model.encode_chat(turns)
        return turn_tokens(self._model, memory.prompts, turns)

    def _drafter(self) -> BatchGistWriter:
        return BatchGistWriter(self._scheduler, self._model)

    def _prefill(
        self, texts: Sequence[Sequence[str]], recipe: Recipe, known: Memory | None, report: ReportProgress
    ) -> tuple[Shard, ...]:
        return ShardPrefiller(self._scheduler, self._model).read(texts, recipe, known, report)
