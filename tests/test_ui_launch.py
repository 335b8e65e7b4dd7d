"""What the web demo does when it starts, before anybody opens its page."""

import threading
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.errors import ModelError
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.model_pool import ModelPool
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Everybody
from memorag_graph.serving.quotas import Quota
from memorag_graph.settings import RunOptions
from memorag_graph.ui import launch, resources

OPTIONS = RunOptions(model="somebody's model")
SECONDS = 10


@pytest.mark.parametrize("is_there", [True, False], ids=["a model", "no model"])
def test_the_models_begin_to_be_loaded_while_no_page_is_open_and_the_server_does_not_wait_for_them(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server here serves no page: it runs until the models are asked for, which are loaded once it runs."""
    begun, running, seen = threading.Event(), threading.Event(), []

    def load(_: ModelPool, options: RunOptions) -> None:
        begun.set()
        seen.append((options, running.wait(SECONDS)))
        if not is_there:
            raise ModelError("somebody's model is not there")

    class Server:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def run(self, **_: Any) -> None:
            running.set()
            begun.wait(SECONDS)

    (tmp_path / "memories").mkdir()  # it was started before: no example is memorized
    monkeypatch.setattr(ModelPool, "preload", load)
    monkeypatch.setattr(launch.st, "App", Server)
    monkeypatch.setattr(launch, "silence_libraries", lambda: None)
    monkeypatch.setattr(launch, "Registry", lambda: Registry(MemoryStore(tmp_path / "memories")))
    monkeypatch.setattr(resources, "running", None)
    launch.launch(OPTIONS, Everybody(), Quota(), "", "127.0.0.1", 0)
    for thread in threading.enumerate():
        if thread.name == "preload":
            thread.join(SECONDS)
    assert seen == [(OPTIONS, True)]
    assert ("the models were not loaded: somebody's model is not there" in caplog.text) != is_there
