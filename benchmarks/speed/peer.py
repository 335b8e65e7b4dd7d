"""A competitor of the benchmark, running in its own process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Peer:
    """A running competitor.

    Args:
        script: Its script, in this directory.
        arguments: Command-line arguments.
        python: Interpreter of its environment; by default the current one.
    """

    def __init__(self, script: str, *arguments: str, python: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [str(python or sys.executable), str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, stage: str, **given: object) -> dict[str, Any]:
        """Run a stage and return its report.

        Raises:
            RuntimeError: If the process ended.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._process.stdin.write(json.dumps({"stage": stage, "given": given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended in stage {stage} with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
