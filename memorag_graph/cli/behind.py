"""Make what a command left to the background before the program ends."""

from dataclasses import asdict

from rich.console import Console

from memorag_graph.cli.interrupt import resumable
from memorag_graph.console import StageProgress
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry

_POLL_SECONDS = 0.2
_WHOLE = 100


def make_behind(registry: Registry, progress: Console) -> None:
    """Wait until the memories that are made behind answers are whole, and show how far they are.

    Args:
        registry: Makes them.
        progress: Console for progress.
    """
    worker = registry.behind.worker
    if not worker.is_working:
        return
    progress.print("[dim]The memory is made now; Ctrl-C stops that, and a later command goes on from there.[/]")
    with resumable(progress), StageProgress(progress) as bars:
        while not worker.wait(_POLL_SECONDS):
            if (making := worker.making) is not None:
                bars.update(asdict(Progress("memories", int(_WHOLE * making.share), _WHOLE, "percent")))
        bars.update(asdict(Progress("memories", _WHOLE, _WHOLE, "percent")))
