"""Processes that use the same files at once: a reader sees the old memory or the new one, and no change is lost."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.memory.storage.manifest import read_info, verify
from memorag_graph.serving.credentials import KeyFile
from tests import fault_memories
from tests.fault_subjects import tokens
from tests.warm_process import TalkingProcess

Compete = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def compete(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compete]:
    """Make calls of tests/competing_processes.py in a process each, at once; return what they returned."""
    environment = {**os.environ, "MEMORAG_GRAPH_HOME": str(tmp_path_factory.mktemp("home"))}
    process = TalkingProcess(["-m", "tests.competing_processes"], environment)

    def ask(*calls: list[object]) -> list[Any]:
        process.stdin.write(json.dumps(calls, default=str) + "\n")
        process.stdin.flush()
        answers: list[Any] = json.loads(process.stdout.readline())
        assert not [answer for answer in answers if isinstance(answer, str)]  # a traceback
        return answers

    yield ask
    process.end()


def test_a_reader_sees_the_old_memory_or_the_new_one(compete: Compete, tmp_path: Path) -> None:
    fault_memories.memorize(tmp_path)
    place, end = tmp_path / "memory", tmp_path / "end"
    before = read_info(place)["memory_id"]
    written, *seen = compete(["replace", place, end, 3], *[["read", place, end]] * 2)
    assert len(set(written)) == 2
    for ids in seen:
        assert len(ids) > 3
        assert set(ids) <= {before, *written}
        assert len(set(ids)) > 1


def test_two_writers_lose_no_change(compete: Compete, tmp_path: Path) -> None:
    fault_memories.memorize(tmp_path)
    place = tmp_path / "memory"
    refused = compete(["append", place, "one", 6], ["append", place, "two", 6])
    sources = {document["source"] for document in verify(place)["documents"]}
    assert sources == {"a.txt", "b.txt", *(f"{name}-{number}" for name in ("one", "two") for number in range(6))}
    assert sum(refused) > 0  # they did meet


def test_two_writers_lose_no_key_and_no_token(compete: Compete, tmp_path: Path) -> None:
    compete(*(["add_keys", tmp_path, name, 20] for name in "abc"), *[["add_tokens", tmp_path, 50]] * 3)
    assert len(KeyFile(tmp_path / "keys.json").read()) == 60
    assert [row[-1] for number in range(50) for row in tokens(tmp_path / f"{number}")] == [3] * 50
