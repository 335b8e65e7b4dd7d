"""The clock is set back by a day or forward by a year: nothing in use is removed, nothing is forgotten."""

import os
from pathlib import Path

import pytest

from memorag_graph.errors import MemoryFileError, QuotaError
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.serving.credentials import KeyFile
from memorag_graph.serving.quotas import Quota, Usage
from tests.fault_subjects import BEGUN, DAY, NEW, ONE, TWO, begin_store, kept, store
from tests.test_quotas import Clock

JUMPS = [-DAY, 365 * DAY]


def jump_clock(place: Path, seconds: float) -> None:
    """Make files look as if the clock had been set forward since they were written, or back."""
    for path in place.rglob("*"):
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


@pytest.mark.parametrize("jump", JUMPS)
def test_what_is_in_use_or_being_built_stays(tmp_path: Path, jump: float) -> None:
    begin_store(tmp_path)
    full = store(tmp_path, quota=1)
    before, lease = kept(tmp_path), full.lease(ONE)
    building = Journal(full.directory(BEGUN) / JOURNAL)
    with store(tmp_path).claim(full.directory(BEGUN)):
        building.add("key", "a gist")
        jump_clock(tmp_path, jump)
        full.gc()
        assert kept(tmp_path) == {ONE: before[ONE]}
        with pytest.raises(MemoryFileError, match="in use"):
            full.delete(ONE)
        assert building.read() == {"key": "a gist"}
    lease.release()
    full.gc()
    assert kept(tmp_path) == {}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_store_without_a_quota_keeps_every_memory(tmp_path: Path, jump: float) -> None:
    begin_store(tmp_path)
    before = kept(tmp_path)
    jump_clock(tmp_path, jump)
    store(tmp_path).gc()
    assert kept(tmp_path) == before


@pytest.mark.parametrize("jump", JUMPS)
def test_the_memory_just_made_is_not_the_one_that_makes_room(tmp_path: Path, jump: float) -> None:
    begin_store(tmp_path)
    jump_clock(tmp_path, jump)
    room = MemoryStore(tmp_path / "store", quota=1)
    with room.claim(room.directory(NEW)):
        (room.directory(NEW) / "notes").write_bytes(bytes(100))
    assert [path.name for path in room._directories()] == [NEW]
    assert not room.directory(TWO).exists()


@pytest.mark.parametrize("jump", JUMPS)
def test_requests_are_allowed_again_within_a_minute(tmp_path: Path, jump: float) -> None:
    clock, timer = Clock(), Clock()
    usage = Usage(Quota(requests_per_minute=2), tmp_path, clock, timer)
    usage.count_request("acme")
    usage.count_request("acme")
    clock.now += jump
    with pytest.raises(QuotaError) as refused:
        usage.count_request("acme")
    assert 0 < refused.value.retry_seconds <= 60
    timer.now += refused.value.retry_seconds
    usage.count_request("acme")


@pytest.mark.parametrize("jump", JUMPS)
def test_tokens_of_a_day_count_after_the_clock_was_wrong(tmp_path: Path, jump: float) -> None:
    clock = Clock()
    usage = Usage(Quota(tokens_per_day=100), tmp_path, clock)
    usage.add_tokens("acme", 60)
    clock.now += jump
    usage.add_tokens("acme", 99)
    clock.now -= jump
    usage.count_request("acme")
    usage.add_tokens("acme", 40)
    with pytest.raises(QuotaError):
        usage.count_request("acme")


@pytest.mark.parametrize("jump", JUMPS)
def test_a_revoked_key_is_refused_at_once(tmp_path: Path, jump: float) -> None:
    running, file = KeyFile(tmp_path / "keys.json"), KeyFile(tmp_path / "keys.json")
    secret = file.add("one", "acme", "reader")
    assert running.identify(secret) is not None
    file.revoke("one")
    jump_clock(tmp_path, jump)
    assert running.identify(secret) is None
