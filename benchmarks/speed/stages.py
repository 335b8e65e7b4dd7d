"""A process that measures stages on request: one JSON object a line comes in, one goes out.

Needs nothing but Python, because every contender runs in an environment of its own.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Stage = Callable[..., dict[str, Any]]
"""Does a stage's work; what it returns is reported, with ``seconds`` for the whole call unless it says otherwise."""


def serve(stages: Mapping[str, Stage]) -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the libraries print
    for line in sys.stdin:
        request = json.loads(line)
        began = time.perf_counter()
        result = stages[request["stage"]](**request["given"])
        result.setdefault("seconds", time.perf_counter() - began)
        result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        answers.write(json.dumps(result) + "\n")
        answers.flush()


def resident_mb() -> float:
    """Return the memory that this process has in RAM."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
