"""This package's stages, with the embedded models.

package.py DTYPE
"""

import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from limits import limits
from stages import resident_mb, serve

from memorag_graph.documents import Document
from memorag_graph.graph import build_graph
from memorag_graph.inference.decode_session import open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.build.builder import Recipe
from memorag_graph.memory.kv_memory import Identity
from memorag_graph.memory.storage.memory_files import save_memory
from memorag_graph.models import running_batch
from memorag_graph.models.embedded import EMBEDDED, embedding_model_dir, language_model_dir
from memorag_graph.models.gist_batch import GistBatch
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.loading import silence_libraries
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.progress import Progress
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.retrieval.dense_index import FaissKind
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.settings import MemorySettings, RunOptions
from memorag_graph.state import GraphInput
from memorag_graph.text.languages import language

_MOST_GUESSED = running_batch.MOST_GUESSED

CLUES = ("span", "sur", "qa")
"""Prompts of the three branches of a question."""


class Package:
    """The stages of this package with the embedded models.

    Args:
        dtype: Precision of the language model's computation.
    """

    def __init__(self, dtype: str) -> None:
        silence_libraries()
        self._options = RunOptions(model=EMBEDDED, dtype=dtype, generator="local", use_memory_answer=True)
        self._registry = Registry()
        self._model = self._registry.models.memory_model(EMBEDDED, self._options)
        self._embeddings: Any = self._registry.models.embeddings(EMBEDDED)
        self._language_model = cast(LanguageModel, self._model.language_model)
        self._scheduler = Scheduler(self._language_model)
        self._graph = build_graph(self._registry)
        self._prefixes: dict[int, KVPrefix] = {}
        self._prefix_tokens: list[int] = []
        self._parameters = self._scheduler.call(self._count_parameters)
        self._latest = ""

    def models(self) -> dict[str, Any]:
        """Return the models' directories, their RAM and the dtype."""
        return {
            "language_model": str(language_model_dir()),
            "embedding_model": str(embedding_model_dir()),
            "resident_mb": resident_mb(),
            "dtype": self._language_model.dtype,
        }

    def warm(self) -> dict[str, Any]:
        """Run the models once, to page them in."""
        self._embeddings.embed_query(CLUES[0])
        return self.prefill(self._language_model.encode("A few words to begin with."))

    def tokens(self, text: str, count: int, questions: Sequence[str]) -> dict[str, Any]:
        """Return the first tokens of a text, and the tokens of the three prompts of each question."""
        prompts = Prompts(language("en"))
        asked = [f"\n\n{prompts.fill(key, question=question)}\n" for question in questions for key in CLUES]  # type: ignore[arg-type]
        encode = self._language_model.encode
        return {"prefix": encode(text)[:count], "prompts": [encode(prompt) for prompt in asked]}

    def memorize(self, text: str, place: str, gist_chunk_size: int, gist_tokens: int) -> dict[str, Any]:
        """Memorize a text from scratch; the model writes the gists, as in the original."""
        shutil.rmtree(place, ignore_errors=True)
        self._registry.forget(self._latest)
        self._embeddings.forget()
        changes = {"gist_chunk_size": gist_chunk_size, "gist_tokens": gist_tokens, "gist_writer": "model"}
        options = self._options.model_copy(update=changes)
        stages: dict[str, list[float]] = {}
        began = time.perf_counter()

        def report(progress: Progress) -> None:
            now = time.perf_counter() - began
            stages.setdefault(progress.stage, [now, now])[1] = now

        with _counted_gist_tokens() as counted:
            opened = self._registry.memorize([Document(source="text", text=text)], options, Path(place), report)
        seconds = time.perf_counter() - began
        self._latest = opened.memory.id
        return {
            "seconds": seconds,
            "stage_seconds": {stage: end - start for stage, (start, end) in stages.items()},
            "gist_tokens": sum(counted),
            "memory_tokens": opened.memory.memory_tokens,
            "memory_file_bytes": Path(place, "memory.bin").stat().st_size,
        }

    def question(self, place: str, question: str) -> dict[str, Any]:
        """Answer a question with clues and a draft; the same model generates the answer."""
        self._embeddings.forget()
        began = time.perf_counter()
        result = self._graph.invoke(GraphInput(memory_id=place, query=question), context=self._options)
        seconds = time.perf_counter() - began
        tokens = result["tokens"]
        return {
            "seconds": seconds,
            "lengths": [tokens[node] for node in ("recall", "rewrite", "draft_answer", "generate")],
            "new_tokens": sum(tokens.values()),
            "stage_seconds": result["timings"],
        }

    def prefill(self, tokens: list[int]) -> dict[str, Any]:
        """Prefill tokens."""
        model = self._language_model.model

        def read() -> KVPrefix:
            session = open_session(model, [None], len(tokens))
            session.prefill(0, tokens)
            return session.prefix()

        began = time.perf_counter()
        self._prefixes[len(tokens)] = self._scheduler.call(read)
        self._prefix_tokens = tokens
        return {"seconds": time.perf_counter() - began, "tokens": len(tokens)}

    def decode(self, prefix: int, prompt: list[int], rows: int, steps: int) -> dict[str, Any]:
        """Time decoding steps of rows that share a prefix; ``seconds`` is the median of one step."""
        shared = self._prefixes[prefix]

        def step_seconds() -> list[float]:
            session = open_session(self._language_model.model, [shared] * rows, len(prompt), steps)
            for row in range(rows):
                session.prefill(row, prompt)
            times = []
            for _ in range(steps):
                began = time.perf_counter()
                session.step([prompt[0]] * rows)
                times.append(time.perf_counter() - began)
            return times

        return {
            "seconds": statistics.median(self._scheduler.call(step_seconds)),
            "weights_bytes": self._weights_bytes(),
            "kv_bytes": shared.nbytes + rows * len(prompt) * self._language_model.cache_bytes_per_token,
        }

    def clues(self, prefix: int, prompts: list[list[int]], new_tokens: int, guessed: bool) -> dict[str, Any]:
        """Continue a prefix with concurrent prompts, ``new_tokens`` each, with or without guessed tokens."""
        self._language_model.__dict__["stop_tokens"] = frozenset()
        running_batch.MOST_GUESSED = _MOST_GUESSED if guessed else 0
        shared = self._prefixes[prefix]
        requests = [Request(prompt, shared, Sampling(new_tokens), None, self._prefix_tokens) for prompt in prompts]
        began = time.perf_counter()
        self._scheduler.submit(*requests)
        written = sum(len(list(request)) for request in requests)
        del self._language_model.__dict__["stop_tokens"]
        running_batch.MOST_GUESSED = _MOST_GUESSED
        return {"seconds": time.perf_counter() - began, "new_tokens": written}

    def keep(self, text: str, place: str) -> dict[str, Any]:
        """Build a full memory of a text and time saving it."""
        settings = MemorySettings(kind="full")
        recipe = Recipe(Prompts(language("en")), settings, Identity.of(self._language_model, EMBEDDED))
        built = self._model.build([Document("text", text)], recipe)
        memory = built.memory
        index = MemoryIndex.of(FaissKind().make(memory.id, built.chunks, self._embeddings), "en")
        shutil.rmtree(place, ignore_errors=True)
        began = time.perf_counter()
        save_memory(Path(place), memory, index)
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(place).iterdir())
        tokens = list(memory.shards[0].token_ids)
        return {"seconds": seconds, "bytes": size, "memory_bytes": memory.nbytes, "tokens": tokens}

    def retrieval(self, place: str, questions: list[str]) -> dict[str, Any]:
        """Search with several queries."""
        opened = self._registry.open(place, self._options)
        self._embeddings.forget()
        began = time.perf_counter()
        opened.index.vectors.search(questions, 100)
        return {"seconds": time.perf_counter() - began}

    def limits(self) -> dict[str, Any]:
        """Measure the machine."""
        return self._scheduler.call(limits)

    def work(self, tokens: int) -> dict[str, Any]:
        """Return the multiplications and additions of prefilling this many tokens.

        In the last layer, only the last token needs more than its keys and values.
        """
        config = self._language_model.model.config
        head = config.vocab_size * config.hidden_size
        attention = 4 * config.num_attention_heads * config.head_dim * config.num_hidden_layers * tokens**2 / 2
        body = self._language_model.model.model
        unread = self._multiplied(body.layers[-1].mlp) + self._multiplied(body.layers[-1].self_attn.o_proj)
        return {"operations": 2 * (self._parameters - head - unread) * tokens + attention}

    @staticmethod
    def _multiplied(module: Any) -> int:  # noqa: ANN401
        return sum(
            int(part.in_features * part.out_features) for part in module.modules() if hasattr(part, "in_features")
        )

    def _count_parameters(self) -> int:
        """Count the weights; call in the model's thread: unpacking them in another one slows down all later steps."""
        model: Any = self._language_model.model
        return int(model.get_output_embeddings().weight.numel()) + self._multiplied(model.model)

    def _weights_bytes(self) -> int:
        return self._parameters * int(self._language_model.model.dtype.itemsize)


class _counted_gist_tokens:  # noqa: N801 - used like a function
    """Context manager that counts the gist tokens generated within it."""

    def __enter__(self) -> list[int]:
        self._write, counted = GistBatch.write, list[int]()
        write = self._write

        def counting(batch: GistBatch[str], *given: Any) -> Iterator[tuple[str, list[int]]]:  # noqa: ANN401
            for key, tokens in write(batch, *given):
                counted.append(len(tokens))
                yield key, tokens

        GistBatch.write = counting  # type: ignore[method-assign, assignment]
        return counted

    def __exit__(self, *_: object) -> None:
        GistBatch.write = self._write  # type: ignore[method-assign]


def main() -> None:
    """Serve the stages."""
    package = Package(sys.argv[1])
    names = ("clues", "decode", "keep", "limits", "memorize", "models", "prefill", "question", "retrieval")
    serve({name: getattr(package, name) for name in (*names, "tokens", "warm", "work")})


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
