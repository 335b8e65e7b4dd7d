"""Servers in processes of their own, started and stopped by tests."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from tests.warm_process import WarmProcess

ROOT = Path(__file__).parent.parent
_START_SECONDS = 90


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningApp:
    """An ASGI app that a thread serves."""

    def __init__(self, app: ASGIApp) -> None:
        port = free_port()
        self._server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@contextmanager
def serving(
    command: Sequence[str], health: str, directory: Path, environment: Mapping[str, str], port: int
) -> Iterator[str]:
    """Run a program of this environment as a server until the block ends; yield its address."""
    url, log = f"http://127.0.0.1:{port}", directory / "log"
    own = command[1:] if command[0] == "python" else [str(Path(sys.executable).parent / command[0]), *command[1:]]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **environment}
    with log.open("w") as output, open(os.devnull) as nothing:
        streams = (nothing.fileno(), output.fileno(), output.fileno())
        process = WarmProcess(own, directory, variables, streams)
    try:
        _wait_for(f"{url}{health}", process, log)
        yield url
    finally:
        _stop(process)


@contextmanager
def langgraph_dev(directory: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Run ``langgraph dev`` with the repository's configuration."""
    port = free_port()
    command = ["langgraph", "dev", "--no-browser", "--no-reload", "--port", str(port)]
    command += ["--config", str(ROOT / "langgraph.json")]
    with serving(command, "/ok", directory, {"LANGGRAPH_CLI_NO_ANALYTICS": "1", **environment}, port) as url:
        yield url


@contextmanager
def memorag_serve(directory: Path, environment: Mapping[str, str], *arguments: str) -> Iterator[str]:
    """Run ``memorag-graph serve``."""
    port = free_port()
    command = ["python", "-m", "memorag_graph", "serve", "--port", str(port), *arguments]
    with serving(command, "/health", directory, environment, port) as url:
        yield url


@contextmanager
def transformers_serve(directory: Path, model: str) -> Iterator[str]:
    """Serve a local model with transformers, in float32."""
    port = free_port()
    command = ["transformers", "serve", model, "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    with serving(command, "/health", directory, {"OMP_NUM_THREADS": "1"}, port) as url:
        yield url


def _stop(process: WarmProcess) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(url: str, process: WarmProcess, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
