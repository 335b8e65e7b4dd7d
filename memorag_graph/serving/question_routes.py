"""Serve the graph with LangServe: invoke, batch, stream, events, schemas, playground."""

import re
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from langchain_core.messages import AnyMessage
from langchain_core.runnables.utils import ConfigurableFieldSpec
from langgraph.checkpoint.base import BaseCheckpointSaver
from langserve import add_routes
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from memorag_graph.errors import InputError
from memorag_graph.langchain.runnable import MemoRAGRunnable
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.prompts import Prompts
from memorag_graph.serving.client_graph import client_graph, run_of
from memorag_graph.serving.client_options import QUESTION_OPTIONS
from memorag_graph.serving.error_responses import DOCUMENTED, answer_errors
from memorag_graph.serving.guard import Guard, client_of
from memorag_graph.serving.memory_routes import require_memory
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import TASKS, RunOptions, TaskType, run_options
from memorag_graph.state import GraphOutput, question_of
from memorag_graph.text.languages import language

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
    library: str = Field("", description="Name of a library to query instead.")
    where: list[str] = Field(
        default_factory=list, description="Only documents of the library that fit, such as year>=2020; all must hold."
    )
    as_of: str = Field("", description="The time whose versions of the documents are meant, such as 2026-01-31.")
    task_type: TaskType = Field("memorag", description=TASKS)
    messages: list[AnyMessage] = Field(default_factory=list, description="A conversation that ends with the question.")

    @model_validator(mode="after")
    def _is_complete(self) -> "Question":
        if self.task_type != "summarize" and not question_of(self.query, self.messages).strip():
            raise ValueError("query: must not be empty")
        if not self.memory_id and not self.context.strip() and not self.library:
            raise ValueError("memory_id: give a memory_id, a library or a context")
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


def questions_app(
    tenants: Tenants, options: RunOptions, guard: Guard, checkpointer: BaseCheckpointSaver[Any] | None = None
) -> FastAPI:
    """Return LangServe's endpoints.

    Args:
        tenants: The models, and the memories of each tenant.
        options: The operator's options.
        guard: Guards every endpoint.
        checkpointer: Stores conversations.
    """
    graph = client_graph(tenants, checkpointer)
    app = FastAPI(title="memorag", docs_url=None, redoc_url=None, openapi_url=None, responses=DOCUMENTED)
    app.router.route_class = guard.route_class(_check_call)
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
        client = client_of(request)
        for sent in body.get("inputs") or [body.get("input") or {}]:
            question = _validate(sent)
            if question.memory_id:
                read_info(require_memory(tenants.registry(client.tenant).store, question.memory_id))
            if question.library:
                tenants.libraries(client.tenant).find(question.library)
            if question.context:
                client.require("writer")
        configurable = dict(config.get("configurable") or {})
        chosen = {name: configurable[name] for name in QUESTION_OPTIONS & set(configurable)}
        Prompts(language("en"), run_options({**options.model_dump(), **chosen}).prompts)
        thread = configurable.get(_THREAD) or str(uuid4())
        if not _THREAD_ID.fullmatch(thread):
            raise InputError(_THREAD, "must be up to 128 letters, digits, dots, colons and hyphens")
        place = {_THREAD: f"{client.tenant}/{thread}" if client.tenant else thread}
        return {**config, **run_of(client, {**configurable, **place})}

    served = ServedRunnable(graph=graph, options=options, configurable=QUESTION_OPTIONS)
    add_routes(
        app,
        served.with_types(input_type=Question, output_type=GraphOutput),  # type: ignore[arg-type]
        per_req_config_modifier=check,
        enable_feedback_endpoint=False,
        # Options in a path would bypass the check of the body; feedback would go to LangSmith.
        disabled_endpoints=["config_hashes", "token_feedback"],  # type: ignore[list-item]
        dependencies=guard.security,
    )
    return app


def _check_call(body: object) -> None:
    """Check the shape of a call, because LangServe answers some malformed calls with a server error.

    Raises:
        InputError: If it is malformed.
    """
    if not isinstance(body, dict):
        raise InputError("body", "must be a JSON object")
    inputs, config = body.get("inputs", [{}]), body.get("config", {})
    if not isinstance(inputs, list) or not inputs:
        raise InputError("inputs", "must be a list of questions")
    several = isinstance(config, list) and "inputs" in body
    for number, sent in enumerate(config if several else [config]):
        if not isinstance(sent, dict) or not isinstance(sent.get("configurable", {}), dict):
            raise InputError(f"config.{number}" if several else "config", "must be an object")
    if several and len(config) != len(inputs):
        raise InputError("config", f"must be an object, or a list of {len(inputs)}: one for each question")


def _validate(question: object) -> Question:
    """Validate a question; LangServe would answer an invalid batch with a server error."""
    try:
        return Question.model_validate(question)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_context=False)) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # LangChain raises these for odd messages
        raise InputError("messages", f"cannot be read ({type(error).__name__}: {error}); send text messages") from None


def _bounded(annotation: Any, bounds: Sequence[Any]) -> Any:  # noqa: ANN401 - type annotations
    return Annotated[(annotation, *bounds)] if bounds else annotation


def _configs(body: dict[str, Any]) -> list[dict[str, Any]]:
    sent = body.get("config") or {}
    return [config for config in (sent if isinstance(sent, list) else [sent]) if isinstance(config, dict)]
