"""A service with many tenants, and for each of them a service in which nobody else exists."""

import hashlib
import random
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from langgraph.checkpoint.memory import InMemorySaver

from memorag_graph.documents import from_text
from memorag_graph.errors import MemoragError
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.mcp_server.http_app import create_mcp_app
from memorag_graph.mcp_server.langgraph_app import with_tools
from memorag_graph.memory.memory_model import MemoryModel
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.models.embedding_cache import CachedEmbeddings
from memorag_graph.progress import ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import AnyOf, KeyFile, OneKey, Principal, Role
from memorag_graph.serving.served_graph import build_served_graph
from tests.conftest import TINY, HashEmbeddings
from tests.servers import RunningApp
from tests.test_tenants import User

OPTIONS = TINY.model_copy(update={"memory": "never"})
QUESTION = "What is the word of the pier?"
COMMON = "The ferry to Inshay sails at seven in the morning. The word of the pier is common."
COMMON_NAME = "common.txt"
"""What every third tenant has memorized, so that one id is that of many memories."""

_FOLDERS = ("tenants", "tenant-libraries")
_OPERATORS = ("memories", "libraries")
_BEGUN = 202
_SECONDS = 60.0
_NOT_COMPARED = ("date", "x-request-id", "content-length")  # the last depends on times in the body
_CHANGING = re.compile(
    r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|"created":\s?\d+|chatcmpl-\w+'
    r'|\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)|"memory_share":[\d.]+'
    r'|seconds\\*":\s?[\d.e-]+|timings[\w/]*(?:","value)?\\*":\s?(?:\{[^}]*\}|[\d.e-]+)'
)
"""Ids of runs and replies, times, and how far a memory is, which differ between two replies to one request."""

Kept = Mapping[str, tuple[int, bytes]]
"""Time of change and content of each file of a tenant, by its place."""


@dataclass(frozen=True)
class Things:
    """What one tenant has, by the names under which others might ask for it."""

    tenant: str
    word: str
    memory_id: str
    memory: str
    library: str
    document: str
    field: str
    thread: str

    @property
    def text(self) -> str:
        """The text of its memory and its library, which holds its secret word."""
        return f"The word of the pier is {self.word}. The ferry to Inshay sails at nine."


@dataclass(frozen=True)
class Tenant:
    """A tenant with one key; without a name it is the operator. Some have a memory that others have, too."""

    name: str
    key: str
    role: Role
    things: Things
    common_id: str = ""

    @property
    def folders(self) -> list[str]:
        """Where its memories and libraries lie."""
        return [f"{it}/{self.name}" for it in _FOLDERS] if self.name else [*_OPERATORS]

    @property
    def secrets(self) -> set[str]:
        """What no other tenant is told."""
        own = {self.things.word, self.things.memory_id, self.things.field, self.things.thread}
        return own | {it for it in (self.things.memory, self.things.library, self.things.document) if "-" in it}


@dataclass(frozen=True)
class Call:
    """A request over HTTP."""

    method: str
    path: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Any = None


@dataclass(frozen=True)
class Run:
    """A run of a LangGraph server's graph."""

    given: Mapping[str, Any]
    context: Mapping[str, Any] = field(default_factory=dict)
    configurable: Mapping[str, Any] = field(default_factory=dict)


Sent = Call | Run


class World:
    """A service over the files of a directory, on loopback: HTTP, tools at ``/mcp``, and a LangGraph server's graph."""

    def __init__(self, root: Path, keys: KeyFile, model: MemoryModel) -> None:
        self.root = root
        registry = Registry(MemoryStore(root / "memories"))
        registry.add_memory_model("tiny-llama", model)
        registry.add_embeddings("hash", CachedEmbeddings(HashEmbeddings()))
        credentials = AnyOf((OneKey("operator"), keys))
        app = create_app(registry, OPTIONS, credentials=credentials, checkpointer=InMemorySaver())
        self.tenants = app.state.tenants
        tools = create_mcp_app(self.tenants, OPTIONS, credentials, max_body=1_000_000, allow_memorize=True)
        self._graph = build_served_graph(self.tenants, OPTIONS, credentials)
        self._app = RunningApp(with_tools(app, tools))
        self._http = httpx.Client(base_url=self._app.url, headers={"Host": "memorag.test"}, timeout=_SECONDS)

    def stop(self) -> None:
        """End the service."""
        self._http.close()
        self._app.stop()

    def reply(self, tenant: Tenant, sent: Sent) -> str:
        """Return all that a tenant sees of a reply, without what differs each time."""
        if isinstance(sent, Run):
            return self._result(tenant, sent)
        headers = {"X-API-Key": tenant.key, **sent.headers}
        try:
            got = self._http.request(sent.method, sent.path, json=sent.json, headers=headers, files=sent.files)
        except httpx.RemoteProtocolError as error:  # the server failed in the middle of a stream
            return str(error)
        if got.status_code == _BEGUN:
            self._finish(tenant)
        shown = {name: value for name, value in got.headers.items() if name not in _NOT_COMPARED}
        return _CHANGING.sub("~", f"{got.status_code} {sorted(shown.items())}\n{got.text}")

    def _finish(self, tenant: Tenant) -> None:
        """Wait until all memories are made behind a tenant's libraries, so that later replies do not depend on it."""
        libraries = self.tenants.libraries(tenant.name)
        for name in libraries.names():
            assert libraries.open(name).worker.wait(_SECONDS)

    def _result(self, tenant: Tenant, sent: Run) -> str:
        user = User(tenant.name)
        user["role"] = tenant.role
        configurable = {**sent.configurable, "langgraph_auth_user": user}
        try:
            result = self._graph.invoke(sent.given, {"configurable": configurable}, context=sent.context)
        except MemoragError as error:
            return f"{type(error).__name__}: {error}"
        return str([result.get(it) for it in ("answer", "citations", "memory_id", "notices")])

    def talk(self, tenant: Tenant) -> None:
        """Begin a conversation of a tenant about its memory, in a thread whose name many use and in one of its own."""
        its = tenant.things
        for thread in ("talk", its.thread):
            question = {"memory_id": its.memory_id, "query": f"Is {its.word} the word?", "task_type": "lookup"}
            asked = {"input": question, "config": {"configurable": {"thread_id": thread}}}
            answered = self.reply(tenant, Call("POST", "/memorag/invoke", asked))
            assert answered.startswith("200"), answered

    def kept(self, tenant: Tenant) -> Kept:
        """Return every file of a tenant."""
        files = [it for name in tenant.folders for it in (self.root / name).rglob("*") if it.is_file()]
        return {str(it.relative_to(self.root)): (it.stat().st_mtime_ns, it.read_bytes()) for it in files}


def copy_files(source: Path, target: Path, *tenants: Tenant) -> None:
    """Copy the files of tenants from the directory of one service to that of another."""
    for name in (folder for tenant in tenants for folder in tenant.folders):
        shutil.copytree(source / name, target / name)


def settle(world: World, keys: KeyFile, count: int, seed: int) -> list[Tenant]:
    """Let tenants and the operator make a memory and a library each, and begin a conversation.

    A third has memorized the same text, and about half use names that others use, too.
    """
    chance = random.Random(seed)
    names = ["", *(f"tenant{number}" for number in range(1, count + 1))]
    settled = [_settled(world, keys, number, name, chance) for number, name in enumerate(names)]
    for tenant in settled:
        world.talk(tenant)
    return settled


def _settled(world: World, keys: KeyFile, number: int, name: str, chance: random.Random) -> Tenant:
    role: Role = "admin" if not name else chance.choice(("writer", "writer", "writer", "reader", "admin"))
    scope = world.tenants.scope(Principal(name, name, "writer"), OPTIONS)
    is_shared = [chance.random() < 0.5 for _ in range(3)]
    memory, library, document = (
        f"{shared}{'' if it else f'-{number:02}'}{suffix}"
        for it, (shared, suffix) in zip(is_shared, (("letters", ".txt"), ("coast", ""), ("ferry", ".txt")), strict=True)
    )
    word = f"zembla{hashlib.sha256(f'{number}'.encode()).hexdigest()[:8]}"
    its = Things(name, word, "", memory, library, document, f"mark_{number:02}", f"talk-{number:02}")
    ids = [
        scope.memorize([from_text(text, called)], None, ignore_progress).memory.id
        for text, called in ((its.text, memory), (COMMON, COMMON_NAME))[: 2 if number % 3 == 0 else 1]
    ]
    its = replace(its, memory_id=ids[0])
    filled = scope.libraries.create(library)
    filled.add(uploaded_text(its.text, document, {"year": 1900 + number, its.field: word}))
    secret = keys.add(name, name, role) if name else "operator"
    return Tenant(name, secret, role, its, *ids[1:])
