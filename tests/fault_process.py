"""A process that makes changes for tests/test_faults.py, each in a fork with a fault injected by tests/fault_shim.c.

Reads one JSON object per line: the change, the directory and the fault. Writes the fork's exit status (minus the signal
number if a signal ended it), the error that it raised, how many system calls were counted, and the faulty one.
"""

import ctypes
import errno
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from memorag_graph.errors import MemoragError

ROOT = Path(__file__).parent.parent
ACTIONS = ("count", "kill", "tear", "fail", "fail on", "power")


@dataclass(frozen=True)
class Fault:
    """What happens at the n-th system call that touches files below the directory.

    Attributes:
        action: "kill"; "tear" writes half of the data first; "fail" fails once and "fail on" from then on; "power"
            loses a choice of what was not synced.
        at: The call, counted from 1.
        error: The error of a failing call.
        reads: Count calls that read instead of those that write.
        choice: What a power failure loses.
    """

    action: str = "count"
    at: int = 0
    error: str = "EIO"
    reads: bool = False
    choice: int = 0


class FaultProcess:
    """The process, driven from tests.

    Args:
        subjects: Module whose ``CHANGES`` it makes; imported once.
        shim: The compiled shim.
        home: The user's directory.
    """

    def __init__(self, subjects: str, shim: Path, home: Path) -> None:
        self.runs = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault_process", subjects],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={
                **os.environ,
                "LD_PRELOAD": str(shim),
                "MEMORAG_GRAPH_HOME": str(home),
                "TOKENIZERS_PARALLELISM": "false",
            },
        )

    def __call__(self, change: str, place: Path, fault: Fault | None = None) -> dict[str, Any]:
        """Make a change in a fork and return how it ended."""
        self.runs += 1
        task = {"change": change, "place": str(place), **asdict(fault or Fault())}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def end(self) -> None:
        self._process.communicate()


def child(
    change: Callable[[Path], object], answer: int, shim: ctypes.CDLL, place: str, task: Mapping[str, Any]
) -> None:
    """Make the change with the fault and end."""
    number = getattr(errno, task["error"])
    action = ACTIONS.index(task["action"])
    shim.fault_arm(place.encode(), action, ctypes.c_long(task["at"]), number, task["reads"], task["choice"])
    status = 0
    try:
        change(Path(place))
    except MemoragError as error:
        shim.fault_disarm()
        os.write(answer, str(error).encode())
        status = 2
    except BaseException:  # noqa: BLE001 - reported to the test
        shim.fault_disarm()
        os.write(answer, traceback.format_exc()[-1200:].encode())
        status = 1
    os._exit(status)


def main() -> None:
    subjects = import_module(sys.argv[1])
    subjects.warm_up()
    changes: Mapping[str, Callable[[Path], object]] = subjects.CHANGES
    shim = ctypes.CDLL(None)
    shim.fault_last.restype = ctypes.c_char_p
    shim.fault_seen.restype = ctypes.c_long
    for line in sys.stdin:
        task = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            child(changes[task["change"]], writing, shim, task["place"], task)
        os.close(writing)
        with os.fdopen(reading) as answer:
            message = answer.read()
        _, status = os.waitpid(pid, 0)
        ended = {"exit": os.waitstatus_to_exitcode(status), "error": message}
        sys.stdout.write(json.dumps({**ended, "seen": shim.fault_seen(), "call": shim.fault_last().decode()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
