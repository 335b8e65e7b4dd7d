"""Measure the seconds until a long document gives its first answer with a citation, and until its memory is whole.

The embedded models are loaded. With ``memory="background"`` the document is split and indexed by words, then asked; it
is embedded and its memory made behind that. The peers in the same run are ``memory="never"``, which answers once the
document is embedded, and ``memory="now"``, which answers once the memory is whole.

    python benchmarks/first_answer.py DOCUMENTS.jsonl [...] --tokens 100000 1000000 [--whole-up-to 100000]

Files and their repetition are those of ``growth.py``. Longer documents than ``--whole-up-to`` tokens are measured
without the peers and without waiting for the memory, which take long.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from common import write_result
from growth import QUESTIONS, documents

from memorag_graph.documents import Document
from memorag_graph.graph import build_graph
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.settings import MemoryMode, RunOptions
from memorag_graph.state import GraphInput


def first_answer(registry: Registry, texts: list[Document], mode: MemoryMode, *, whole: bool) -> dict[str, Any]:
    """Memorize documents in an empty store, ask, and wait for the memory if wanted; return the seconds of each."""
    with tempfile.TemporaryDirectory() as store:
        own = registry.with_store(MemoryStore(Path(store)))
        options, began = RunOptions(model=EMBEDDED, memory=mode), time.perf_counter()
        opened = own.memorize(texts, options)
        given = GraphInput(memory_id=opened.memory.id, query=QUESTIONS[0], task_type="lookup")
        result = build_graph(own).invoke(given, context=options)
        answered = time.perf_counter() - began
        if not result["citations"]:
            raise SystemExit("the first answer has no citation; give other documents")
        found = {
            "seconds_to_the_first_answer": round(answered, 1),
            "memory_share_then": own.begun_memories.share_of(opened),
        }
        if not whole:
            own.behind.worker.stop()
            return found
        own.behind.worker.wait()
        return {**found, "seconds_to_the_whole_memory": round(time.perf_counter() - began, 1)}


def measure(registry: Registry, paths: list[Path], tokens: int, *, whole: bool) -> dict[str, Any]:
    model = registry.models.memory_model(EMBEDDED, RunOptions())
    texts = list(documents(paths, tokens, model.language_model.count))
    found: dict[str, Any] = {"tokens": tokens, "documents": len(texts)}
    modes: tuple[MemoryMode, ...] = ("now", "never", "background") if whole else ("background",)
    for mode in modes:
        found[mode] = first_answer(registry, texts, mode, whole=whole and mode != "never")
    if whole:
        ratio = found["now"]["seconds_to_the_first_answer"] / found["background"]["seconds_to_the_first_answer"]
        found["times_sooner"] = round(ratio, 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--tokens", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--whole-up-to", type=int, default=100_000)
    given = parser.parse_args()
    silence_libraries()
    registry = Registry()
    registry.models.preload(RunOptions(model=EMBEDDED))
    lengths = [measure(registry, given.paths, it, whole=it <= given.whole_up_to) for it in given.tokens]
    write_result("first_answer", {"lengths": lengths})


if __name__ == "__main__":
    main()
