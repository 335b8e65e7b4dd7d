"""What tests/test_faults.py changes while faults happen: real memories of a tiny model."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from memorag_graph.documents import Document
from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.revision import appended, removed, replaced
from memorag_graph.memory.storage.journal import JOURNAL
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.memory.storage.memory_files import load_memory
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import finish_change
from memorag_graph.registry import Registry
from memorag_graph.retrieval.terms import terms
from memorag_graph.settings import RunOptions
from memorag_graph.text.languages import detect_language
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model
from tests.fault_subjects import Subject, nothing

A, B = Document("a.txt", TEXT[:600]), Document("b.txt", TEXT[600:900])
C, EDITED = Document("c.txt", TEXT[900:1200]), Document("a.txt", TEXT[:600].replace("ferry", "train", 1))

OPTIONS = TINY.model_copy(update={"gist_tokens": 16})
"""Short gists: thousands of processes write them."""


@cache
def registry() -> Registry:
    """Return a registry with a model, with everything loaded that a change needs."""
    torch.set_num_threads(1)  # a fork inherits no other threads
    made = Registry()
    made.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    made.add_embeddings("hash", HashEmbeddings())
    detect_language(TEXT)
    terms(TEXT, "en")
    for name in ("providers.provider_models", "memory.storage.memory_files", "retrieval.memory_index"):
        import_module(f"memorag_graph.{name}")
    return made


def memorize(place: Path) -> None:
    registry().memorize([A, B], OPTIONS, place / "memory")


def revise(change: Callable[..., Any], *arguments: object) -> Callable[[Path], object]:
    return lambda place: registry().revise(place / "memory", lambda memory: change(memory, *arguments), OPTIONS)


def memorize_in_store(place: Path) -> None:
    registry().with_store(MemoryStore(place / "store")).memorize([A], OPTIONS)


def open_memory(place: Path) -> None:
    registry().open(place / "memory", RunOptions(model="tiny-llama", embedding_model="hash"))


def memory(directory: Path) -> dict[str, Any] | None:
    """Return sizes and hashes of a memory's files after loading it, or None if there is no memory."""
    try:
        files: dict[str, Any] = read_info(directory)["files"]
    except MemoryFileError as error:
        if "is damaged" in str(error):
            raise
        return None
    load_memory(directory, HashEmbeddings())
    return files


def stored(place: Path) -> list[Any]:
    return [memory(directory) for directory in (place / "store").glob("[!.]*") if memory(directory)]


def collect(place: Path) -> None:
    """Finish the change, and delete the folders that could not be deleted."""
    memorize_in_store(place)
    MemoryStore(place / "store").gc()


def own(begin: Callable[[Path], object], change: Callable[[Path], object]) -> Subject:
    return Subject(begin, change, lambda place: memory(place / "memory"), tidy=forget_leftovers)


def forget_leftovers(place: Path) -> None:
    """Finish the change, and forget notes of a process that was killed after it."""
    finish_change(place / "memory")
    for name in (JOURNAL, f"{JOURNAL}-journal"):
        (place / "memory" / name).unlink(missing_ok=True)


SUBJECTS = {
    "memorize": own(nothing, memorize),
    "append": own(memorize, revise(appended, [C])),
    "replace": own(memorize, revise(replaced, "a.txt", EDITED)),
    "remove": own(memorize, revise(removed, "b.txt")),
    "open": own(memorize, open_memory),
    "memorize in the store": Subject(nothing, memorize_in_store, stored, tidy=collect),
}

CHANGES = {name: subject.change for name, subject in SUBJECTS.items()}

warm_up = registry
