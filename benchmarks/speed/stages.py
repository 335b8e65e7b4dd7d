"""Run stages on request: read one JSON object per line from standard input and write one to standard output.

Uses the standard library only, because every competitor runs in its own environment.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Stage = Callable[..., dict[str, Any]]
"""Runs a stage and returns its report; ``seconds`` defaults to the time of the whole call."""


def serve(stages: Mapping[str, Stage]) -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes to standard error
    for line in sys.stdin:
        request = json.loads(line)
        began = time.perf_counter()
        result = stages[request["stage"]](**request["given"])
        result.setdefault("seconds", time.perf_counter() - began)
        result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        answers.write(json.dumps(result) + "\n")
        answers.flush()


def resident_mb() -> float:
    """Return the resident memory of this process in MB."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
