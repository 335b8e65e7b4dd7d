"""Compare storage formats of keys and values: size, time and loss of accuracy, with the embedded model.

The memory of a text is built and saved in each format. The model then continues other text of the same document from
the loaded memory, and its next-token scores are compared with those from the float32 original. Times are medians of
interleaved repetitions. Baselines, in the same run: prefilling the text again, and the original MemoRAG's method, which
is ``torch.save`` of the cache and a ``deepcopy`` of it for each question.

    python benchmarks/storage.py [--document TEXT] [--tokens 4000]
"""

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from common import DOCUMENT, agreement, build, next_token_scores, write_result
from transformers import DynamicCache

from memorag_graph.documents import read_document
from memorag_graph.inference.decode_session import open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.builder import Built
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.storage.memory_files import load_memory, save_memory
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import ModelSource, load_embeddings, load_language_model
from memorag_graph.retrieval.dense_index import FaissKind
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.settings import MemorySettings

REPEATS = 5
TEXTS, TEXT_TOKENS = 20, 100
QUESTION = [Turn("user", "What did the company do about the price of fuel?")]


class Format:
    """A storage format: how to save a memory, and how to get from the file to the first token of an answer."""

    def __init__(self, model: LocalMemoryModel, memory: Memory, file: Path) -> None:
        self.model, self.memory, self.file = model, memory, file
        self.turn = model.turn_tokens(memory, QUESTION)

    def first_token(self, kv: KVPrefix) -> int:
        session = open_session(self.model.language_model.model, [kv], len(self.turn))
        return int(session.prefill(0, self.turn).argmax())


class PackageFormat(Format):
    """This package's files."""

    def __init__(self, model: LocalMemoryModel, built: Built, directory: Path) -> None:
        super().__init__(model, built.memory, directory / "memory.bin")
        self._embeddings = load_embeddings(ModelSource(EMBEDDED))
        self._index = MemoryIndex.of(FaissKind().make(built.memory.id, built.chunks, self._embeddings), "en")

    def save(self) -> None:
        save_memory(self.file.parent, self.memory, self._index)

    def load(self) -> KVPrefix:
        return load_memory(self.file.parent, self._embeddings)[0].shards[0].kv

    def load_to_first_token(self) -> int:
        return self.first_token(self.load())


class PickledCache(Format):
    """The original MemoRAG's method: a pickled cache, copied for each question because generation extends it."""

    def save(self) -> None:
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(self.memory.shards[0].kv.layers):
            cache.update(keys[None], values[None], layer)
        torch.save(cache, self.file)

    def load(self) -> KVPrefix:
        cache = torch.load(self.file, weights_only=False)
        return KVPrefix(tuple((layer.keys[0], layer.values[0]) for layer in cache.layers))

    def load_to_first_token(self) -> int:
        cache = copy.deepcopy(torch.load(self.file, weights_only=False))
        with torch.inference_mode():
            output = self.model.language_model.model(torch.tensor([self.turn]), past_key_values=cache, use_cache=True)
        return int(output.logits[0, -1].argmax())


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def start_of(text: str, tokens: int, count: Callable[[str], int]) -> str:
    """Return the beginning of a text, about this many tokens long."""
    return text[: int(len(text) * tokens / count(text))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    parser.add_argument("--tokens", type=int, default=4000)
    arguments = parser.parse_args()
    models = {dtype: LocalMemoryModel(load_language_model(ModelSource(EMBEDDED, dtype=dtype)))
              for dtype in ("float32", "bfloat16")}  # fmt: skip
    precise = models["float32"].language_model
    whole_text = read_document(arguments.document).text
    text = start_of(whole_text, arguments.tokens, precise.count)
    following = precise.encode(whole_text[len(text) :])
    step = len(following) // TEXTS
    texts = [following[at * step : at * step + TEXT_TOKENS] for at in range(TEXTS)]

    def built(dtype: str, storage: str) -> tuple[LocalMemoryModel, Built]:
        settings = MemorySettings(kind="full", kv_storage=storage)
        return models[dtype], build(models[dtype], text, settings, EMBEDDED)

    with tempfile.TemporaryDirectory() as kept:
        formats: dict[str, PackageFormat | PickledCache] = {
            f"{storage} ({dtype})": PackageFormat(*built(dtype, storage), Path(kept) / f"{storage}-{dtype}")
            for dtype, storage in (("float32", "exact"), ("float32", "float16"), ("float32", "int8"),
                                   ("float32", "int4"), ("bfloat16", "exact"), ("bfloat16", "int8"))
        }  # fmt: skip
        for dtype in models:
            whole = formats[f"exact ({dtype})"]
            formats[f"torch.save + deepcopy ({dtype})"] = PickledCache(
                whole.model, whole.memory, Path(kept) / f"{dtype}.pt"
            )
        reference = formats["exact (float32)"]
        scores = next_token_scores(precise.model, reference.memory.shards[0].kv, texts)
        times: dict[str, dict[str, list[float]]] = {}
        for _ in range(REPEATS):
            for name, stored in formats.items():
                for what, work in (("save", stored.save), ("load", stored.load),
                                   ("load_to_first_token", stored.load_to_first_token)):  # fmt: skip
                    times.setdefault(name, {}).setdefault(what, []).append(seconds(work))
            for dtype in models:
                whole = formats[f"exact ({dtype})"]
                times.setdefault(f"read again ({dtype})", {}).setdefault("load_to_first_token", []).append(
                    seconds(partial(prefill_again, whole))
                )
        rows = {
            name: {
                **described(stored, reference),
                **agreement(next_token_scores(stored.model.language_model.model, stored.load(), texts), scores),
            }
            for name, stored in formats.items()
        }
    medians = {name: {what: statistics.median(values) for what, values in it.items()} for name, it in times.items()}
    for name in rows:
        again = medians[f"read again ({name.split('(')[1]}"]["load_to_first_token"]
        rows[name] |= {f"{what}_seconds": round(value, 4) for what, value in medians[name].items()}
        rows[name]["read_again_to_load"] = round(again / medians[name]["load_to_first_token"], 1)
    write_result(
        "storage" if arguments.document == DOCUMENT else f"storage_{arguments.document.stem}",
        {
            "memory_tokens": reference.memory.memory_tokens,
            "read_again_seconds": {
                name: round(it["load_to_first_token"], 3) for name, it in medians.items() if name not in rows
            },
            "rows": rows,
            "all_seconds": times,
        },
    )


def prefill_again(stored: Format) -> int:
    """Prefill the memory's tokens and compute the first token of the answer."""
    tokens = list(stored.memory.shards[0].token_ids)
    session = open_session(stored.model.language_model.model, [None], len(tokens))
    session.prefill(0, tokens)
    return stored.first_token(session.prefix())


def described(stored: Format, reference: Format) -> dict[str, Any]:
    size = stored.file.stat().st_size
    return {
        "bytes_per_token": round(size / stored.memory.memory_tokens),
        "share_of_float32": round(size / reference.file.stat().st_size, 4),
    }


if __name__ == "__main__":
    main()
