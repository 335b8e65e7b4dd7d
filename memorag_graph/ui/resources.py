"""What a visitor may use: models, memories and libraries of the tenant, and jobs and conversations of the visitor."""

import json
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import streamlit as st

from memorag_graph.errors import MemoragError
from memorag_graph.graph import MemoragGraph
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.model_pool import ModelPool
from memorag_graph.registry import Registry
from memorag_graph.serving.client_graph import client_graph
from memorag_graph.serving.client_scope import ClientScope
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.tenants import Tenants
from memorag_graph.serving.told_errors import told_without_addresses
from memorag_graph.settings import RunOptions
from memorag_graph.ui.conversation_store import ConversationStore
from memorag_graph.ui.jobs import Jobs
from memorag_graph.ui.library_changes import LibraryChanges
from memorag_graph.ui.questions import Questions
from memorag_graph.ui.subjects import TenantSubjects
from memorag_graph.ui.visitors import Visitors
from memorag_graph.ui.without_directories import without_directories

MAX_VISITORS = 1000
"""Visitors that are remembered; the least recently seen that waits for nothing is forgotten first."""

MAX_MOVES = 1000
"""Moves of a tenant's memories and libraries that pages follow; the earliest is forgotten first."""

_TENANT = "tenant_of_session"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resources:
    """What one visitor may use; all pages of the visitor share it.

    Attributes:
        visitor: Who it is.
        has_login: Whether visitors have to log in.
        options: The operator's options.
        tenants: The memories and libraries of all tenants, and what each may use.
        graph: The graph.
        registry: Models, and the memories of the tenant.
        libraries: The tenant's libraries of many documents.
        changes: Their changes.
        jobs: Memories that the visitor has made.
        conversations: The visitor's conversations.
        questions: The visitor's questions without an answer yet.
        moves: The id of what a memory was changed to, and the new name of a library, for all visitors of the tenant.
    """

    visitor: Principal
    has_login: bool
    options: RunOptions
    tenants: Tenants
    graph: MemoragGraph
    registry: Registry
    libraries: NamedLibraries
    changes: LibraryChanges
    jobs: Jobs
    conversations: ConversationStore
    questions: Questions
    moves: dict[str, str]

    @property
    def may_write(self) -> bool:
        """Whether the visitor may memorize, change and delete; others ask."""
        return self.visitor.may("writer")

    @property
    def is_operator(self) -> bool:
        """Whether the visitor runs the demo, and so may name any model."""
        return not self.visitor.tenant

    def told(self, error: MemoragError | str) -> str:
        """Return what the visitor is told of an error: without addresses and, unless it is the operator, directories.

        The log gets what is left out.
        """
        text = told_without_addresses(error) if isinstance(error, MemoragError) else error
        if self.is_operator:
            return text
        homes = [it.store.root.parent for it in (self.registry, self.tenants.registry(""))]
        return without_directories(text, [self.libraries.home, *homes])

    @property
    def is_waiting(self) -> bool:
        """Whether the visitor waits for an answer or a memory."""
        return self.questions.are_answered or self.jobs.are_running

    def forget(self, subject: str) -> None:
        """Lead no page to a memory or library that is deleted."""
        self.moves.pop(subject, None)

    def moved(self, subject: str, to: str) -> None:
        """Let the pages of other visitors follow a memory or library to what it became."""
        self.forget(to)
        self.forget(subject)  # so that it becomes the latest
        self.moves[subject] = to
        for earliest in [*self.moves][:-MAX_MOVES]:
            self.forget(earliest)

    def scope(self, options: RunOptions) -> ClientScope:
        """Return what a job of the visitor may use."""
        return self.tenants.scope(self.visitor, options)


class Demo:
    """The demo of this process.

    Args:
        options: The operator's options, the defaults of each session.
        tenants: Memories and libraries.
        visitors: Recognises visitors.
    """

    def __init__(self, options: RunOptions, tenants: Tenants, visitors: Visitors) -> None:
        self.options = options
        self.tenants = tenants
        self.visitors = visitors
        self._graph: MemoragGraph = client_graph(tenants)
        self._changes: dict[str, LibraryChanges] = {}
        self._moves: dict[str, dict[str, str]] = {}
        self._known: OrderedDict[tuple[str, str, str], Resources] = OrderedDict()
        self._lock = threading.Lock()

    def load_models(self) -> None:
        """Begin to load the models, so that they are there when the first visitor has read the page."""
        models = self.tenants.registry("").models
        threading.Thread(target=_preload, args=(models, self.options), daemon=True, name="preload").start()

    def resources(self, visitor: Principal) -> Resources:
        """Return what a visitor may use."""
        with self._lock:
            key = (visitor.tenant, visitor.issuer, visitor.name)
            if key not in self._known:
                self._known[key] = self._made(visitor)
            self._known.move_to_end(key)
            self._forget_some()
            return replace(self._known[key], visitor=visitor)  # the role may have changed

    def _forget_some(self) -> None:
        """Forget visitors, whose conversations are kept on the disk, and with the last of a tenant its moves."""
        if (too_many := len(self._known) - MAX_VISITORS) > 0:
            *others, _ = self._known
            idle = [key for key in others if not self._known[key].is_waiting]
            for key in idle[:too_many]:
                del self._known[key]
            tenants = {tenant for tenant, *_ in self._known}
            self._moves = {tenant: moves for tenant, moves in self._moves.items() if tenant in tenants}

    def _made(self, visitor: Principal) -> Resources:
        tenant = visitor.tenant
        registry, libraries = self.tenants.registry(tenant), self.tenants.libraries(tenant)
        changes, moves = self._changes.setdefault(tenant, LibraryChanges(libraries)), self._moves.setdefault(tenant, {})
        named = json.dumps([visitor.issuer, visitor.name])
        conversations = ConversationStore(named, TenantSubjects(registry.store, libraries, moves))
        return Resources(
            visitor,
            self.visitors.has_login,
            self.options,
            self.tenants,
            self._graph,
            registry,
            libraries,
            changes,
            Jobs(),
            conversations,
            Questions(self._graph, conversations, visitor, self.tenants.usage.count_request),
            moves,
        )


running: Demo | None = None
"""The demo of this process, for its pages; :func:`memorag_graph.ui.launch.launch` makes it."""


def resources() -> Resources | None:
    """Return what the visitor of the page may use; None, and tell why, if it is not known who that is."""
    if running is None:
        raise RuntimeError("this page is part of the demo: start it with memorag-graph ui, not with streamlit run")
    try:
        visitor = running.visitors.find(st.context.headers, st.context.cookies)
    except MemoragError as error:
        _log.warning("a visitor is not recognised: %s", error)
        visitor = None
    if visitor is None:
        st.error("Your key or token is not valid any more. Load this page again to log in.")
        return None
    if st.session_state.setdefault(_TENANT, (visitor.tenant, visitor.name)) != (visitor.tenant, visitor.name):
        st.session_state.clear()  # what another visitor of this browser was shown
        st.session_state[_TENANT] = (visitor.tenant, visitor.name)
    return running.resources(visitor)


def _preload(models: ModelPool, options: RunOptions) -> None:
    """Load the models; what fails is told by the first question."""
    try:
        models.preload(options)
    except MemoragError as error:
        _log.warning("the models were not loaded: %s", error)
