"""Measure how long a process takes to start."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

_COMMANDS = {
    "import_seconds": [sys.executable, "-c", "import memorag_graph"],
    "help_seconds": [str(Path(sys.executable).parent / "memorag-graph"), "--help"],
}


def startup(repeats: int) -> dict[str, float]:
    """Return the median seconds of importing the package and of showing the command line's help."""
    return {name: statistics.median(_seconds(command) for _ in range(repeats)) for name, command in _COMMANDS.items()}


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
