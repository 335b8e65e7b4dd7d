"""Every door of the service through which one tenant may ask for what another has."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tests.tenant_worlds import QUESTION, Call, Run, Sent, Things

Door = Callable[[Things, Things], Sent]
"""Makes what is sent, of what the sender has and of what it wants."""

Spelling = Callable[[str, str, str, str], str]
"""Writes a name in another way: the name, its tenant, the folder in which it lies, and the service's directory."""

SPELLINGS: list[Spelling] = [
    lambda it, tenant, folder, root: it.upper(),
    lambda it, tenant, folder, root: f" {it}",
    lambda it, tenant, folder, root: f"{it}\0",
    lambda it, tenant, folder, root: f"./{it}",
    lambda it, tenant, folder, root: f"{it}/.",
    lambda it, tenant, folder, root: f"{tenant}/{it}",
    lambda it, tenant, folder, root: f"../{tenant}/{it}",
    lambda it, tenant, folder, root: f"../../{folder}/{it}",
    lambda it, tenant, folder, root: f"%2e%2e%2f{tenant}%2f{it}",
    lambda it, tenant, folder, root: f"..\\{tenant}\\{it}",
    lambda it, tenant, folder, root: f"{root}/{folder}/{it}",
    lambda it, tenant, folder, root: f"{root}/./{folder}/../{folder}/{it}/",
    lambda it, tenant, folder, root: f"file://{root}/{folder}/{it}",
]

_EVENTS = {"Accept": "text/event-stream"}
_RPC = {"Accept": "application/json, text/event-stream"}


def _q(name: str) -> str:
    return quote(name, safe="")


def _asked(**given: str) -> dict[str, Any]:
    return {"query": QUESTION, "task_type": "lookup", **given}


def _invoke(given: Any, way: str = "invoke", **more: Any) -> Call:
    return Call("POST", f"/memorag/{way}", {"inputs" if way == "batch" else "input": given, **more})


def _set(mine: Things, **configurable: Any) -> Call:
    return _invoke(_asked(memory_id=mine.memory_id), config={"configurable": configurable})


def _chat(model: str, **more: Any) -> Call:
    messages = [{"role": "user", "content": QUESTION}]
    return Call("POST", "/v1/chat/completions", {"model": model, "messages": messages, "task_type": "lookup", **more})


def _rpc(method: str, headers: Mapping[str, str] | None = None, **params: Any) -> Call:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return Call("POST", "/mcp", body, {**_RPC, **(headers or {})})


def _tool(name: str, meta: dict[str, Any] | None = None, **arguments: Any) -> Call:
    return _rpc("tools/call", name=name, arguments=arguments, **({"_meta": meta} if meta else {}))


def _texts(name: str, text: str, **metadata: str) -> dict[str, Any]:
    return {"documents": [{"name": name, "text": text, **({"metadata": metadata} if metadata else {})}]}


def _user(name: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:'.encode()).decode()}"


OPENING: Mapping[str, Door] = {
    "GET memory": lambda mine, its: Call("GET", f"/memories/{_q(its.memory_id)}"),
    "ask memory": lambda mine, its: _invoke(_asked(memory_id=its.memory_id)),
    "ask memory in batch": lambda mine, its: _invoke([_asked(memory_id=its.memory_id)], "batch"),
    "ask memory, streamed": lambda mine, its: _invoke(_asked(memory_id=its.memory_id), "stream"),
    "ask memory, events": lambda mine, its: _invoke(_asked(memory_id=its.memory_id), "stream_events"),
    "ask memory, log": lambda mine, its: _invoke(_asked(memory_id=its.memory_id), "stream_log"),
    "summarize memory": lambda mine, its: _invoke({"memory_id": its.memory_id, "task_type": "summarize"}),
    "ask library in LangServe": lambda mine, its: _invoke(_asked(library=its.library)),
    "ask library in LangServe, streamed": lambda mine, its: _invoke(_asked(library=its.library), "stream"),
    "ask library, filter of its field": lambda mine, its: Call(
        "POST", f"/libraries/{_q(its.library)}/ask", {"query": QUESTION, "where": {its.field: its.word}}
    ),
    "ask library": lambda mine, its: Call("POST", f"/libraries/{_q(its.library)}/ask", {"query": QUESTION}),
    "GET library": lambda mine, its: Call("GET", f"/libraries/{_q(its.library)}"),
    "list documents": lambda mine, its: Call("GET", f"/libraries/{_q(its.library)}/documents"),
    "list documents, filter": lambda mine, its: Call(
        "GET", f"/libraries/{_q(its.library)}/documents?where=name={_q(its.document)}"
    ),
    "list documents, filter of its field": lambda mine, its: Call(
        "GET", f"/libraries/{_q(its.library)}/documents?where={_q(its.field)}={its.word}"
    ),
    "list documents, as of": lambda mine, its: Call("GET", f"/libraries/{_q(its.library)}/documents?as_of=2099-01-01"),
    "versions of document": lambda mine, its: Call("GET", f"/libraries/{_q(its.library)}/documents/{_q(its.document)}"),
    "remember library": lambda mine, its: Call("POST", f"/libraries/{_q(its.library)}/remember"),
    "model of memory": lambda mine, its: Call("GET", f"/v1/models/{_q(its.memory_id)}"),
    "model of name": lambda mine, its: Call("GET", f"/v1/models/{_q(its.memory)}"),
    "model of library": lambda mine, its: Call("GET", f"/v1/models/{_q(its.library)}"),
    "chat with memory": lambda mine, its: _chat(its.memory_id),
    "chat with name": lambda mine, its: _chat(its.memory),
    "chat with library": lambda mine, its: _chat(its.library),
    "chat with library, streamed": lambda mine, its: _chat(its.library, stream=True),
    "chat with library, filter": lambda mine, its: _chat(its.library, where=[f"{its.field}={its.word}"]),
    "tool ask of memory": lambda mine, its: _tool("ask", memory=its.memory_id, question=QUESTION),
    "tool ask of name": lambda mine, its: _tool("ask", memory=its.memory, question=QUESTION),
    "tool search of library": lambda mine, its: _tool("search", memory=its.library, question=QUESTION),
    "tool search, filter": lambda mine, its: _tool(
        "search", memory=its.library, question=QUESTION, where=[f"{its.field}={its.word}"]
    ),
    "tool summarize": lambda mine, its: _tool("summarize", memory=its.memory_id),
    "resource of memory": lambda mine, its: _rpc(
        "resources/read", uri=f"memorag://{_q(its.memory_id)}/{_q(its.memory)}"
    ),
    "resource of library": lambda mine, its: _rpc(
        "resources/read", uri=f"memorag://library/{_q(its.library)}/{_q(its.document)}"
    ),
    "run with memory": lambda mine, its: Run(_asked(memory_id=its.memory_id)),
    "run with library": lambda mine, its: Run(_asked(library=its.library)),
    "run with context": lambda mine, its: Run(_asked(), context={"memory_id": its.memory_id}),
    "replace document": lambda mine, its: Call(
        "POST", f"/libraries/{_q(its.library)}/documents", _texts(its.document, mine.text, mark=mine.word)
    ),
    "upload document": lambda mine, its: Call(
        "POST",
        f"/libraries/{_q(its.library)}/documents/upload",
        files={"files": (_q(its.document), mine.text.encode())},
    ),
    "add its text, events": lambda mine, its: Call(
        "POST", f"/libraries/{_q(its.library)}/documents", _texts(its.document, its.text), _EVENTS
    ),
    "memorize its text, events": lambda mine, its: Call("POST", "/memories", _texts(its.memory, its.text), _EVENTS),
    "PATCH memory": lambda mine, its: Call("PATCH", f"/memories/{_q(its.memory_id)}", {"name": mine.word}),
    "PATCH library": lambda mine, its: Call("PATCH", f"/libraries/{_q(its.library)}", {"name": its.library}),
    "remove document": lambda mine, its: Call("DELETE", f"/libraries/{_q(its.library)}/documents/{_q(its.document)}"),
    "DELETE memory": lambda mine, its: Call("DELETE", f"/memories/{_q(its.memory_id)}"),
    "DELETE library": lambda mine, its: Call("DELETE", f"/libraries/{_q(its.library)}"),
    # the last, as a stranger makes it, too
    "make library of that name": lambda mine, its: Call("PUT", f"/libraries/{_q(its.library)}"),
}
"""Doors that open to the owner, who gets another reply than a stranger; what changes something is last."""

_CLAIMS: Mapping[str, Callable[[Things], Mapping[str, str]]] = {
    "X-Tenant": lambda its: {"X-Tenant": its.tenant, "X-Memorag-Tenant": its.tenant, "Tenant": its.tenant},
    "of a proxy": lambda its: {"X-Forwarded-User": its.tenant, "X-Auth-Request-User": its.tenant, "Remote-User": "x"},
    "of a path": lambda its: {"X-Original-URL": f"/memories/{its.memory_id}", "X-Rewrite-URL": "/metrics"},
    "of a prefix": lambda its: {"X-Forwarded-Prefix": f"/../tenants/{its.tenant}", "X-Forwarded-Host": its.tenant},
    "of a method": lambda its: {"X-HTTP-Method-Override": "DELETE"},
    "of a user": lambda its: {"Authorization": _user(its.tenant)},
    "of a trace": lambda its: {"baggage": f"tenant={its.tenant}", "traceparent": f"00-{its.memory_id}-{'1' * 16}-01"},
    "of a visit": lambda its: {"Cookie": f"memorag_session={its.tenant}; tenant={its.tenant}"},
    "of a session": lambda its: {"Mcp-Session-Id": its.tenant, "X-Session-Id": its.thread},
    "of a cache": lambda its: {"X-Cache-Salt": its.tenant, "If-None-Match": f'"{its.memory_id}"'},
}
_LISTS = ("/memories", "/libraries", "/v1/models", "/metrics", "/ready", "/")
_STATES: tuple[Callable[[Things], Mapping[str, str]], ...] = (
    lambda its: {"thread_memory_id": its.memory_id},
    lambda its: {"thread_library": its.library},
    lambda its: {"save_dir": f"../{its.tenant}"},
    lambda its: {"tenant": its.tenant, "memory_id": its.memory_id},
)
_OPTIONS: Mapping[str, Callable[[Things], Any]] = {
    "memory_id": lambda its: its.memory_id,
    "library": lambda its: its.library,
    "tenant": lambda its: its.tenant,
    "directory": lambda its: f"../{its.tenant}",
    "registry": lambda its: its.tenant,
    "cache_salt": lambda its: its.tenant,
    "checkpoint_ns": lambda its: f"{its.tenant}/{its.thread}",
    "checkpoint_id": lambda its: its.thread,
    "__memorag_client": lambda its: {"name": its.tenant, "tenant": its.tenant, "role": "admin"},
    "langgraph_auth_user": lambda its: {"identity": its.tenant, "tenant": its.tenant, "role": "admin"},
}

NAMING: Mapping[str, Door] = {
    "thread": lambda mine, its: _set(mine, thread_id=its.thread),
    "thread of many": lambda mine, its: _set(mine, thread_id="talk"),
    "thread of a path": lambda mine, its: _set(mine, thread_id=f"{its.tenant}/{its.thread}"),
    "thread and its memory": lambda mine, its: _invoke(
        _asked(memory_id=its.memory_id), config={"configurable": {"thread_id": its.thread}}
    ),
    "options in a path": lambda mine, its: Call(
        "POST",
        f"/memorag/c/{_q(json.dumps({'thread_id': its.thread}))}/invoke",
        {"input": _asked(memory_id=its.memory_id)},
    ),
    "metadata of a call": lambda mine, its: _invoke(
        _asked(memory_id=mine.memory_id), config={"metadata": {"tenant": its.tenant}, "tags": [its.tenant]}
    ),
    "its name as a model's user": lambda mine, its: _chat(
        mine.memory, user=its.tenant, metadata={"tenant": its.tenant}, prompt_cache_key=its.tenant
    ),
    "document as a model": lambda mine, its: _chat(its.document),
    "resource by a path": lambda mine, its: _rpc("resources/read", uri=f"memorag://..%2f{its.tenant}/{its.document}"),
    "resource of the own memory": lambda mine, its: _rpc(
        "resources/read", uri=f"memorag://{mine.memory_id}/{_q(its.memory)}"
    ),
    "tools' list": lambda mine, its: _tool("list_memories", meta={"tenant": its.tenant}),
    "resources' list": lambda mine, its: _rpc("resources/list", {"Mcp-Session-Id": its.tenant}, cursor=its.memory_id),
    "completion of a resource": lambda mine, its: _rpc(
        "completion/complete",
        ref={"type": "ref/resource", "uri": "memorag://{memory_id}/{document}"},
        argument={"name": "memory_id", "value": its.memory_id[:4]},
    ),
    "memorize by a tool": lambda mine, its: _tool("memorize", documents=[{"name": its.memory, "text": its.text}]),
    "upload its text": lambda mine, its: Call(
        "POST", "/memories/upload", files={"files": (_q(its.memory), its.text.encode())}
    ),
    "settings with a path": lambda mine, its: Call(
        "POST", "/memories", {**_texts("own.txt", mine.text), "settings": {"directory": f"../{its.tenant}"}}
    ),
    "filter of its field in the own library": lambda mine, its: Call(
        "POST", f"/libraries/{mine.library}/ask", {"query": QUESTION, "where": {its.field: its.word}}
    ),
    "its document in the own library": lambda mine, its: Call(
        "GET", f"/libraries/{mine.library}/documents/{_q(its.document)}"
    ),
    "query of a list": lambda mine, its: Call("GET", f"/memories?tenant={its.tenant}&memory_id={_q(its.memory_id)}"),
    "run with a thread": lambda mine, its: Run(_asked(), configurable={"thread_id": its.thread}),
    **{
        f"no endpoint: {method} {what}": lambda mine, its, method=method, what=what: Call(  # type: ignore[misc]
            method, f"/memories/{_q(its.memory_id)}{what}", {"name": mine.word}
        )
        for method, what in (("PATCH", ""), ("PUT", "/name"), ("POST", "/append"), ("POST", "/ask"))
    },
    **{
        f"no endpoint: GET {what}": lambda mine, its, what=what: Call("GET", f"/memories/{_q(its.memory_id)}/{what}")  # type: ignore[misc]
        for what in ("summary", "export", "events", "gists.json")
    },
    **{
        f"header {claim} at {path}": lambda mine, its, of=of, path=path: Call(
            "GET", path, headers={header: value.replace("\0", "%00") for header, value in of(its).items()}
        )  # type: ignore[misc]
        for claim, of in _CLAIMS.items()
        for path in _LISTS
    },
    **{
        f"state {number} of a run": lambda mine, its, of=of: Run({**_asked(), **of(its)})  # type: ignore[misc]
        for number, of in enumerate(_STATES)
    },
    **{
        f"option {name}": lambda mine, its, name=name, of=of: _set(mine, **{name: of(its)})  # type: ignore[misc]
        for name, of in _OPTIONS.items()
    },
    **{
        f"option {name} of a run": lambda mine, its, name=name, of=of: Run(  # type: ignore[misc]
            _asked(memory_id=mine.memory_id), configurable={name: of(its)}
        )
        for name, of in _OPTIONS.items()
        if name != "langgraph_auth_user"  # which that server sets
    },
    **{
        f"field {name} of a call": lambda mine, its, name=name, of=of: _invoke(  # type: ignore[misc]
            {**_asked(memory_id=mine.memory_id), name: of(its)}
        )
        for name, of in _OPTIONS.items()
    },
}
"""Ways to name another tenant, or what it has, where that has no meaning, or where only the own is meant."""
