"""Output of ``print_stats=True``: progress on standard error, the memory's size on standard output."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console

from memorag_graph.console import StageProgress
from memorag_graph.progress import ReportProgress, ignore_progress

_BYTES_PER_GB = 1024**3


@contextmanager
def reporting(is_enabled: bool) -> Iterator[ReportProgress]:
    """Yield a progress callback that shows progress bars if enabled."""
    if not is_enabled:
        yield ignore_progress
        return
    with StageProgress(Console(stderr=True)) as bars:
        yield lambda progress: bars.update(asdict(progress))


def show_stats(info: Mapping[str, Any]) -> None:
    """Print language and sizes of a saved memory.

    Args:
        info: Its manifest.
    """
    size = sum(file["bytes"] for name, file in info["files"].items() if name.startswith("memory."))
    tokens = sum(document["tokens"] for document in info["documents"])
    console = Console(highlight=False)
    console.print(f"Detected language: {info['language']}")
    console.print(f"Context length: {tokens} tokens")
    console.print(f"Memory file size: {size / _BYTES_PER_GB:.2f} GB")
    console.print(f"Number of chunks in retrieval corpus: {info['chunks']}")
