"""Errors of loading a model name their cause."""

from collections.abc import Callable

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError

from memorag_graph.errors import InputError, ModelError, first_line
from memorag_graph.models.device import choose_device
from memorag_graph.models.loading import ModelSource, load_language_model

_NOT_FOUND = httpx.Response(404, request=httpx.Request("GET", "https://hub.example/api/models/someone/model"))


@pytest.mark.parametrize(("fault", "message"), [
    (lambda: RepositoryNotFoundError("no such repository", response=_NOT_FOUND), r"\(no such repository\)"),
    (lambda: httpx.ConnectError("refused"), r"\(no model hub can be reached: refused\)"),
])  # fmt: skip
def test_an_error_of_the_model_hub_names_its_cause(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[], Exception], message: str
) -> None:
    def model_info(*_: object, **__: object) -> None:
        raise fault()

    monkeypatch.setattr(HfApi, "model_info", model_info)
    with pytest.raises(ModelError, match=message):
        load_language_model(ModelSource("someone/model"))


@pytest.mark.parametrize(("error", "line"), [
    (RuntimeError("\n a cause\nmore"), "a cause"),
    (RuntimeError(), "RuntimeError"),
])  # fmt: skip
def test_the_first_line_of_an_error(error: Exception, line: str) -> None:
    assert first_line(error) == line


@pytest.mark.parametrize("device", ["meta", "abacus", "cuda:99"])
def test_devices_that_cannot_compute_here_are_refused(device: str) -> None:
    with pytest.raises(InputError, match=device):
        choose_device(device)
