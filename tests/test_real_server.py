"""A real vLLM, started by hand with ``--enable-prompt-tokens-details``; its address is in MEMORAG_TEST_SERVER.

For example: ``MEMORAG_TEST_SERVER=http://127.0.0.1:8000/v1 pytest tests/test_real_server.py``.
"""

import os
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from memorag_graph import RemoteMemory
from memorag_graph.errors import MemoryMismatchError
from memorag_graph.models.served_language_model import ServedLanguageModel
from memorag_graph.registry import Registry

URL = os.environ.get("MEMORAG_TEST_SERVER", "")
LETTERS = (Path(__file__).parent.parent / "examples" / "skerrow_letters.txt").read_text(encoding="utf-8")
TEXT = LETTERS[:4_000]
QUESTIONS = ("Who was proud of the harbour at Thorle?", "What did the ferry carry?")
SECRET = secrets.token_urlsafe(32)

pytestmark = pytest.mark.skipif(not URL, reason="MEMORAG_TEST_SERVER names no server")


def remote(tenant: str, secret: str = SECRET, **changes: Any) -> RemoteMemory:
    card = httpx.get(f"{URL}/models").json()["data"][0]
    api = {"api_key": "none", "base_url": URL, "timeout": 600}
    return RemoteMemory(
        str(card["id"]), api_dict=api, kind="full", registry=Registry(), tenant=tenant, secret=secret, **changes
    )


def cached_share(memory: RemoteMemory, question: str) -> float:
    """Return the share of a question's prompt that was in the server's cache."""
    memory.session.opened()
    before = memory.usage
    memory.answer(question, max_new_tokens=4)
    after = memory.usage
    return (after.cached_tokens - before.cached_tokens) / (after.input_tokens - before.input_tokens)


def test_a_memory_is_in_the_cache_of_its_own_tenant_alone(tmp_path: Path) -> None:
    mine = remote("mine")
    mine.memorize(TEXT, tmp_path / "memory")
    assert mine.usage.calls == 1  # the warm-up
    assert cached_share(mine, QUESTIONS[0]) > 0.8  # what fills the last block of the memory comes with the question
    assert cached_share(mine, QUESTIONS[1]) >= 0.9
    again = remote("mine")
    again.load(tmp_path / "memory")
    assert cached_share(again, QUESTIONS[0]) >= 0.9
    stranger = remote("other", warm_up=False)
    stranger.load(tmp_path / "memory")
    assert cached_share(stranger, QUESTIONS[0]) == 0


def test_the_server_counts_the_tokens_that_it_reads() -> None:
    memory = remote("counting")
    model = memory.model.language_model
    assert isinstance(model, ServedLanguageModel)
    assert model.facts.engine == "vllm"
    assert model.facts.version
    assert 0 < model.facts.window >= model.window
    reading = [memory.agent.usage.input_tokens]
    for text in ("", TEXT):
        memory.generate(f"Hello. {text}", max_new_tokens=1)
        reading.append(memory.agent.usage.input_tokens)
    difference = (reading[2] - reading[1]) - (reading[1] - reading[0])
    assert abs(model.count(TEXT) - difference) <= 2  # a token may reach over the place where the text is put in


def test_a_memory_of_another_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote("identity", warm_up=False).memorize(TEXT, tmp_path / "memory")
    served = ServedLanguageModel.served.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(ServedLanguageModel, "served", property(lambda model: f"another {served(model)}"))
    with pytest.raises(MemoryMismatchError, match="served model: "):
        remote("identity").load(tmp_path / "memory")
