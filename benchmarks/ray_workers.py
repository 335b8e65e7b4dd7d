"""Take documents in by one and by two workers of Ray, and by the process itself.

What is timed is ``Library.add`` of the same files into an empty library, with the embedded embedding model: cutting,
extractive notes, embedding, terms, and writing. The actors start and load the model within that time, Ray before it.
The sides take turns, so that other work on the machine meets all of them. All libraries have to be equal to the bit.

    python benchmarks/ray_workers.py                  # 500 documents, 2 rounds: half an hour of two cores
    python benchmarks/ray_workers.py --documents 20 --rounds 1 --out DIR
"""

import argparse
import hashlib
import logging
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import ray
import torch
from common import DOCUMENT, RESULTS, write_result

from memorag_graph.library.library import Library
from memorag_graph.text.sentences import split_sentences

SEED = 0
SIDES = {"process": 0, "one_worker": 1, "two_workers": 2}
"""Workers of each side; 0: the process itself, with as many threads as it takes by default."""


def write_documents(folder: Path, documents: int, characters: int) -> None:
    """Write documents of sentences of the example document, drawn at random, so that no two chunks are alike."""
    chance = random.Random(SEED)
    known = [it.text for it in split_sentences(DOCUMENT.read_text(encoding="utf-8"), "en")]
    for number in range(documents):
        text = f"# Letters {number}\n"
        while len(text) < characters:
            text += f"\n{' '.join(chance.choice(known) for _ in range(6))}\n"
        (folder / f"{number:04}.txt").write_text(text, encoding="utf-8")


def take_in(files: Path, place: Path, workers: int) -> dict[str, Any]:
    """Take the files in; return the seconds, the chunks, and a hash of what the library holds."""
    library = Library.open(place)
    library.embeddings.embed_query("loaded before the clock starts")
    if workers:
        ray.init(
            address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )
    began = time.perf_counter()
    report = library.add(files, ray="auto" if workers else "")
    seconds = time.perf_counter() - began
    if workers:
        ray.shutdown()
    return {"seconds": round(seconds, 2), "chunks": report.chunks, "content": content(library)}


def content(library: Library) -> str:
    """Return a hash of the entries and the rows of a library."""
    digest = hashlib.sha256()
    for entry in library.stores.catalogue.entries():
        digest.update(repr((entry.id, entry.name, entry.text_sha256, entry.chunks)).encode())
        digest.update(repr(library.stores.catalogue.notes(entry.id)).encode())
        for table in (library.stores.chunks, library.stores.notes):
            for row in table.rows_of([entry.id]):
                digest.update(repr((row.number, row.start, row.end, row.terms)).encode() + row.vector.tobytes())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--characters", type=int, default=8000, help="of each document")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch, "files")
        files.mkdir()
        write_documents(files, arguments.documents, arguments.characters)
        for number in range(arguments.rounds):
            for side, workers in SIDES.items():
                runs[side].append(take_in(files, Path(scratch, f"{side}-{number}"), workers))
                print(number, side, runs[side][-1]["seconds"], flush=True)
    every = [run for side in runs.values() for run in side]
    seconds = {side: statistics.median(run["seconds"] for run in its_runs) for side, its_runs in runs.items()}
    result = {
        "documents": arguments.documents,
        "characters": arguments.characters,
        "chunks": every[0]["chunks"],
        "threads_of_the_process": torch.get_num_threads(),
        "seconds": {side: [run["seconds"] for run in its_runs] for side, its_runs in runs.items()},
        "median_seconds": seconds,
        "two_workers_to_one": round(seconds["one_worker"] / seconds["two_workers"], 3),
        "two_workers_to_the_process": round(seconds["process"] / seconds["two_workers"], 3),
        "are_equal_to_the_bit": len({run["content"] for run in every}) == 1,
    }
    write_result("ray_workers", result, arguments.out)


if __name__ == "__main__":
    main()
