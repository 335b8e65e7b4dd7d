"""How many processors this process may use, within the limits of its containers."""

import math
import os
from collections.abc import Iterator

from memorag_graph.control_groups import control_groups


def usable_processors() -> int:
    """Return the number of processors that this process can keep busy; at least 1."""
    return max(1, min([_visible(), *_quotas()]))


def _visible() -> int:
    """Return the processors that the process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas() -> Iterator[int]:
    """Yield the processors' time that each control group allows, in whole processors, rounded up."""
    for group in control_groups():
        limit = group / "cpu.max"
        if limit.exists():
            quota, period = limit.read_text().split()
            if quota != "max":
                yield math.ceil(int(quota) / int(period))
