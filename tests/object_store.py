"""An S3 server for tests: moto in a process of its own, which keeps what it holds while it does not answer."""

import atexit
import subprocess
import sys
from functools import cache
from pathlib import Path

import httpx
import pytest

BUCKET, KEY, SECRET = "shelf", "AKIA-of-tests", "Pw-Lq3xT8nYc5Vb2"


class ObjectStore:
    """A server on loopback. It takes any credentials until :meth:`refuse`."""

    def __init__(self) -> None:
        pytest.importorskip("moto.server", reason="needs pip install 'moto[server]'")
        command = [sys.executable, str(Path(__file__).with_name("object_store_process.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self._told()}"
        httpx.put(f"{self.url}/{BUCKET}").raise_for_status()

    @property
    def environment(self) -> dict[str, str]:
        """How a process reaches it."""
        named = {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1"}
        return {**named, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def stop(self) -> None:
        """Stop answering: connections are refused."""
        self._say("stop")

    def start(self) -> None:
        """Answer again, with all that was kept before."""
        self._say("start")

    def refuse(self, *, really: bool = True) -> None:
        """Refuse all credentials, or take them again."""
        after = b"0" if really else b"inf"
        httpx.post(f"{self.url}/moto-api/reset-auth", content=after).raise_for_status()

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)

    def _say(self, what: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        self._told()

    def _told(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@cache
def _of_this_process() -> ObjectStore:
    store = ObjectStore()
    atexit.register(store.close)
    return store


@pytest.fixture(scope="session")
def object_store() -> ObjectStore:
    """The one server of this process: LanceDB remembers by the bucket's name alone which server it is on."""
    return _of_this_process()
