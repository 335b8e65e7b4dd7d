"""Time the stages on the example document, with the embedded models.

Peers measured in the same run, interleaved: opening a saved memory against prefilling its tokens again, and
three clue prompts as one batch against one after the other.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import DOCUMENT, write_result

from memorag_graph.cli.run import quiet
from memorag_graph.clues.asking import ShardedChat
from memorag_graph.clues.recollection import Recollection
from memorag_graph.documents import read_document
from memorag_graph.kv.branch import open_branch
from memorag_graph.memory.files import load_memory
from memorag_graph.models.threads import compute
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

REPEATS = 5
QUESTION = "How low did the company's cash headroom fall during the pandemic, and when?"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    quiet()
    registry, options = Registry(), RunOptions()
    with tempfile.TemporaryDirectory() as kept:
        document = read_document(DOCUMENT)
        started = time.perf_counter()
        opened = registry.memorize([document], options, Path(kept))
        memorize = time.perf_counter() - started

        memory, model = opened.memory, opened.model
        recollection = Recollection(ShardedChat(opened.chat(options)), memory.prompts, memory.notes)
        asked = [recollection.recall, recollection.rewrite, recollection.draft]

        def together() -> None:
            with ThreadPoolExecutor(3) as pool:
                for answer in [pool.submit(ask, QUESTION) for ask in asked]:
                    answer.result()

        def read_again() -> None:
            for shard in memory.shards:
                tokens = list(shard.token_ids)
                compute(
                    model.language_model.model.device,
                    lambda tokens=tokens: open_branch(model.language_model.model, [None], len(tokens)).prefill(
                        0, tokens
                    ),
                )

        times: dict[str, list[float]] = {}
        for _ in range(REPEATS):
            for name, work in {
                "open": lambda: load_memory(Path(kept), opened.index.embeddings),
                "prefill_again": read_again,
                "clues_in_one_batch": together,
                "clues_one_by_one": lambda: [ask(QUESTION) for ask in asked],
                "search": lambda: opened.index.vectors.search([QUESTION], 3),
            }.items():
                times.setdefault(name, []).append(seconds(work))
    medians = {name: round(statistics.median(values), 4) for name, values in times.items()}
    write_result(
        "stages",
        {
            "document_tokens": memory.context_tokens,
            "memory_tokens": memory.memory_tokens,
            "memory_bytes": memory.nbytes,
            "dtype": memory.identity.dtype,
            "seconds": {"memorize_with_model_loading": round(memorize, 1), **medians},
            "ratios": {
                "prefill_again_to_open": round(medians["prefill_again"] / medians["open"], 1),
                "clues_one_by_one_to_one_batch": round(medians["clues_one_by_one"] / medians["clues_in_one_batch"], 2),
            },
            "all_seconds": times,
        },
    )


if __name__ == "__main__":
    main()
