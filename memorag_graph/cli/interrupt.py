"""Ctrl-C: end the work in all threads, and say what is kept."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from memorag_graph.cancellation import Cancellation
from memorag_graph.errors import CancelledRunError

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as shells have it."""


@contextmanager
def stops_threads() -> Iterator[None]:
    """Let Ctrl-C give up the work of a graph's nodes, for whose threads it would otherwise wait.

    It must be entered in the main thread, to which Python delivers the signal.

    Raises:
        KeyboardInterrupt: If Ctrl-C was pressed.
    """
    cancellation = Cancellation.within_current()
    is_pressed = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal is_pressed
        is_pressed = True
        cancellation.cancel()
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, stop)
    try:
        with cancellation.bound():
            yield
    except CancelledRunError:
        if is_pressed:  # while an object was finalized: Python drops what is raised there
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def resumable(console: Console) -> Iterator[None]:
    """End the command with a word about what is kept if Ctrl-C interrupts the making of a memory."""
    try:
        yield
    except KeyboardInterrupt:
        console.print(
            "\n[yellow]Stopped.[/] The summaries that were finished are kept; the same command goes on from there."
        )
        raise SystemExit(INTERRUPTED) from None
