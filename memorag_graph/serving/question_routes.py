"""Serve the graph with LangServe: invoke, batch, stream, events, schemas, playground."""

import re
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from langchain_core.messages import AnyMessage
from langchain_core.runnables.utils import ConfigurableFieldSpec
from langserve import add_routes
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from memorag_graph.errors import InputError
from memorag_graph.graph import MemoragGraph
from memorag_graph.langchain.runnable import MemoRAGRunnable
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.prompts import Prompts
from memorag_graph.serving.error_responses import answer_errors
from memorag_graph.serving.guard import Guard
from memorag_graph.serving.memory_routes import require_memory
from memorag_graph.settings import TASKS, RunOptions, TaskType, run_options
from memorag_graph.state import GraphOutput, question_of
from memorag_graph.text.languages import language

QUESTION_OPTIONS = frozenset(
    {"hits", "evidence_tokens", "use_memory_answer", "max_new_tokens", "temperature", "prompts"}
)
"""Options that clients may set; the operator chooses models and devices."""

MEMORY_ID = "^([0-9a-f]{32})?$"
_THREAD = "thread_id"
_THREAD_ID = re.compile(r"[\w.:-]{1,128}")


class Question(BaseModel):
    """A client's question; no field names a file of the server.

    No field is nullable, because LangServe's playground cannot show those.
    """

    model_config = ConfigDict(extra="forbid")

    query: str = Field("", description="The question; by default the last of the messages. May be empty for a summary.")
    memory_id: str = Field("", pattern=MEMORY_ID, description="Id of the memory to query.")
    context: str = Field("", description="A text to query instead; it is memorized first.")
    task_type: TaskType = Field("memorag", description=TASKS)
    messages: list[AnyMessage] = Field(default_factory=list, description="A conversation that ends with the question.")

    @model_validator(mode="after")
    def _is_complete(self) -> "Question":
        if self.task_type != "summarize" and not question_of(self.query, self.messages).strip():
            raise ValueError("query: must not be empty")
        if not self.memory_id and not self.context.strip():
            raise ValueError("memory_id: give a memory_id or a context")
        return self


class ServedRunnable(MemoRAGRunnable):
    """The graph for LangServe; its config schema shows the bounds of options and, with a checkpointer, the thread."""

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """The options that clients may set, with their bounds, and the thread."""
        fields = RunOptions.model_fields
        specs = [
            spec._replace(annotation=_bounded(spec.annotation, fields[spec.id].metadata))
            for spec in super().config_specs
        ]
        thread = ConfigurableFieldSpec(_THREAD, str, "Thread", "The conversation to continue.", default="")
        return [*specs, thread] if self.graph.checkpointer else specs


def questions_app(graph: MemoragGraph, options: RunOptions, store: MemoryStore, guard: Guard) -> FastAPI:
    """Return LangServe's endpoints.

    Args:
        graph: The graph that answers.
        options: The operator's options.
        store: The memories that clients may query.
        guard: Guards every endpoint.
    """
    app = FastAPI(title="memorag", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.route_class = guard.route_class()
    answer_errors(app)
    allowed = QUESTION_OPTIONS | ({_THREAD} if graph.checkpointer else set())

    async def check(config: dict[str, Any], request: Request) -> dict[str, Any]:
        """Validate a request and assign a thread; errors raised later all become the same LangServe response."""
        body = await request.json()
        if not isinstance(body.get("inputs") or [], list):
            raise InputError("inputs", "must be a list of questions")
        for sent in _configs(body):
            if unknown := sorted(set(sent.get("configurable") or {}) - allowed):
                raise InputError(unknown[0], f"cannot be set here; choose from {', '.join(sorted(allowed))}")
        for question in body.get("inputs") or [body.get("input") or {}]:
            memory_id = _validate(question).memory_id
            if memory_id:
                read_info(require_memory(store, memory_id))
        configurable = dict(config.get("configurable") or {})
        chosen = {name: configurable[name] for name in QUESTION_OPTIONS & set(configurable)}
        Prompts(language("en"), run_options({**options.model_dump(), **chosen}).prompts)
        thread = configurable.get(_THREAD) or str(uuid4())
        if not _THREAD_ID.fullmatch(thread):
            raise InputError(_THREAD, "must be 1 to 128 letters, digits, underscores, dots, colons or hyphens")
        return {**config, "configurable": {**configurable, _THREAD: thread}}

    served = ServedRunnable(graph=graph, options=options, configurable=QUESTION_OPTIONS)
    add_routes(
        app,
        served.with_types(input_type=Question, output_type=GraphOutput),  # type: ignore[arg-type]
        per_req_config_modifier=check,
        enable_feedback_endpoint=False,
        dependencies=guard.security,
    )
    return app


def _validate(question: object) -> Question:
    """Validate a question; LangServe would answer an invalid batch with a server error."""
    try:
        return Question.model_validate(question)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_context=False)) from None
    except (KeyError, TypeError) as error:  # LangChain raises these for incomplete messages
        raise InputError("messages", f"cannot be read ({type(error).__name__}: {error}); send text messages") from None


def _bounded(annotation: Any, bounds: Sequence[Any]) -> Any:  # noqa: ANN401 - type annotations
    return Annotated[(annotation, *bounds)] if bounds else annotation


def _configs(body: dict[str, Any]) -> list[dict[str, Any]]:
    sent = body.get("config") or {}
    return [config for config in (sent if isinstance(sent, list) else [sent]) if isinstance(config, dict)]
