"""Predict what a library of any size takes from what a small one took, and check that at other sizes.

    python benchmarks/scaling_model.py DATA [--sizes 8 24 72] [--remembered 2 4 8] [--characters 12000]
    python benchmarks/scaling_model.py       # keeps what was measured; predicts the published results again

DATA holds ``documents.jsonl`` (``{"text": ...}``). A library is grown to each size with the embedded models; what the
smallest took, per token, chunk or document, predicts the others. Published results of other benchmarks are predicted
from their own smallest size in the same way. Writes ``benchmarks/results/scaling_model.json``: the constants, each
prediction beside what was measured, and what 10^3 to 10^9 chunks take.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from common import RESULTS, write_result
from small_libraries import Seen, choose_among, grow, remember

TOLERANCE = 0.2
SIZES = tuple(10**power for power in range(3, 10))

DIMENSIONS, FLOAT_BYTES = 384, 4
PARTITIONED_FROM = 10_000
"""Chunks from which the embedded index holds the vectors a second time, in partitions."""

EXACT_UP_TO, PROBED_SHARE = 200_000, 0.25
"""Chunks up to which the embedded index compares all vectors, and the share of them beyond."""

SECONDS_PER_CHUNK = 0.7e-6
"""By how much a question takes longer for each further chunk, to compare its vector and words: what ``library.json``
tells of its two smallest sizes."""

HOT_SHARE = 0.01
GPU_TOKENS_PER_SECOND = 20_000
PRICES = {
    "object_store_gb_month": 0.023,
    "disk_gb_month": 0.08,
    "ram_gb_month": 3.0,
    "core_hour": 0.04,
    "gpu_hour": 2.5,
}
"""Assumptions, not measured: share of the memories that are kept, tokens a second that a 7B model reads on one card,
US dollars of the order of large clouds' list prices."""


@dataclass(frozen=True)
class Shape:
    """Layers, heads of keys and size of a head of a model whose keys and values are kept."""

    layers: int
    heads: int
    size: int

    def bytes_per_token(self, key_bits: float, value_bits: float, *, scaled: bool = False) -> float:
        """Return the bytes of a token; a scale and zero for 256 tokens of a key channel and for each value head."""
        numbers = self.layers * self.heads * self.size
        scales = numbers * 4 / 256 + self.layers * self.heads * 3
        return numbers * (key_bits + value_bits) / 8 + (scales if scaled else 0)


EMBEDDED = Shape(30, 3, 64)
QWEN_7B = Shape(28, 4, 128)
FORMATS = {
    "exact (float32)": EMBEDDED.bytes_per_token(32, 32),
    "float16 (float32)": EMBEDDED.bytes_per_token(16, 16),
    "int8 (float32)": EMBEDDED.bytes_per_token(8, 8, scaled=True),
    "int4 (float32)": EMBEDDED.bytes_per_token(5, 4, scaled=True),
}


@dataclass(frozen=True)
class Constants:
    """What a small library took, per unit; seconds are those of a core."""

    text_bytes_per_token: float
    tokens_per_chunk: float
    tokens_per_document: float
    stored_text_share: float
    index_bytes_beside_vectors: float
    catalogue_bytes_per_document: float
    gist_bytes_per_token: float
    seconds_per_chunk: float
    question_seconds: float
    remembered_share: float
    seconds_per_remembered_token: float

    @classmethod
    def of(cls, library: Seen, memories: Seen) -> "Constants":
        """Return the constants of one size."""
        chunks, tokens, documents = library["chunks"], library["tokens"], library["documents"]
        return cls(
            text_bytes_per_token=library["text_bytes"] / tokens,
            tokens_per_chunk=tokens / chunks,
            tokens_per_document=tokens / documents,
            stored_text_share=library["stored_text_bytes"] / library["text_bytes"],
            index_bytes_beside_vectors=library["index_bytes"] / chunks - vector_bytes(chunks),
            catalogue_bytes_per_document=library["catalogue_bytes"] / documents,
            gist_bytes_per_token=library["gist_bytes"] / tokens,
            seconds_per_chunk=library["intake_seconds"] / chunks,
            question_seconds=library["question_seconds"] - scan_seconds(chunks),
            remembered_share=memories["remembered_tokens"] / memories["tokens"],
            seconds_per_remembered_token=memories["memory_seconds"] / memories["remembered_tokens"],
        )

    def library(self, tokens: float, documents: float) -> dict[str, float]:
        """Return what a library of so many tokens in so many documents takes."""
        chunks, text = tokens / self.tokens_per_chunk, tokens * self.text_bytes_per_token
        return {
            "chunks": chunks,
            "text_bytes": text,
            "stored_text_bytes": text * self.stored_text_share,
            "index_bytes": chunks * (self.index_bytes_beside_vectors + vector_bytes(chunks)),
            "catalogue_bytes": documents * self.catalogue_bytes_per_document,
            "gist_bytes": tokens * self.gist_bytes_per_token,
            "intake_seconds": chunks * self.seconds_per_chunk,
            "question_seconds": self.question_seconds + scan_seconds(chunks),
        }

    def memories(self, tokens: float) -> dict[str, float]:
        """Return what the memories of so many tokens of text take, in 8 bits, made by the embedded model."""
        remembered = tokens * self.remembered_share
        return {
            "remembered_tokens": remembered,
            "memory_bytes": remembered * FORMATS["int8 (float32)"],
            "memory_seconds": remembered * self.seconds_per_remembered_token,
        }

    def at(self, chunks: int) -> dict[str, float]:
        """Return what so many chunks take in all, and what that costs at :data:`PRICES`."""
        tokens = chunks * self.tokens_per_chunk
        remembered = tokens * self.remembered_share
        hot = HOT_SHARE * remembered
        sizes = self.library(tokens, tokens / self.tokens_per_document)
        gigabytes = {name: size / 1e9 for name, size in sizes.items() if name.endswith("_bytes")}
        in_ram, served = chunks * DIMENSIONS / 1e9, hot * QWEN_7B.bytes_per_token(16, 16) / 1e9
        on_disk = gigabytes["index_bytes"] + gigabytes["catalogue_bytes"] + served
        return {
            "chunks": chunks,
            "tokens": tokens,
            "documents": tokens / self.tokens_per_document,
            "text_gb": gigabytes["text_bytes"],
            "stored_text_gb": gigabytes["stored_text_bytes"],
            "index_gb": gigabytes["index_bytes"],
            "catalogue_gb": gigabytes["catalogue_bytes"],
            "vectors_8_bits_gb": in_ram,
            "gists_gb": gigabytes["gist_bytes"],
            "keys_and_values_embedded_8_bits_gb": remembered * FORMATS["int8 (float32)"] / 1e9,
            "keys_and_values_7b_16_bits_gb": remembered * QWEN_7B.bytes_per_token(16, 16) / 1e9,
            "hot_keys_and_values_7b_16_bits_gb": served,
            "intake_core_hours": sizes["intake_seconds"] / 3600,
            "question_core_seconds": sizes["question_seconds"],
            "dollars_of_a_million_questions": sizes["question_seconds"] * 1e6 / 3600 * PRICES["core_hour"],
            "dollars_once": sizes["intake_seconds"] / 3600 * PRICES["core_hour"]
            + hot / GPU_TOKENS_PER_SECOND / 3600 * PRICES["gpu_hour"],
            "dollars_a_month": gigabytes["stored_text_bytes"] * PRICES["object_store_gb_month"]
            + on_disk * PRICES["disk_gb_month"]
            + in_ram * PRICES["ram_gb_month"],
        }


def vector_bytes(chunks: float) -> float:
    """Return the bytes of vectors for each chunk in the embedded index."""
    return DIMENSIONS * FLOAT_BYTES * (2 if chunks > PARTITIONED_FROM else 1)


def scan_seconds(chunks: float) -> float:
    """Return the seconds to compare a question with the chunks."""
    return SECONDS_PER_CHUNK * (chunks if chunks <= EXACT_UP_TO else chunks * PROBED_SHARE)


def check(source: str, what: str, size: str, predicted: float, measured: float) -> dict[str, Any]:
    """Return a prediction beside what was measured."""
    ratio = predicted / measured
    within = abs(ratio - 1) <= TOLERANCE
    numbers = {"predicted": round(predicted, 4), "measured": round(measured, 4), "ratio": round(ratio, 3)}
    return {"source": source, "what": what, "size": size, **numbers, "within": within}


def checks_here(constants: Constants, libraries: Sequence[Seen], memories: Sequence[Seen]) -> Iterator[dict[str, Any]]:
    """Check the larger libraries that were made on the spot."""
    for seen in libraries[1:]:
        for name, predicted in constants.library(seen["tokens"], seen["documents"]).items():
            yield check("here", name, f"{seen['documents']:.0f} documents", predicted, seen[name])
    for seen in memories[1:]:
        for name, predicted in constants.memories(seen["tokens"]).items():
            yield check("here", name, f"{seen['documents']:.0f} documents", predicted, seen[name])


def checks_published(results: Path) -> Iterator[dict[str, Any]]:
    """Check published results: each larger size from the smallest one, and bytes from the model's shape."""
    library, storage, growth = (
        json.loads((results / f"{name}.json").read_text(encoding="utf-8")) for name in ("library", "storage", "growth")
    )
    first, asked = library["intake 197"], library["ask 197"]
    beside = first["index_bytes_per_chunk"] - vector_bytes(PARTITIONED_FROM)  # it had no partitions yet
    fixed = asked["p50_ms"] - scan_seconds(first["chunks"]) * 1000
    for size in (1000, 3000, 10_000):  # of questions the first gave the seconds per chunk
        seen, where = library[f"intake {size}"], f"{size} documents"
        predicted = beside + vector_bytes(seen["chunks"])
        yield check("library.json", "index_bytes_per_chunk", where, predicted, seen["index_bytes_per_chunk"])
        yield check("library.json", "chunks_per_second", where, first["chunks_per_second"], seen["chunks_per_second"])
        p50 = fixed + scan_seconds(seen["chunks"]) * 1000
        yield check("library.json", "p50_ms", where, p50, library[f"ask {size}"]["p50_ms"])
    for name, predicted in FORMATS.items():
        yield check("storage.json", "bytes_per_token", name, predicted, storage["rows"][name]["bytes_per_token"])
    smallest, *larger = growth["rows"]
    for row in growth["rows"]:
        held = sum(size for name, size in row["disk_mb"].items() if name.startswith("memory")) * 1e6
        predicted = row["memory_tokens"] * EMBEDDED.bytes_per_token(16, 16)
        yield check("growth.json", "memory_bytes", f"{row['context_tokens']} tokens", predicted, held)
    for row in larger:
        times = row["context_tokens"] / smallest["context_tokens"]
        for name in ("memory_tokens", "forming_seconds"):
            yield check("growth.json", name, f"{row['context_tokens']} tokens", times * smallest[name], row[name])


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Grow libraries and memories of the sizes that are given, and measure them."""
    most = max(*given.sizes, *given.remembered)
    with (given.data / "documents.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"][: given.characters] for line in islice(lines, most)]
    with tempfile.TemporaryDirectory() as directory:
        libraries = grow(Path(directory, "library"), texts, given.sizes)
        memories = remember(Path(directory, "remembered"), texts, given.remembered)
    return {"libraries": libraries, "memories": memories, "entries": choose_among(50_000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data", type=Path, nargs="?", help="without it, only published results are predicted again")
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 24, 72], help="documents of the library")
    parser.add_argument("--remembered", type=int, nargs="+", default=[2, 4, 8], help="documents that get memories")
    parser.add_argument("--characters", type=int, default=12_000, help="characters of each document")
    given = parser.parse_args()
    measured = measure(given) if given.data else json.loads((RESULTS / "scaling_model.json").read_text())["measured"]
    libraries, memories = measured["libraries"], measured["memories"]
    constants = Constants.of(libraries[0], memories[0])
    checks = [*checks_here(constants, libraries, memories), *checks_published(RESULTS)]
    result = {
        "measured": measured,
        "constants": asdict(constants),
        "assumed": {"hot_share": HOT_SHARE, "gpu_tokens_per_second": GPU_TOKENS_PER_SECOND, "prices": PRICES},
        "checks": checks,
        "misses": [it for it in checks if not it["within"]],
        "sizes": [constants.at(chunks) for chunks in SIZES],
    }
    write_result("scaling_model", result)


if __name__ == "__main__":
    main()
