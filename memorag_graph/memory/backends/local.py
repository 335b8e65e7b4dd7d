"""Run a memory model in this process."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import partial

from memorag_graph.errors import InputError
from memorag_graph.inference.low_rank import LowRankUpdates
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.build.builder import Recipe
from memorag_graph.memory.build.gist_writer import BatchGistWriter
from memorag_graph.memory.build.prefill import ShardPrefiller
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.memory_model import Completion, MemoryModel
from memorag_graph.memory.prompt_layout import turn_tokens
from memorag_graph.models.adapter import Adapter
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.detokenizer import Detokenizer
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.loading import ModelSource, load_language_model_on_one_processor
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.models.thinking import stream_without_thinking, without_thinking
from memorag_graph.progress import ReportProgress


class LocalStream:
    """The answer of a local model; see :class:`memorag_graph.memory.memory_model.TextStream`."""

    def __init__(self, request: Request, model: LanguageModel) -> None:
        self._request = request
        self._model = model

    def __iter__(self) -> Iterator[str]:
        """Yield the answer's text piece by piece; pieces may be empty."""
        return stream_without_thinking(self._pieces())

    def wait(self) -> None:
        """Wait for the end of the answer."""
        for _ in self._request:
            pass

    @property
    def completion(self) -> Completion:
        """The complete answer, once it is finished."""
        text = without_thinking(self._model.decode(self._request.tokens)).strip()
        return Completion(text, len(self._request.prompt), len(self._request.tokens), self._request.stopped)

    def _pieces(self) -> Iterator[str]:
        detokenizer = Detokenizer(self._model.decode)
        for token in self._request:
            yield detokenizer.push(token)
        yield detokenizer.flush()


class LocalMemoryModel(MemoryModel):
    """A transformers causal language model that continues memories held as keys and values.

    Answers never change a memory. Concurrent calls from several threads run as one batch.

    Args:
        language_model: The loaded model.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        self._model = language_model
        self._scheduler = Scheduler(language_model)
        self._adapter: Adapter | None = None

    @property
    def language_model(self) -> LanguageModel:
        """The loaded model."""
        return self._model

    @property
    def device(self) -> str:
        """Device of the model and its keys and values."""
        return str(self._model.model.device)

    @property
    def begins_answers(self) -> bool:
        """True: it can continue a given start of an answer; small models need that."""
        return True

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
        """Answer a conversation; a last turn of the assistant is continued.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
        """
        stream = self.stream(memory, turns, sampling, complete, shard=shard, adapted=adapted)
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
        adapted: bool = False,
    ) -> LocalStream:
        """Answer like :meth:`complete`, streaming the text.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
        """
        tokens = self.turn_tokens(memory, turns)
        prefix = memory.shards[shard].kv if memory else None
        room = self._model.window - (prefix.length if prefix else 0) - sampling.max_new_tokens
        if len(tokens) > room:
            raise InputError(
                "query",
                f"the question's turn has {len(tokens):,} tokens, but the memory and an answer of "
                f"{sampling.max_new_tokens} leave {max(0, room):,} of the model's window; shorten the question or "
                "lower max_new_tokens",
            )
        remembered = memory.shards[shard].token_ids if memory else ()
        request = Request(tokens, prefix, sampling, complete, remembered, self._updates(adapted))
        self._scheduler.submit(request)
        return LocalStream(request, self._model)

    @property
    def adapter(self) -> Adapter | None:
        """What writes clues, if anything was trained to."""
        return self._adapter

    def with_adapter(self, adapter: Adapter) -> "LocalMemoryModel":
        """Return the same loaded model, which writes clues with an adapter."""
        other = copy(self)
        other._adapter = adapter
        return other

    def _updates(self, adapted: bool) -> LowRankUpdates | None:
        return self._adapter.updates if adapted and self._adapter else None

    def turn_tokens(self, memory: Memory | None, turns: Sequence[Turn]) -> list[int]:
        """Return a conversation's tokens after the memory's prefix."""
        if memory is None:
            return self._model.encode_chat(turns)
        return turn_tokens(self._model, memory.prompts, turns)

    def loader(self) -> Callable[[], MemoryModel] | None:
        """Return what loads this model in another process; see :meth:`MemoryModel.loader`."""
        source = self._model.source
        return super().loader() if source is None else partial(_load, source)

    def gist_writer(self) -> BatchGistWriter:
        """Return what drafts gists in batches."""
        return BatchGistWriter(self._scheduler, self._model)

    def _prefill(
        self, texts: Sequence[Sequence[str]], recipe: Recipe, known: Memory | None, report: ReportProgress
    ) -> tuple[Shard, ...]:
        return ShardPrefiller(self._scheduler, self._model).read(texts, recipe, known, report)


def _load(source: ModelSource) -> LocalMemoryModel:
    return LocalMemoryModel(load_language_model_on_one_processor(source))
