"""A contender of the benchmark, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Peer:
    """A running contender.

    Args:
        script: Its file, beside this one.
        arguments: Its command line.
        python: The interpreter of its environment; by default this one.
    """

    def __init__(self, script: str, *arguments: str, python: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [str(python or sys.executable), str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, stage: str, **given: object) -> dict[str, Any]:
        """Have it run a stage, and return what it reports.

        Raises:
            RuntimeError: If it died.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the contender has no pipes")
        self._process.stdin.write(json.dumps({"stage": stage, "given": given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a contender ended in the stage {stage} with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
