"""Two servers that share an object store and a database, but no directory, are like one."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.object_store import BUCKET, ObjectStore, object_store
from tests.postgres_database import Databases, databases
from tests.test_library_memories import TEXTS

pytest.importorskip("obstore", reason="needs pip install 'memorag-graph[s3]'")

from memorag_graph.library.bucket import Bucket
from tests.test_two_servers import QUESTION, Farm, Server, farming, wait_until

__all__ = ["databases", "object_store"]

AT = f"s3://{BUCKET}/two/servers"
TASKS = ("lookup", "memorag", "qa")


@pytest.fixture(scope="module", autouse=True)
def on_store(object_store: ObjectStore) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in object_store.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, databases: Databases, object_store: ObjectStore) -> Iterator[Farm]:
    with farming(tmp_path_factory.mktemp("farm"), databases.new(), AT, **object_store.environment) as farm:
        yield farm


@pytest.fixture(scope="module")
def pair(farm: Farm) -> Sequence[Server]:
    both = farm.server(), farm.server()
    wait_until(lambda: all(it.is_up() for it in both))
    return both


def made(farm: Farm, texts: set[str]) -> list[str]:
    """The texts of the memories that were made, each as often as it was."""
    lines = [line.split() for line in (farm.root / "log").read_text().splitlines()]
    places = [Path(place).name for _, what, place in lines if what == "memory"]
    return sorted(it for it in places if it in texts)


def texts_of(tenant: str) -> set[str]:
    """The SHA-256s of the texts of a tenant's library, as their objects tell."""
    return {name.rpartition("/")[2].partition(".")[0] for name in objects(tenant) if "/texts/" in name}


def objects(tenant: str) -> list[str]:
    return list(Bucket(f"{AT}/tenant-libraries").sizes(tenant))


def copies(farm: Farm, server: Server, texts: set[str]) -> dict[str, bytes]:
    """The files of memories that a server has."""
    home = farm.root / str(server.http.base_url.port)
    found = [it for it in home.glob("remote/*/memories/*/*") if it.parent.name in texts and it.name[0] != "."]
    return {f"{it.parent.name}/{it.name}": it.read_bytes() for it in found}


def test_what_one_takes_in_and_makes_the_other_answers_with_and_what_one_deletes_is_gone_for_both(
    farm: Farm, pair: Sequence[Server], databases: Databases
) -> None:
    one, other = farm.of("acme", pair)
    (stranger,) = farm.of("strangers", [other])
    assert stranger.http.get("/libraries").json() == []
    one.fill(**TEXTS)
    wait_until(lambda: {*other.states().values()} == {"ready"})
    texts = texts_of("acme")
    assert made(farm, texts) == sorted(texts)
    assert len(texts) == len(TEXTS)
    for task in TASKS:
        answer = one.ask(task_type=task)
        assert answer == other.ask(task_type=task)
        assert answer["memory_share"] == 1.0
    assert one.ask()["citations"][0]["source"] == "ferry.txt"
    assert copies(farm, one, texts) == copies(farm, other, texts) != {}
    assert stranger.http.get("/libraries/coast").status_code == 404

    assert other.http.delete("/libraries/coast/documents/ferry.txt").is_success
    (gone,) = texts - texts_of("acme")
    assert not [name for name in objects("acme") if gone in name]
    after = one.ask(task_type="memorag")
    assert "ferry.txt" not in str(after)
    assert after == other.ask(task_type="memorag")
    for server in pair:
        assert not copies(farm, server, {gone})
    assert set(one.states()) == set(other.states()) == {"harbour.txt", "vault.txt"}

    stranger.fill(vault=TEXTS["vault"])
    assert one.http.delete("/libraries/coast").is_success
    assert other.http.get("/libraries/coast").status_code == 404
    assert other.http.get("/libraries").json() == []
    assert objects("acme") == []
    for server in pair:
        assert not copies(farm, server, texts - texts_of("strangers"))
    assert stranger.ask("Where is the vault?")["citations"]
    other.fill(harbour=TEXTS["harbour"])
    assert set(one.states()) == {"harbour.txt"}
    assert one.ask("Who is the keeper of the harbour?")["citations"]


def test_the_memories_of_a_killed_server_are_made_by_the_other(farm: Farm, pair: Sequence[Server]) -> None:
    stalling = farm.server(stalls=True)
    wait_until(stalling.is_up)
    one, other = farm.of("mourners", [stalling, pair[0]])
    one.fill(**{it: " ".join(f"Page {number}. {TEXTS[it][:100]}" for number in range(9)) for it in TEXTS})
    wait_until(lambda: len(made(farm, texts_of("mourners"))) == len(TEXTS) - 1)
    wait_until(lambda: sorted(other.states().values()) == ["making", "ready", "ready"])
    os.kill(one.pid, signal.SIGKILL)
    wait_until(lambda: {*other.states().values()} == {"ready"})
    assert made(farm, texts_of("mourners")) == sorted(texts_of("mourners"))
    assert other.ask(task_type="memorag")["memory_share"] == 1.0


def test_without_the_store_both_say_so_and_go_on_when_it_is_back(
    farm: Farm, pair: Sequence[Server], object_store: ObjectStore
) -> None:
    one, other = farm.of("patient", pair)
    one.fill(ferry=TEXTS["ferry"])
    wait_until(lambda: {*other.states().values()} == {"ready"})
    before = one.ask(task_type="memorag")
    object_store.stop()
    try:
        for server in (one, other):
            refused: Any = server.http.post("/libraries/coast/ask", json={"query": QUESTION})
            assert refused.status_code == 503
            assert "the object store has not answered since 20" in refused.text
            assert BUCKET not in refused.text
            assert object_store.url not in refused.text
            assert server.http.get("/memories").status_code == 200
    finally:
        object_store.start()
    assert [server.ask(task_type="memorag") for server in (one, other)] == [before, before]
    other.fill(vault=TEXTS["vault"])
    wait_until(lambda: {*one.states().values()} == {"ready"})
