"""Two servers that share a directory and a database are like one, and one goes on where the other was killed."""

import json
import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from memorag_graph.errors import CancelledRunError, InputError, LibraryBusyError, UnavailableError
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.library.job_queue import HeldJob, JobQueue, Queued
from memorag_graph.library.library import Library
from memorag_graph.library.library_memories import OfferedJobs
from memorag_graph.library.shared_jobs import shared_jobs
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory_worker import MemoryJob, MemoryWorker
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import KeyFile
from memorag_graph.serving.take_over import TakeOver
from memorag_graph.serving.tenants import Tenants
from tests.postgres_database import Databases, databases
from tests.servers import free_port
from tests.test_library_memories import MAKING, TEXTS
from tests.warm_process import TalkingProcess

__all__ = ["databases"]

psycopg = pytest.importorskip("psycopg", reason="needs pip install 'memorag-graph[postgres]'")
pytest.importorskip("langgraph.checkpoint.postgres", reason="needs pip install langgraph-checkpoint-postgres")
postgres_jobs = pytest.importorskip("memorag_graph.library.postgres_jobs")
postgres_server = pytest.importorskip("memorag_graph.library.postgres_server")

ROOT = Path(__file__).parent.parent
SECONDS, LEASE_SECONDS = 90.0, 4.0
KEYS = "keys.json"
QUESTION = "When does the ferry to Inshay leave?"


def wait_until(holds: Callable[[], object]) -> None:
    """Wait until something holds; a test fails if it never does."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail("it never happened")
        time.sleep(0.05)


@dataclass(frozen=True)
class Server:
    """A server in a process of its own, and a client of a tenant."""

    pid: int
    http: httpx.Client

    def is_up(self) -> bool:
        try:
            return self.http.get("/health").is_success
        except httpx.TransportError:
            return False

    def fill(self, **texts: str) -> None:
        assert self.http.put("/libraries/coast").is_success
        documents = [{"name": f"{name}.txt", "text": text} for name, text in texts.items()]
        made = self.http.post("/libraries/coast/documents", json={"documents": documents})
        assert made.status_code == 201, made.text

    def states(self) -> dict[str, str]:
        return {it["name"]: it["memory"] for it in self.http.get("/libraries/coast/documents").json()}

    def ask(self, query: str = QUESTION, **more: Any) -> dict[str, Any]:
        reply = self.http.post("/libraries/coast/ask", json={"query": query, **more})
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def say(self, query: str, thread: str, **of: str) -> dict[str, Any]:
        """Say something in a conversation about the library, or about a memory."""
        asked = {"query": query, "task_type": "lookup", **(of or {"library": "coast"})}
        sent = {"input": asked, "config": {"configurable": {"thread_id": thread}}}
        reply = self.http.post("/memorag/invoke", json=sent)
        assert reply.status_code == 200, reply.text
        return {key: reply.json()["output"].get(key) for key in ("asked", "question", "answer", "citations")}


@dataclass(frozen=True)
class Farm:
    """Starts servers over one directory and one database.

    Attributes:
        root: The directory.
        database: The URL of the database.
        keys: The keys of all clients.
        process: Starts them.
        started: Those that it has started.
        libraries: The URL of their libraries, if each has a directory of its own.
    """

    root: Path
    database: str
    keys: KeyFile
    process: TalkingProcess
    started: list[int]
    libraries: str = ""

    def server(self, *, stalls: bool = False) -> Server:
        """Start a server that makes memories, or stalls when it has begun one."""
        port = free_port()
        keys = str(self.root / KEYS)
        home = self.root / str(port) if self.libraries else self.root
        shared = {"root": str(self.root), "database": self.database, "keys": keys, "lease": LEASE_SECONDS}
        given = {**shared, "home": str(home), "libraries": self.libraries, "port": port, "stalls": stalls}
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        self.started.append(pid)
        return Server(pid, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS))

    def written(self, what: str, tenant: str) -> list[tuple[int, str]]:
        """Return by which process each note or memory of a tenant was made, and where."""
        log = self.root / "log"
        lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        return [(int(pid), made) for pid, kind, made in lines if kind == what and f"/{tenant}/" in made]

    def memories(self, tenant: str) -> dict[str, bytes]:
        """Return the memories of a tenant's libraries by their folders."""
        folder = self.root / "tenant-libraries" / tenant
        return {str(it.parent): it.read_bytes() for it in folder.glob("**/memory.bin")}

    def of(self, tenant: str, servers: Sequence[Server]) -> list[Server]:
        """Return servers as a tenant sees them."""
        secret = self.keys.add(uuid.uuid4().hex, tenant, "writer")
        headers = {"X-API-Key": secret}
        return [
            Server(it.pid, httpx.Client(base_url=it.http.base_url, headers=headers, timeout=SECONDS)) for it in servers
        ]


@contextmanager
def forking(**more: str) -> Iterator[TalkingProcess]:
    """Run what forks servers, so that PyTorch is imported once."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}
    process = TalkingProcess(["-m", "tests.two_servers_process"], environment)
    try:
        yield process
    finally:
        process.end()


@contextmanager
def farming(root: Path, database: str, libraries: str = "", **environment: str) -> Iterator[Farm]:
    from langgraph.checkpoint.postgres import PostgresSaver

    with PostgresSaver.from_conn_string(database) as saver:
        saver.setup()
    with forking(**environment) as process:
        farm = Farm(root, database, KeyFile(root / KEYS), process, [], libraries)
        yield farm
        for pid in farm.started:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Farm]:
    with farming(tmp_path_factory.mktemp("farm"), databases.new()) as farm:
        yield farm


@pytest.fixture(scope="module")
def pair(farm: Farm) -> Sequence[Server]:
    """Two servers."""
    both = farm.server(), farm.server()
    wait_until(lambda: all(it.is_up() for it in both))
    return both


def test_what_one_takes_in_and_makes_the_other_answers_with(farm: Farm, pair: Sequence[Server]) -> None:
    one, other = farm.of("acme", pair)
    one.fill(**TEXTS)
    wait_until(lambda: {*other.states().values()} == {"ready"})
    made = farm.memories("acme")
    assert sorted(place for _, place in farm.written("memory", "acme")) == sorted(made)
    assert len(made) == len(TEXTS)
    for task in ("lookup", "memorag", "qa"):
        answer = one.ask(task_type=task)
        assert answer == other.ask(task_type=task)
        assert answer["memory_share"] == 1.0
    assert one.ask()["citations"][0]["source"] == "ferry.txt"
    assert farm.memories("acme") == made

    assert other.http.delete("/libraries/coast/documents/ferry.txt").is_success
    after = one.ask()
    assert "ferry.txt" not in str(after)
    assert after == other.ask()
    other.fill(ferry=TEXTS["ferry"].replace("seven", "nine"))
    assert "nine" in one.ask()["answer"]


def test_a_conversation_begun_on_one_goes_on_on_the_other(farm: Farm, pair: Sequence[Server]) -> None:
    one, other = farm.of("talkers", pair)
    one.fill(**TEXTS)
    turns = ("Where is the vault?", "Who knows the number of it?", "And who is the keeper of the harbour?")
    alone = [one.say(turn, "alone") for turn in turns]
    assert alone[1]["question"] != turns[1]  # it stands for the vault only with the first
    assert [(one, other)[number % 2].say(turn, "shared") for number, turn in enumerate(turns)] == alone
    (stranger,) = farm.of("strangers", [other])
    stranger.fill(**TEXTS)
    assert stranger.say(turns[1], "shared")["question"] == turns[1]


def test_the_memories_of_a_killed_server_are_made_by_the_other(
    farm: Farm, pair: Sequence[Server], databases: Databases
) -> None:
    stalling = farm.server(stalls=True)
    wait_until(stalling.is_up)
    one, other = farm.of("mourners", [stalling, pair[0]])
    one.fill(**{it: " ".join(f"Page {number}. {TEXTS[it][:100]}" for number in range(9)) for it in TEXTS})
    wait_until(lambda: len(farm.written("memory", "mourners")) == len(TEXTS) - 1)
    others = {it.pid for it in pair}
    assert {pid for pid, _ in farm.written("memory", "mourners")} <= others  # nobody has asked them for anything
    (begun,) = [Path(place) for pid, place in farm.written("note", "mourners") if pid == one.pid]
    name = psycopg.conninfo.conninfo_to_dict(farm.database)["dbname"]

    def lease() -> Any:
        its = f"text_sha256 = '{begun.parent.name}'"
        return databases.execute(f"SELECT holder, held_until FROM memorag_job WHERE {its}", database=name)[0]

    def notes() -> int:
        return sum(Path(place).parent == begun.parent for _, place in farm.written("note", "mourners"))

    holder, until = lease()
    wait_until(lambda: (lease()[1] - until).total_seconds() > LEASE_SECONDS)  # it says that it is at work
    assert (lease()[0], notes()) == (holder, 1)  # so the others leave it alone
    assert Counter(other.states().values()) == {"ready": 2, "making": 1}
    assert len(farm.written("memory", "mourners")) == len(TEXTS) - 1

    os.kill(one.pid, signal.SIGKILL)
    wait_until(lambda: {*other.states().values()} == {"ready"})
    wait_until(lambda: not databases.execute("SELECT * FROM memorag_job", database=name))
    for what in ("memory", "note"):  # the last memory goes on from the note
        assert set(Counter(made for _, made in farm.written(what, "mourners")).values()) == {1}
    assert notes() > 1
    assert other.ask(task_type="memorag")["memory_share"] == 1.0


def test_without_the_database_both_say_so_and_go_on_when_it_is_back(
    farm: Farm, pair: Sequence[Server], databases: Databases
) -> None:
    one, other = farm.of("patient", pair)
    one.fill(ferry=TEXTS["ferry"])
    wait_until(lambda: {*other.states().values()} == {"ready"})
    before = one.ask()
    databases.stop()
    try:
        for server in (one, other):
            refused = server.http.post("/libraries/coast/ask", json={"query": QUESTION})
            assert refused.status_code == 503
            assert "Postgres, which has the catalogue of this library, has not answered since 20" in refused.text
            assert "127.0.0.1" not in refused.text
            assert server.http.get("/memories").status_code == 200
    finally:
        databases.start()
    wait_until(lambda: other.http.get("/libraries/coast").is_success)
    assert [server.ask() for server in (one, other)] == [before, before]
    other.fill(vault=TEXTS["vault"])
    wait_until(lambda: {*one.states().values()} == {"ready"})


@pytest.fixture
def queue(databases: Databases, tmp_path: Path) -> JobQueue:
    """The queue of an empty library."""
    from memorag_graph.library.catalogue_place import catalogue_in, create_catalogue

    create_catalogue(tmp_path, {"id": "queued"}, url := databases.new())
    queue = catalogue_in(tmp_path, url).queue()
    assert queue is not None
    return queue


def take_all(queue: JobQueue, holder: str) -> list[str]:
    taken = iter(lambda: queue.take(f"{holder} {random.random()}"), None)
    return [text for text in taken if text is not None]


def test_each_job_is_taken_once_in_the_order_in_which_it_was_offered(queue: JobQueue) -> None:
    offered = [f"text {number}" for number in random.Random(3).sample(range(60), 60)]
    queue.offer(offered[:40])
    queue.offer(offered)
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda number: take_all(queue, str(number)), range(6)))
    assert sorted(text for each in taken for text in each) == sorted(offered)
    assert all(each == sorted(each, key=offered.index) for each in taken)
    assert all(job.is_held for job in queue.jobs().values())
    queue.offer(offered)
    assert queue.take("somebody else") is None


def test_a_job_is_free_when_its_holder_was_silent_for_too_long(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.offer(["text"])
    assert queue.take("one") == "text"
    assert queue.renew("text", "one")
    monkeypatch.setattr(postgres_jobs, "LEASE_SECONDS", 0)
    assert queue.renew("text", "one")
    assert queue.take("other") == "text"
    assert not queue.renew("text", "one")
    queue.give_back("text", "one")
    queue.fail("text", "one", "the disk is full")
    queue.done("text", "one")  # as where its document was removed and taken in again meanwhile
    assert queue.renew("text", "other")
    assert queue.jobs()["text"].fault == ""
    assert queue.take("third") == "text"
    assert queue.take("fourth") is None  # three holders have vanished; it rests
    queue.offer(["text"])
    assert queue.take("fourth") is None
    queue.done("text", "third")
    assert queue.jobs() == {}


def test_a_job_that_failed_waits_until_it_is_offered_again(queue: JobQueue) -> None:
    queue.offer(["text", "other"])
    for _ in range(5):  # to give it back does not count as a try
        with HeldJob.take(queue) as held:  # type: ignore[union-attr]
            assert held.text == "text"
    with HeldJob.take(queue) as held:  # type: ignore[union-attr]
        held.fail("too long\0")
    assert {text: (job.is_held, job.fault) for text, job in queue.jobs().items()} == {
        "text": (False, "too long"),
        "other": (False, ""),
    }
    assert take_all(queue, "one") == ["other"]
    queue.offer(["text"])
    assert take_all(queue, "one") == ["text"]


def test_who_was_silent_for_too_long_gives_up(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that was stopped for some time."""
    monkeypatch.setattr(postgres_jobs, "LEASE_SECONDS", 0)
    queue.renewed_after = 0.05
    queue.offer(["text"])
    ended = []

    def make(report: ReportProgress) -> None:
        assert queue.take("other") == "text"
        monkeypatch.setattr(postgres_jobs, "LEASE_SECONDS", 60)
        assert queue.renew("text", "other")
        with pytest.raises(CancelledRunError, match=r"another server makes the memory of ferry\.txt"):
            wait_until(lambda: report(Progress("gists", 1, 2, "gists")))
        ended.append(job.exists())
        raise CancelledRunError("as it was told")

    for job in shared_jobs(queue, lambda text: text, lambda _: MemoryJob("text", "ferry.txt", make, lambda: True)):  # type: ignore[arg-type, return-value]
        with pytest.raises(CancelledRunError):
            job.make(ignore_progress)
    assert ended == [False]
    assert queue.renew("text", "other")


@pytest.mark.parametrize("error", [UnavailableError("it is away"), LibraryBusyError("others change the job")])
def test_a_queue_that_does_not_answer_for_a_moment_takes_no_job_away(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It is renewed when the queue answers again; and a memory that is made, or cannot be, is told as what it is."""
    real, renewed, ended = type(queue).renew, [], []

    def renew(self: JobQueue, text: str, holder: str) -> bool:
        renewed.append(text)
        if len(renewed) == 1:
            raise error
        return real(self, text, holder)

    def away(*_: object) -> None:
        raise error

    def make(_: ReportProgress) -> None:
        wait_until(lambda: len(renewed) > 1)

    def fail(_: ReportProgress) -> None:
        raise InputError("document", "is too long")

    for name, method in {"renew": renew, "done": away, "fail": away}.items():
        monkeypatch.setattr(type(queue), name, method)
    queue.renewed_after = 0.05
    queue.offer(["good", "bad"])
    makes = {"good": make, "bad": fail}
    for job in shared_jobs(queue, lambda text: text, lambda text: MemoryJob(text, text, makes[text], lambda: True)):  # type: ignore[arg-type, return-value, index]
        with pytest.raises(InputError) if job.key == "bad" else nullcontext():
            job.make(ignore_progress)
        ended.append(job.key)
    assert ended == ["good", "bad"]
    assert all(it.is_held and not it.fault for it in queue.jobs().values())  # until their time is over


def test_what_is_done_twice_gives_what_it_gives_once(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the answer to it was lost with the connection."""
    once = postgres_server.PostgresServer._once
    monkeypatch.setattr(
        postgres_server.PostgresServer, "_once", lambda self, work: [once(self, work), once(self, work)][1]
    )
    queue.offer(["a", "b", "c"])
    assert [queue.take("one"), queue.take("other")] == ["a", "b"]
    queue.give_back("a", "one")
    queue.done("b", "other")
    assert take_all(queue, "third") == ["a", "c"]
    queue.offer(["d"])
    assert queue.take("fourth") == "d"
    queue.fail("d", "fourth", "too long")
    assert (queue.jobs()["d"].fault, len(queue.jobs())) == ("too long", 3)


def test_a_server_that_is_stopped_gives_its_job_back_and_one_without_a_model_leaves_it(
    databases: Databases, tmp_path: Path, registry: Registry
) -> None:
    url = databases.new()

    def opened(model: str) -> Library:
        given: dict[str, Any] = {"options": MAKING.model_copy(update={"model": model}), "memory": "never"}
        return Library.open(tmp_path / "library", registry, embedding_model="hash", catalogue_at=url, **given)

    library = opened("no/such-model")
    library.add(uploaded_text(TEXTS["ferry"], "ferry.txt", {}))
    queue = library.stores.catalogue.queue()
    assert queue is not None
    library.worker.wake(library.memories)
    assert library.worker.wait(SECONDS)
    (entry,) = library.list()
    assert (entry.memory, "no/such-model" in entry.memory_fault) == ("none", True)
    assert queue.jobs() == {entry.text_sha256: Queued(is_held=False, fault="")}

    library = opened("tiny-llama")
    with library.worker.resting():
        library.worker.wake(library.memories)
        wait_until(lambda: queue.jobs()[entry.text_sha256].is_held)
        library.close()
    assert queue.jobs() == {entry.text_sha256: Queued(is_held=False, fault="")}
    library.worker.wake(library.memories)
    assert library.worker.wait(SECONDS)
    assert (queue.jobs(), library.list()[0].memory) == ({}, "ready")


def test_who_takes_over_makes_no_memory_that_nobody_has_offered(
    databases: Databases, tmp_path: Path, registry: Registry
) -> None:
    given: dict[str, Any] = {"options": MAKING, "memory": "when_asked", "catalogue_at": databases.new()}
    library = Library.open(tmp_path / "library", registry, embedding_model="hash", **given)
    for name in ("ferry", "harbour"):
        library.add(uploaded_text(TEXTS[name], f"{name}.txt", {}))
    first, second = library.list()
    queue = library.stores.catalogue.queue()
    assert queue is not None
    queue.offer([second.text_sha256])
    library.worker.wake(OfferedJobs(library.memories))
    assert library.worker.wait(SECONDS)
    assert {it.name: it.memory for it in library.list()} == {first.name: "none", second.name: "ready"}


def test_a_library_whose_jobs_stay_free_is_tried_again_with_growing_pauses(
    databases: Databases, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORAG_GRAPH_CATALOGUE", databases.new())
    tenants = Tenants(registry.with_store(MemoryStore(tmp_path / "memories")), options=MAKING)
    for tenant in ("", "acme"):
        tenants.libraries(tenant).create("coast")
    (free,) = tenants.libraries("acme").ids()
    clock, woken = [0], []
    monkeypatch.setattr("memorag_graph.serving.take_over.monotonic", lambda: clock[-1])
    monkeypatch.setattr(MemoryWorker, "wake", lambda _, work: woken.append((clock[-1], work)))
    looking = TakeOver(tenants)
    for second in range(0, 1500, 5):
        clock.append(second)
        looking._wake_all({free})
    assert {work for _, work in woken} == {OfferedJobs(tenants.libraries("acme").open("coast").memories)}
    times = [at for at, _ in woken]
    assert [after - before for before, after in pairwise(times)] == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    looking._wake_all(set())
    looking._wake_all({free})
    assert woken[-1][0] == clock[-1]
    tenants.close()


def test_tables_of_an_earlier_version_get_the_queue(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memorag_graph.library import postgres_tables
    from memorag_graph.library.catalogue_place import catalogue_in, create_catalogue

    url = databases.new()
    with monkeypatch.context() as earlier:
        earlier.setattr(postgres_tables, "_STEPS", postgres_tables._STEPS[:1])
        create_catalogue(tmp_path, {"id": "early"}, url)
    queue = catalogue_in(tmp_path, url).queue()
    assert queue is not None
    queue.offer(["text"])
    assert take_all(queue, "one") == ["text"]
