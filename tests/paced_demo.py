"""Run ``memorag-graph ui`` at a pace that tests set, so that what they stop or watch is not over before.

The file ``pace`` of the current directory holds the seconds that each token of an answer, and each report of the
progress of memorizing, takes longer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from memorag_graph.cancellation import Cancellation
from memorag_graph.cli.main import main
from memorag_graph.ui.jobs import Job

_PACE = "pace"


@contextmanager
def slowly(home: Path, seconds: float = 0.3) -> Iterator[None]:
    """Slow the demo of a directory down until the block ends."""
    (home / _PACE).write_text(str(seconds))
    try:
        yield
    finally:
        (home / _PACE).unlink()


def _paced(step: Callable[..., None]) -> Any:
    def take_longer(*arguments: Any) -> None:
        step(*arguments)
        with suppress(FileNotFoundError):
            time.sleep(float(Path(_PACE).read_text()))

    return take_longer


if __name__ == "__main__":
    Cancellation.check = _paced(Cancellation.check)  # type: ignore[method-assign]
    Job.report = _paced(Job.report)  # type: ignore[method-assign]
    main()
