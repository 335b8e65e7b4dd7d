"""Answer questions in background threads, so that a page can be left, asked more, or told to stop meanwhile."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from langchain_core.messages import AIMessageChunk

from memorag_graph.cancellation import Cancellation
from memorag_graph.errors import CancelledRunError, DiskError, MemoragError
from memorag_graph.follow_ups.conversation_turns import conversation
from memorag_graph.graph import MemoragGraph
from memorag_graph.langchain.runnable import ANSWERING_NODES
from memorag_graph.serving.client_graph import run_of
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.told_errors import told_without_addresses
from memorag_graph.settings import RunOptions
from memorag_graph.ui.conversation_store import ConversationStore
from memorag_graph.ui.turn_parts import Turn

State = Literal["waiting", "running", "stopped", "failed"]

PLAIN_TASK = "lookup"
"""The task of plain RAG, to compare with."""

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Question:
    """A question without an answer yet.

    Attributes:
        text: The question.
        about: What is asked, as inputs of the graph: the ``memory_id``, or the ``library`` by name and ``where``.
        task: How it is answered.
        compares: Whether plain RAG answers it first.
        options: Options of the run.
        state: Current state.
        step: Node of the graph that runs.
        passages: Number of passages found so far.
        answer: What is written so far.
        error: Message of the error that ended it.
    """

    text: str
    about: Mapping[str, Any]
    task: str
    compares: bool
    options: RunOptions
    state: State = "waiting"
    step: str = ""
    passages: int = 0
    answer: str = ""
    error: str = ""
    _began: float = 0.0
    _cancellation: Cancellation = field(default_factory=Cancellation)

    def begin(self) -> None:
        """Note that it is being answered."""
        self.state, self._began = "running", time.monotonic()

    @property
    def subject(self) -> str:
        """The memory's id or the library's name."""
        return str(self.about.get("memory_id") or self.about["library"])

    @property
    def seconds(self) -> float:
        """Seconds since it began to be answered."""
        return time.monotonic() - self._began

    def run(self, graph: MemoragGraph, before: Sequence[Turn], client: Principal) -> Turn:
        """Return the turn that answers the question after others.

        Raises:
            MemoragError: If it cannot be answered, or was stopped.
        """
        messages = conversation([turn["result"] for turn in before], self.text)
        with self._cancellation.bound():
            turn: Turn = {"where": self.about.get("where")}
            if self.compares:
                turn["plain"] = self._ask(graph, messages, PLAIN_TASK, client)
            return {**turn, "result": self._ask(graph, messages, self.task, client)}

    def stop(self) -> None:
        """Give up the answer."""
        self._cancellation.cancel()

    def check(self) -> None:
        """Return if the answer is still wanted.

        Raises:
            CancelledRunError: If it was stopped.
        """
        self._cancellation.check()

    def _ask(self, graph: MemoragGraph, messages: Sequence[Any], task: str, client: Principal) -> Turn:
        inputs: Any = {**self.about, "messages": messages, "task_type": task}
        result: Turn = {}
        self.answer = ""
        modes: list[Any] = ["messages", "tasks", "values"]
        for mode, event in graph.stream(inputs, run_of(client), context=self.options, stream_mode=modes):
            if mode == "values":
                result = cast("Turn", event)
                self.passages = len(result.get("evidence", []))
            elif mode == "tasks":
                self.step = cast("dict[str, Any]", event)["name"]
            else:
                chunk, metadata = cast("tuple[Any, dict[str, Any]]", event)
                if isinstance(chunk, AIMessageChunk) and metadata.get("langgraph_node") in ANSWERING_NODES:
                    self.answer += str(chunk.text)
        self.answer = str(result["answer"])  # not every generator writes piece by piece
        return result


class Questions:
    """The unanswered questions of a visitor; those of one conversation are answered one after another.

    Args:
        graph: Answers them.
        conversations: Gets their turns.
        client: The visitor.
        count: Called with the visitor's tenant before each answer; may refuse it.
    """

    def __init__(
        self, graph: MemoragGraph, conversations: ConversationStore, client: Principal, count: Callable[[str], None]
    ) -> None:
        self._graph = graph
        self._conversations = conversations
        self._client = client
        self._count = count
        self._open: dict[str, list[Question]] = {}
        self._working: set[str] = set()
        self._lock = threading.Lock()

    @property
    def are_answered(self) -> bool:
        """Whether one of them is being answered."""
        with self._lock:
            return bool(self._working)

    def open(self, visit: str) -> Sequence[Question]:
        """Return the unanswered questions of a conversation, in order."""
        with self._lock:
            return tuple(self._open.get(visit, ()))

    def ask(self, visit: str, question: Question) -> None:
        """Answer a question after those asked before."""
        with self._lock:
            self._open.setdefault(visit, []).append(question)
            if visit in self._working:
                return
            self._working.add(visit)
        threading.Thread(target=self._work, args=(visit,), daemon=True, name="answer").start()

    def drop(self, visit: str, question: Question) -> None:
        """Forget a question; stop it if it is being answered."""
        question.stop()
        with self._lock:
            left = [it for it in self._open.get(visit, []) if it is not question]
            self._open[visit] = left
            if not left:
                del self._open[visit]

    def _work(self, visit: str) -> None:
        while (question := self._next(visit)) is not None:
            try:
                self._count(self._client.tenant)
                before = self._conversations.before(question.subject, visit)
                turn = question.run(self._graph, before.turns, self._client)
                self._conversations.add(question.subject, visit, turn, before, question.check)
            except CancelledRunError:
                question.state = "stopped"
            except DiskError as error:  # what is written of the answer, or all of it, can still be shown
                question.error, question.state = told_without_addresses(error), "failed"
            except MemoragError as error:
                question.answer, question.error, question.state = "", told_without_addresses(error), "failed"
            except Exception as error:  # noqa: BLE001 - a thread ends here: any error is logged and shown
                _log.exception("answering failed")
                question.error, question.state = f"{type(error).__name__}: {error}", "failed"
            else:
                self.drop(visit, question)

    def _next(self, visit: str) -> Question | None:
        """Begin the question that has waited longest; None if there is none left, and the thread ends."""
        with self._lock:
            question = next((it for it in self._open.get(visit, ()) if it.state == "waiting"), None)
            if question is None:
                self._working.discard(visit)
            else:
                question.begin()
            return question
