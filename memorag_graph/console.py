"""Progress and sizes as shown by the command line, the Python interface and the web demo."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

STAGES = {
    "waiting": "Waiting for another process to finish this memory",
    "sections": "Splitting the text",
    "gists": "Summarizing sections",
    "memory": "Prefilling the memory",
    "eviction": "Evicting keys and values",
    "chunks": "Chunking the text",
    "index": "Indexing chunks",
    "documents": "Taking in documents",
    "memories": "Making memories",
}
"""Title of each stage of :class:`memorag_graph.progress.Progress`."""

TRACE_TITLES = {
    "route": "Task",
    "rewritten": "Understood as",
    "considered": "Considered",
    "dropped": "Dropped",
    "missing": "Searched again for",
}
"""Title of each kind of trace record."""

_LINE_SECONDS = 5.0
"""Minimum seconds between two lines of a stage if the output is not a terminal."""


class _Rate(ProgressColumn):
    """Units per second."""

    def render(self, task: Task) -> Text:
        rate = f"{task.speed:,.0f}" if task.speed else "–"
        return Text(f"{rate} {task.fields['unit']}/s", style="cyan")


class StageProgress:
    """Progress of long work, stage by stage: bars in a terminal, a line every few seconds elsewhere.

    Args:
        console: Console to write to.
        clock: Returns the time in seconds; used for the lines.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            _Rate(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lines = _StageLines(console, clock)

    def __enter__(self) -> "StageProgress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def update(self, event: Mapping[str, Any]) -> None:
        """Show a progress event, given as the fields of :class:`memorag_graph.progress.Progress`."""
        if not self._console.is_terminal:
            self._lines.update(event)
            return
        stage = event["stage"]
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(STAGES.get(stage, stage), total=event["total"], unit=event["unit"])
        self._bars.update(self._tasks[stage], completed=event["done"], total=event["total"])


class _StageLines:
    """Writes a line when a stage begins, every few seconds while it runs, and when it ends."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._started: dict[str, float] = {}
        self._written: dict[str, float] = {}
        self._ended: set[str] = set()

    def update(self, event: Mapping[str, Any]) -> None:
        stage, done, total, unit = event["stage"], event["done"], event["total"], event["unit"]
        now = self._clock()
        started = self._started.setdefault(stage, now)
        is_end = done >= total
        if stage in self._ended or (not is_end and now - self._written.get(stage, float("-inf")) < _LINE_SECONDS):
            return
        self._written[stage] = now
        if is_end:
            self._ended.add(stage)
        seconds = f" in {now - started:.0f} s" if now - started >= 1 else ""
        self._console.print(
            f"{STAGES.get(stage, stage)}: {done:,} of {total:,} {unit}{seconds}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def size(count: float) -> str:
    """Format a number of bytes, for example ``"1.50 GB"``."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"
