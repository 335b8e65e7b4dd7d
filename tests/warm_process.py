"""New processes for tests that begin with the large libraries imported, which would take each of them seconds.

Each is a fork of a server that has imported them and done nothing else: nothing of the test's own process is in it.
Nothing of this package is imported before, so that it reads its environment and finds its extras as ever. A test of
what a process imports, or of how libraries are loaded, begins one with ``subprocess``.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import reduction
from pathlib import Path
from types import ModuleType
from typing import Any

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
if sys.platform == "linux":  # elsewhere a fork of a process that holds them may fail
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
    kind = arguments[0]
    searched = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [directory if kind in ("-m", "-c") else str(Path(kind).parent), *filter(None, searched)]
    sys.argv = list(arguments[1:] if kind == "-m" else arguments)
    if kind == "-m":
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        del sys.argv[1]
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(kind, run_name="__main__")


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep a new process from running the main module of this one, which may be a page that a test has shown."""
    own = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = own


class WarmProcess:
    """``python ARGUMENTS``, in a group of its own.

    Args:
        arguments: As after ``python``: ``-m`` and a module, ``-c`` and code, or a script; and its arguments.
        directory: Where it runs.
        environment: Its environment; this process's if not given.
        streams: Descriptors of its standard input, output and errors.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path = ROOT,
        environment: Mapping[str, str] | None = None,
        streams: Sequence[int] = (0, 1, 2),
    ) -> None:
        variables = dict(os.environ if environment is None else environment)
        given = (list(arguments), str(directory), variables, [_Descriptor(it) for it in streams])
        self._process: Any = _CONTEXT.Process(target=_begin, args=given)
        with _without_main():
            self._process.start()
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return how it has ended, as ``subprocess.Popen`` tells it; None while it runs."""
        code: int | None = self._process.exitcode
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Return how it has ended, once it has.

        Raises:
            subprocess.TimeoutExpired: If it still runs after so many seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a warm process", timeout or 0)
        return int(self._process.exitcode)


class TalkingProcess(WarmProcess):
    """One that is written to and answers, in lines.

    Attributes:
        stdin: What it reads.
        stdout: What it writes.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        (its_input, ours), (answers, its_output) = os.pipe(), os.pipe()
        super().__init__(arguments, environment=environment, streams=(its_input, its_output, 2))
        os.close(its_input)
        os.close(its_output)
        self.stdin, self.stdout = os.fdopen(ours, "w"), os.fdopen(answers)

    def end(self) -> None:
        """End what it reads, and wait until it has ended."""
        self.stdin.close()
        self.wait()
        self.stdout.close()


def run_warm(
    arguments: Sequence[str], directory: Path = ROOT, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``python ARGUMENTS`` to its end, as ``subprocess.run`` does with ``capture_output``."""
    with (
        open(os.devnull) as nothing,
        tempfile.TemporaryFile("w+") as stdout,
        tempfile.TemporaryFile("w+") as stderr,
    ):
        streams = [it.fileno() for it in (nothing, stdout, stderr)]
        code = WarmProcess(arguments, directory, environment, streams).wait()
        for it in (stdout, stderr):
            it.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())
