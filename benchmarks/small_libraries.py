"""Grow a small library and count what it takes; used by ``scaling_model.py``.

Times are seconds of a core, without those of loading and first running the models.
"""

import shutil
import statistics
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from langchain_core.documents import Document

from memorag_graph.library.entry import Entry
from memorag_graph.library.library import Library
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

QUESTIONS = ("Who decided about the remote control?", "What did the team think of the budget?", "Why was it postponed?")
ROUNDS = 5

Seen = dict[str, float]


def grow(directory: Path, texts: Sequence[str], sizes: Sequence[int]) -> list[Seen]:
    """Grow a library to each number of documents; return what it held and took at each."""
    library = opened(directory, RunOptions(), texts[0])
    empty = size_of(directory / "catalogue.sqlite")
    seen, seconds = [], 0.0
    for size, new in zip(sizes, parts(texts, sizes), strict=True):
        began = time.process_time()
        library.add(*new)
        seconds += time.process_time() - began
        catalogue = library.stores.catalogue
        entries = catalogue.entries()
        gists = [note.text for entry in entries for note in catalogue.notes(entry.id)]
        seen.append(
            {
                "documents": size,
                "tokens": sum(entry.tokens for entry in entries),
                "chunks": sum(entry.chunks for entry in entries),
                "text_bytes": sum(len(text.encode()) for text in texts[:size]),
                "stored_text_bytes": size_of(directory / "texts"),
                "index_bytes": size_of(directory / "index"),
                "catalogue_bytes": size_of(directory / "catalogue.sqlite") - empty,
                "gist_bytes": sum(len(gist.encode()) for gist in gists),
                "intake_seconds": seconds,
                "question_seconds": question_seconds(library),
            }
        )
    return seen


def remember(directory: Path, texts: Sequence[str], sizes: Sequence[int]) -> list[Seen]:
    """Make memories in 8 bits of so many documents; return their tokens, bytes and seconds."""
    library = opened(directory, RunOptions(model="embedded", kv_storage="int8"), texts[0])
    seen, seconds = [], 0.0
    for size, new in zip(sizes, parts(texts, sizes), strict=True):
        library.add(*new)
        began = time.process_time()
        library.remember()
        seconds += time.process_time() - began
        entries = library.stores.catalogue.entries()
        texts_made = library.stores.memories.made({entry.text_sha256 for entry in entries})
        infos = [read_info(library.stores.memories.place(text)) for text in texts_made]
        seen.append(
            {
                "documents": size,
                "tokens": sum(entry.tokens for entry in entries),
                "remembered_tokens": sum(info["memory_tokens"] for info in infos),
                "memory_bytes": sum(size_of(file) for file in (directory / "memories").rglob("memory*.bin")),
                "memory_seconds": seconds,
            }
        )
    return seen


def choose_among(documents: int) -> Seen:
    """Return what the entries of so many documents take in RAM, and what choosing among them takes at each question."""
    tracemalloc.start()
    entries = [made_up(number) for number in range(documents)]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    began = time.process_time()
    Snapshot.of(entries)
    all_of_them = time.process_time()
    Snapshot.of(entries, where={"pages": {"gte": 2}})
    return {
        "documents": documents,
        "ram_bytes_per_document": held / documents,
        "seconds_per_document": (all_of_them - began) / documents,
        "seconds_per_document_with_a_filter": (time.process_time() - all_of_them) / documents,
    }


def made_up(number: int) -> Entry:
    """Return an entry as a catalogue holds it."""
    name, at = f"report-{number:07}.pdf", f"2026-01-01T00:00:00.{number % 10**6:06}+00:00"
    content, text = (sha256(f"{kind} {number}".encode()).hexdigest() for kind in ("file", "text"))
    return Entry(
        number, name, 1, f"/files/{name}", content, text, at, "", "en", f"Report {number}", 12_000, 3_500, 35, 5
    )


def opened(directory: Path, options: RunOptions, text: str) -> Library:
    """Open a library whose models have done all once in another one."""
    registry = Registry()
    other = Library.open(directory.with_name("first"), registry, memory="never", options=options)
    other.add(Document(text))
    other.ask(QUESTIONS[0])
    if options.kv_storage == "int8":
        other.remember()
    shutil.rmtree(other.directory)
    return Library.open(directory, registry, memory="never", options=options)


def parts(texts: Sequence[str], sizes: Sequence[int]) -> Iterator[list[Document]]:
    """Yield the documents that are new at each size."""
    for start, stop in zip([0, *sizes], sizes, strict=False):
        yield [Document(texts[at], metadata={"source": f"{at:05}.txt"}) for at in range(start, stop)]


def question_seconds(library: Library) -> float:
    """Return the median seconds of an answer."""
    times = []
    for number in range(ROUNDS):
        for question in QUESTIONS:
            began = time.process_time()
            library.ask(f"{question} ({number})")
            times.append(time.process_time() - began)
    return statistics.median(times)


def size_of(path: Path) -> int:
    """Return the bytes of a file, with a database's own log, or of all files in a directory."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return sum(file.stat().st_size for file in files if file.is_file())
