"""OpenAI's protocol: memories and libraries are models, so that any chat client can ask them."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from langchain_core.runnables.utils import AddableDict
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from memorag_graph.errors import InputError, MemoragError
from memorag_graph.langchain.runnable import MemoRAGRunnable
from memorag_graph.memory.storage.memory_names import called
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.prompts import Prompts
from memorag_graph.serving.asked_source import AskedSource, asked_source
from memorag_graph.serving.client_graph import client_graph, run_of
from memorag_graph.serving.client_options import QUESTION_OPTIONS
from memorag_graph.serving.completion_errors import completion_error, error_body
from memorag_graph.serving.completion_reply import CompletionReply, model_record
from memorag_graph.serving.completion_request import ChatRequest
from memorag_graph.serving.error_responses import answer_errors, status_of
from memorag_graph.serving.guard import Guard, client_of
from memorag_graph.serving.library_routes import opened
from memorag_graph.serving.tenants import Tenants
from memorag_graph.serving.told_errors import of_each, told_to_client
from memorag_graph.settings import MOST_TOKENS, RunOptions, run_options
from memorag_graph.text.languages import language

if TYPE_CHECKING:
    from memorag_graph.library.library import Library

_log = logging.getLogger(__name__)


def completions_app(tenants: Tenants, options: RunOptions, guard: Guard) -> FastAPI:
    """Return the endpoints ``/chat/completions`` and ``/models``.

    Args:
        tenants: The models, and the memories of each tenant.
        options: The operator's options.
        guard: Guards every endpoint.
    """
    ask = MemoRAGRunnable(graph=client_graph(tenants), options=options, configurable=QUESTION_OPTIONS)
    app = FastAPI(title="memorag-openai", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.route_class = guard.route_class(_require_object)
    answer_errors(app, completion_error)

    def source_of(request: Request, name: str) -> AskedSource:
        return asked_source(tenants, client_of(request).tenant, name, "model")

    @app.get("/models", summary="List memories and libraries as models", dependencies=guard.security, tags=["openai"])
    def models(request: Request) -> dict[str, Any]:
        tenant = client_of(request).tenant
        found = of_each(tenants.libraries(tenant), _library)
        return {"object": "list", "data": [*_models(tenants.registry(tenant).store), *found]}

    @app.get(
        "/models/{name:path}",
        summary="Describe a memory or library as a model",
        dependencies=guard.security,
        tags=["openai"],
    )
    def model(request: Request, name: str) -> dict[str, Any]:
        source = source_of(request, name)
        if source.memory:
            return _model(tenants.registry(client_of(request).tenant).store, source.memory)
        with opened(tenants, request, name) as library:
            return _library(name, library)

    @app.post(
        "/chat/completions",
        summary="Answer a conversation from a memory or library",
        dependencies=guard.security,
        tags=["openai"],
        response_model=None,
    )
    async def complete(request: Request, sent: ChatRequest) -> Response:
        call, own, messages = sent.call(), sent.options(), sent.conversation()
        chosen = run_options({**options.model_dump(), **own, **call.changes(MOST_TOKENS)})
        Prompts(language("en"), chosen.prompts)
        source = await run_in_threadpool(source_of, request, sent.model)
        reply = CompletionReply(sent.model, chosen.max_new_tokens, source.place)
        task = sent.task_type or "auto"
        given = {**source.given, **sent.chosen_documents(), "messages": messages, "task_type": task}
        config = run_of(client_of(request), own)
        config["callbacks"] = [reply.usage]
        if not sent.stream:
            return JSONResponse(reply.whole(await ask.ainvoke(given, config, **call.model_dump())))
        has_usage = bool(sent.stream_options and sent.stream_options.include_usage)
        return EventSourceResponse(
            _events(reply, ask.astream(given, config, **call.model_dump()), has_usage=has_usage), sep="\n"
        )

    return app


async def _events(
    reply: CompletionReply, pieces: AsyncIterator[AddableDict], *, has_usage: bool
) -> AsyncIterator[dict[str, str]]:
    """Yield the chunks of an answer while it is written, and an error as the protocol's clients expect it."""
    text = ""
    yield _event(reply.begin())
    try:
        async with aclosing(pieces):  # type: ignore[type-var] # LangChain declares no generator
            async for piece in pieces:
                if piece["answer"]:
                    text += piece["answer"]
                    yield _event(reply.piece(piece["answer"]))
        yield _event(reply.end(text, piece))
        if has_usage:
            yield _event(reply.with_usage(piece))
    except MemoragError as error:
        field = error.field if isinstance(error, InputError) else None
        yield _event(error_body(status_of(error), told_to_client(error), field))
        return
    except Exception:
        _log.exception("answering failed")
        yield _event(error_body(500, "the server failed; see its log"))
        raise
    yield {"data": "[DONE]"}


def _event(body: Mapping[str, Any]) -> dict[str, str]:
    return {"data": json.dumps(body, ensure_ascii=False)}


def _models(store: MemoryStore) -> list[dict[str, Any]]:
    return [_model(store, it) for it in store.memories()]


def _model(store: MemoryStore, info: Mapping[str, Any]) -> dict[str, Any]:
    made = 0.0
    with suppress(OSError):  # it was just deleted
        made = Path(info["place"]).stat().st_mtime
    sources = [document["source"] for document in info["documents"]]
    return model_record(info["memory_id"], called(store, info), made, sources)


def _library(name: str, library: "Library") -> dict[str, Any]:
    listed = library.list()
    changed = max((datetime.fromisoformat(it.added).timestamp() for it in listed), default=0.0)
    return model_record(name, name, changed, [it.name for it in listed])


def _require_object(body: object) -> None:
    if not isinstance(body, dict):
        raise InputError("body", "must be a JSON object")
