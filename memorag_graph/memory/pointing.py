"""Recall by attention: a memory points at the chunks that its chosen heads look at while it reads a question.

What a token is worth is the attention that the question's tokens pay to it, minus what a content-free question draws
(in-context re-ranking: Chen, Gutiérrez and Su, "Attention in large language models yields efficient zero-shot
re-rankers", 2024). Only heads that are known to look at evidence are asked (Zhang et al., "Query-focused retrieval
heads improve long-context reasoning and re-ranking", 2025). One pass over the question for each shard; no token is
written.
"""

import threading
from collections.abc import Sequence
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from memorag_graph.chunking import Chunk
from memorag_graph.documents import clean_text
from memorag_graph.errors import InputError, MemoragError
from memorag_graph.kv.lookback import Head, attention_to_prefix
from memorag_graph.memory.heads import find_heads
from memorag_graph.memory.layout import NoteTokens, lay_out
from memorag_graph.memory.local import LocalMemoryModel
from memorag_graph.memory.memory import Memory
from memorag_graph.memory.model import MemoryModel
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.threads import compute
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.index import Hit

CONTENT_FREE = "N/A"
"""The question that tells how much attention a token draws whatever is asked."""

MOST_HITS = 50
"""Chunks that are pointed at; those that follow are as good as any."""

Weights = NDArray[np.float32]


class Pointer:
    """Points at the evidence in one memory.

    Args:
        model: The model that read the memory.
        memory: The memory.
        heads: The heads that are asked.

    Raises:
        InputError: If it is not known where the memory's tokens come from.
    """

    def __init__(self, model: LocalMemoryModel, memory: Memory, heads: Sequence[Head]) -> None:
        self._model = model.language_model
        self._prompts = memory.prompts
        self._prefixes = [shard.kv for shard in memory.shards]
        self._layout = lay_out(self._model, memory, model.texts(memory))
        self._heads = tuple(heads)
        self._drawn: list[Weights] | None = None

    @property
    def layout(self) -> list[list[NoteTokens]]:
        """The tokens of every note, by shard."""
        return self._layout

    def attention(self, question: str) -> list[Weights]:
        """Return, for each shard, the attention that each of its tokens gets for a question's sake.

        It is the mean over the heads and the question's tokens, minus that of a content-free question; shape
        (heads, tokens).

        Raises:
            InputError: If the question does not fit the model's window beside the memory.
        """
        if self._drawn is None:  # two threads may both compute it: the result is the same
            self._drawn = self._look(CONTENT_FREE)
        return [paid - drawn for paid, drawn in zip(self._look(question), self._drawn, strict=True)]

    def scores(self, question: str, chunks: Sequence[Chunk]) -> NDArray[np.float64]:
        """Return what each chunk is worth for a question.

        Raises:
            InputError: If the question does not fit the model's window beside the memory.
        """
        return chunk_scores(self._layout, [weights.mean(axis=0) for weights in self.attention(question)], chunks)

    def _look(self, question: str) -> list[Weights]:
        tokens, asking = asking_turn(self._model, self._prompts, question)
        longest = max(prefix.length for prefix in self._prefixes)
        if longest + len(tokens) > self._model.window:
            raise InputError(
                "query",
                f"the question's turn has {len(tokens):,} tokens, but the model's window leaves "
                f"{max(0, self._model.window - longest):,} beside the memory; shorten the question",
            )
        model = self._model.model
        looks = [partial(attention_to_prefix, model, it, tokens, asking, self._heads) for it in self._prefixes]
        return [compute(model.device, look).cpu().numpy() for look in looks]


def asking_turn(model: LanguageModel, prompts: Prompts, question: str) -> tuple[list[int], range]:
    """Return the tokens that ask a question after a memory, up to its last one, and which of them are the question's.

    Raises:
        InputError: If the question is empty, or the tokenizer does not tell which characters a token stands for.
    """
    question = clean_text(question).strip()
    if not question:
        raise InputError("query", "an empty question points at nothing")
    if model.fast_tokenizer is None:
        raise InputError("model", "its tokenizer does not tell which characters a token stands for")
    _, closing = prompts.around_context()
    text = f"{closing}\n\n{prompts.fill('qa', question=question)}"
    start = text.rindex(question)
    encoded = model.fast_tokenizer.encode(text, add_special_tokens=False)
    asking = [at for at, (_, end) in enumerate(encoded.offsets) if start < end <= start + len(question)]
    return list(encoded.ids[: asking[-1] + 1]), range(asking[0], asking[-1] + 1)


def chunk_scores(
    layout: Sequence[Sequence[NoteTokens]], weights: Sequence[Weights], chunks: Sequence[Chunk]
) -> NDArray[np.float64]:
    """Add up the weights of each chunk's tokens.

    A token belongs to the chunks that hold its last character. Of a gist, all chunks of its section get the whole.

    Args:
        layout: The tokens of every note, by shard.
        weights: What each token is worth, by shard.
        chunks: The chunks.
    """
    documents, starts, ends = (np.array([getattr(it, name) for it in chunks]) for name in ("document", "start", "end"))
    scores = np.zeros(len(chunks))
    for laid, worth in zip(layout, weights, strict=True):
        for it in laid:
            mine = documents == it.note.document
            if it.ends is None:
                middle = (starts + ends) // 2
                scores[mine & (it.note.start <= middle) & (middle < it.note.end)] += worth[it.tokens].sum()
            else:
                sums = np.concatenate([[0.0], worth[it.tokens].cumsum(dtype=np.float64)])
                before, after = np.searchsorted(it.ends, starts[mine]), np.searchsorted(it.ends, ends[mine])
                scores[mine] += sums[after] - sums[before]
    return scores


_pointers: "WeakKeyDictionary[Memory, Pointer]" = WeakKeyDictionary()
"""Pointers hold a memory's shards but not the memory, so they go when it goes."""

_lock = threading.Lock()


def can_point(model: MemoryModel, memory: Memory) -> str | None:
    """Return why a memory cannot point at evidence, or None where it can."""
    if not isinstance(model, LocalMemoryModel):
        return "a server holds the memory's keys and values"
    if memory.settings.kind == "beacon":
        return "the memory holds beacons, which stand for several tokens each"
    if memory.settings.kv_keep < 1:
        return "a part of the memory's keys and values is evicted (kv_keep)"
    if not model.language_model.can_be_watched:
        return "the attention of this model cannot be watched"
    try:
        pointer_of(model, memory)
    except MemoragError as error:
        return str(error)
    return None


def point(
    model: MemoryModel, memory: Memory, question: str, chunks: Sequence[Chunk], hits: int = MOST_HITS
) -> list[Hit]:
    """Return the chunks that a memory points at for a question, best first; equal scores in document order.

    Args:
        model: The model that read the memory.
        memory: The memory.
        question: The question.
        chunks: The chunks of the memory's documents.
        hits: Most chunks to return.

    Raises:
        InputError: If the memory cannot point, see :func:`can_point`, or the question is empty or too long.
    """
    if (reason := can_point(model, memory)) is not None or not isinstance(model, LocalMemoryModel):
        raise InputError("memory", f"cannot point at evidence: {reason}")
    scores = pointer_of(model, memory).scores(question, chunks)
    best = np.argsort(-scores, kind="stable")[:hits]
    return [Hit(int(number), float(scores[number])) for number in best]


def pointer_of(model: LocalMemoryModel, memory: Memory) -> Pointer:
    """Return what points at the evidence in a memory, made the first time it is asked for.

    Raises:
        InputError: If no heads are chosen for the model, or it is not known where the memory's tokens come from.
        MemoryMismatchError: If the file of heads belongs to another model.
    """
    with _lock:
        pointer = _pointers.get(memory)
    if pointer is None:
        choice = find_heads(model.language_model)
        if choice is None:
            raise InputError(
                "heads",
                f"none are chosen for {model.language_model.name}; choose them with: memorag-graph choose-heads",
            )
        pointer = Pointer(model, memory, choice.heads)
        with _lock:
            pointer = _pointers.setdefault(memory, pointer)
    return pointer
