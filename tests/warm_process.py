"""New processes for tests that begin with the large libraries imported, which would take each of them seconds.

Each is a fork of a server that has imported them and done nothing else: nothing of the test's own process is in it.
Nothing of this package is imported before, so that it reads its environment and finds its extras as ever. A test of
what a process imports, or of how libraries are loaded, begins one with ``subprocess``.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import reduction
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent
_LIBRARIES = (
    "sentence_transformers",
    "transformers.generation",
    "transformers.models.llama.modeling_llama",
    "transformers.models.qwen2.modeling_qwen2",
    "langchain_openai",
    "langgraph.graph",
    "fastapi",
    "streamlit.web.bootstrap",
)
"""What is not there is left out. They read no variable of the environment that a test sets."""

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(list(_LIBRARIES))


class _Descriptor:
    """A file descriptor that a new process gets a copy of."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> Any:
        return _received, (reduction.DupFd(self.number),)


def _received(copy: Any) -> int:
    number: int = copy.detach()
    return number


def _begin(arguments: Sequence[str], directory: str, environment: Mapping[str, str], streams: Sequence[int]) -> None:
    """Become what ``python ARGUMENTS`` is in a directory, with an environment and standard streams."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    kind, what = arguments[0], arguments[1] if len(arguments) > 1 else ""
    sys.argv = list(arguments)
    searched = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [directory if kind in ("-m", "-c") else str(Path(kind).parent), *filter(None, searched)]
    if kind == "-m":
        sys.argv = list(arguments[1:])
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(kind, run_name="__main__")


class WarmProcess:
    """``python ARGUMENTS`` in a group of its own. Where there is no ``forkserver``, import this module in no test.

    Args:
        arguments: As after ``python``: ``-m`` and a module, ``-c`` and code, or a script; and its arguments.
        directory: Where it runs.
        environment: Its environment; this process's if not given.
        stdin: ``subprocess.PIPE``, or nothing to read.
        stdout: ``subprocess.PIPE``, a file, or this process's.
        stderr: The same, or ``subprocess.STDOUT``.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path = ROOT,
        environment: Mapping[str, str] | None = None,
        *,
        stdin: int | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> None:
        ours: list[int] = []

        def end(given: int | IO[Any] | None, otherwise: int) -> tuple[int, IO[str] | None]:
            """Return the process's end of a stream, and ours."""
            if given == subprocess.PIPE:
                reading, writing = os.pipe()
                mine, its = (writing, reading) if otherwise == 0 else (reading, writing)
                ours.append(its)
                return its, os.fdopen(mine, "w" if otherwise == 0 else "r")
            if isinstance(given, int) or given is None:
                return otherwise, None
            return given.fileno(), None

        with open(os.devnull) as nothing:
            its_stdin, self.stdin = end(stdin if stdin else nothing, 0)
            its_stdout, self.stdout = end(stdout, 1)
            its_stderr, self.stderr = (its_stdout, None) if stderr == subprocess.STDOUT else end(stderr, 2)
            streams = [_Descriptor(it) for it in (its_stdin, its_stdout, its_stderr)]
            variables = dict(os.environ if environment is None else environment)
            process = _CONTEXT.Process(target=_begin, args=(list(arguments), str(directory), variables, streams))
            process.start()
        for number in ours:
            os.close(number)
        self._process: Any = process
        self.pid: int = process.pid or 0

    @property
    def returncode(self) -> int | None:
        """As that of ``subprocess.Popen``; None while it runs."""
        code: int | None = self._process.exitcode
        return code

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired("a warm process", timeout or 0)
        self._process.join()
        return int(self._process.exitcode)

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def run_warm(
    arguments: Sequence[str], directory: Path = ROOT, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``python ARGUMENTS`` to its end, as ``subprocess.run`` does with ``capture_output``."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        code = WarmProcess(arguments, directory, environment, stdout=stdout, stderr=stderr).wait()
        for it in (stdout, stderr):
            it.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())
