"""OpenAI's protocol at the service, with OpenAI's own client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from fastapi.testclient import TestClient
from langchain_openai import ChatOpenAI

from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import KeyFile
from memorag_graph.serving.quotas import Quota
from tests.conftest import TEXT, TINY
from tests.test_serving import QUESTION, REPLY, WRITING, Service
from tests.test_tenants import as_key, memorize

ASKED: Any = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for all tests, so that they share a memory."""
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMORAG_GRAPH_HOME", str(place))
        yield place


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    service = Service(options=WRITING)
    service.gate.set()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def memory_id(service: Service) -> str:
    return service.memorize()


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0) as client:
        yield client


def test_memories_are_models(client: openai.OpenAI, memory_id: str) -> None:
    (listed,) = client.models.list().data
    assert (listed.id, listed.name) == (memory_id, "letters.txt")  # type: ignore[attr-defined]
    assert client.models.retrieve("letters.txt") == client.models.retrieve(memory_id) == listed
    with pytest.raises(openai.NotFoundError, match="no memory with the id or name 'other") as unknown:
        client.chat.completions.create(model="other.txt", messages=ASKED)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")


def test_an_answer_cites_the_document(client: openai.OpenAI, service: Service, memory_id: str) -> None:
    graph = build_graph(service.registry)
    expected: Any = graph.invoke({"memory_id": memory_id, "query": QUESTION, "task_type": "lookup"}, context=WRITING)  # type: ignore[call-overload]
    for model in (memory_id, "letters.txt"):
        reply = client.chat.completions.create(model=model, messages=ASKED, extra_body={"task_type": "lookup"})
        assert reply.choices[0].message.content == REPLY == expected["answer"]
        assert reply.choices[0].finish_reason == "stop"
        (note,) = reply.choices[0].message.annotations or []
        place, (citation,) = note.url_citation, expected["citations"]
        assert REPLY[place.start_index : place.end_index] == REPLY.removesuffix(".")
        assert TEXT[citation["start"] : citation["end"]] == place.cited_text  # type: ignore[attr-defined]
        assert place.url == f"memorag://{memory_id}/letters.txt#char={citation['start']},{citation['end']}"
        assert place.title == "letters.txt"
        assert reply.memorag["notices"] == expected["notices"]  # type: ignore[attr-defined]


def test_a_stream_gives_the_whole_in_pieces(client: openai.OpenAI, memory_id: str) -> None:
    whole = client.chat.completions.create(model=memory_id, messages=ASKED)
    asked: Any = {"model": memory_id, "messages": ASKED, "stream": True}
    chunks = list(client.chat.completions.create(**asked, stream_options={"include_usage": True}))
    *pieces, last, used = chunks
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == REPLY
    assert len(pieces) > 5
    assert pieces[0].choices[0].delta.role == "assistant"
    assert last.choices[0].finish_reason == "stop"
    noted = [note.model_dump() for note in whole.choices[0].message.annotations or []]
    assert last.choices[0].delta.annotations == noted  # type: ignore[union-attr]
    assert used.usage == whole.usage
    assert used.choices == []
    assert all(chunk.usage is None for chunk in client.chat.completions.create(**asked))


def test_usage_counts_what_was_read_and_written(client: openai.OpenAI, memory_id: str) -> None:
    used = client.chat.completions.create(model=memory_id, messages=ASKED, extra_body={"task_type": "qa"}).usage
    assert used is not None
    assert used.total_tokens == used.prompt_tokens + used.completion_tokens
    assert min(used.prompt_tokens, used.completion_tokens) > 0
    assert used.completion_tokens_details.reasoning_tokens == 0  # type: ignore[union-attr]
    clues = client.chat.completions.create(model=memory_id, messages=ASKED, extra_body={"task_type": "memorag"}).usage
    assert clues is not None
    assert clues.completion_tokens_details.reasoning_tokens > 0  # type: ignore[union-attr, operator]


def test_maxima_and_stops_are_honoured(client: openai.OpenAI, memory_id: str) -> None:
    qa: Any = {"model": memory_id, "messages": ASKED, "extra_body": {"task_type": "qa"}}
    for name in ("max_tokens", "max_completion_tokens"):
        short = client.chat.completions.create(**qa, **{name: 10})
        assert short.usage.completion_tokens == 10  # type: ignore[union-attr]
        assert short.choices[0].finish_reason == "length"
    assert client.chat.completions.create(model=memory_id, messages=ASKED, max_tokens=9000).choices[0].message.content
    whole = REPLY.partition(" harbour")[0]
    for stop in (" harbour", ["nowhere", " harbour"]):
        cut = client.chat.completions.create(model=memory_id, messages=ASKED, stop=stop)
        assert cut.choices[0].message.content == whole
        assert cut.choices[0].message.annotations == []
        stream: Any = client.chat.completions.create(model=memory_id, messages=ASKED, stop=stop, stream=True)
        assert "".join(it.choices[0].delta.content or "" for it in stream) == whole
    warm = client.chat.completions.create(**qa, temperature=1.9, max_tokens=30).choices[0].message.content
    assert warm != client.chat.completions.create(**qa, max_tokens=30).choices[0].message.content


def test_a_conversation_goes_on_and_instructions_are_not_searched(client: openai.OpenAI, memory_id: str) -> None:
    messages: Any = [
        {"role": "system", "content": "Answer in French."},
        {"role": "developer", "content": [{"type": "text", "text": "Be short."}]},
        {"role": "user", "content": "How many lorries were there in 1999?"},
        {"role": "assistant", "content": "There were 897 lorries in 1999. [1]", "annotations": []},
        {"role": "user", "content": "And in 2001?"},
    ]
    asked = client.chat.completions.create(model=memory_id, messages=messages).memorag["question"]  # type: ignore[attr-defined]
    assert "French" not in asked
    assert "2001" in asked


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"n": 2}, "n: is not supported; leave it out, or send 1"),
        ({"tools": [{"type": "function"}]}, "tools: is not supported"),
        ({"response_format": {"type": "json_object"}}, "response_format: is not supported"),
        ({"top_k": 4}, "top_k: is no parameter here"),
        ({"max_tokens": 20, "max_completion_tokens": 30}, "means the same; send one"),
        ({"max_tokens": 1}, "greater than or equal to 10"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop: may have 4 texts"),
        ({"temperature": 3}, "less than or equal to 2"),
        ({"hits": 0}, "hits: input should be greater"),
        ({"prompts": {"qa_gen": "{nothing}"}}, "qa_gen"),
        ({"messages": []}, "at least 1"),
        ({"messages": [{"role": "assistant", "content": "Yes."}]}, "the last message must be the user's"),
        ({"messages": [{"role": "tool", "content": "Yes."}, *ASKED]}, "messages.0: tools are not supported"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "may hold only text, not 'image_url'",
        ),
    ],
)
def test_what_is_not_honoured_is_refused_in_words(service: Service, memory_id: str, sent: Any, reason: str) -> None:
    answer = service.http.post("/v1/chat/completions", json={"model": memory_id, "messages": ASKED, **sent})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert reason in error["message"]
    assert (error["type"], error["code"]) == ("invalid_request_error", None)


def test_what_changes_nothing_is_accepted(client: openai.OpenAI, memory_id: str) -> None:
    kept: Any = {"n": 1, "top_p": 1, "presence_penalty": 0, "logprobs": False, "tools": [], "user": "u", "seed": 7}
    assert client.chat.completions.create(model=memory_id, messages=ASKED, **kept).choices[0].message.content == REPLY


def test_langchains_openai_model_asks_a_memory(service: Service, memory_id: str) -> None:
    chat = ChatOpenAI(base_url=f"{service.url}/v1", api_key="any", model=memory_id, max_retries=0, stream_usage=True)  # type: ignore[arg-type]
    assert chat.invoke(QUESTION).content == REPLY
    assert "".join(str(piece.content) for piece in chat.stream(QUESTION)) == REPLY


def test_an_error_in_a_stream_reaches_the_client(service: Service, client: openai.OpenAI) -> None:
    memory_id = service.memorize(TEXT[:900], "short.txt")
    (service.registry.store.directory(memory_id) / "memory.bin").write_bytes(b"damaged")
    service.registry.forget(memory_id)
    stream = client.chat.completions.create(model=memory_id, messages=ASKED, stream=True)
    with pytest.raises(openai.APIError, match=r"memory[.]bin"):
        list(stream)
    with pytest.raises(openai.ConflictError):
        client.chat.completions.create(model=memory_id, messages=ASKED)
    service.registry.store.delete(memory_id)


def test_keys_tenants_and_quotas_apply(registry: Registry, tmp_path: Any) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    quota = Quota(requests_per_minute=4)
    with TestClient(create_app(registry, TINY, credentials=keys, quota=quota)) as client:
        acme, globex = (as_key(client, keys.add(name, name, "writer")) for name in ("acme", "globex"))
        memory_id = memorize(acme)
        given = {"model": memory_id, "messages": ASKED}
        nobody = client.post("/v1/chat/completions", json=given)
        assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "invalid_api_key")
        assert acme("POST", "/v1/chat/completions", json=given).status_code == 200
        assert acme("GET", f"/v1/models/{memory_id}").json()["name"] == "letters.txt"
        assert globex("GET", "/v1/models").json()["data"] == []
        assert globex("POST", "/v1/chat/completions", json=given).status_code == 404
        assert globex("POST", "/v1/chat/completions", json={**given, "model": "letters.txt"}).status_code == 404
        assert acme("GET", "/v1/models").status_code == 200
        late: httpx.Response = acme("POST", "/v1/chat/completions", json=given)
        assert (late.status_code, late.json()["error"]["type"]) == (429, "rate_limit_error")
        assert late.headers["Retry-After"]


def test_a_memory_is_listed_by_the_name_that_it_was_given(service: Service, client: openai.OpenAI) -> None:
    memory_id = service.memorize(TEXT[:700], "named.txt")
    for given, shown in (("Letters of the ferry", "Letters of the ferry"), ("", "named.txt")):
        assert service.http.patch(f"/memories/{memory_id}", json={"name": given}).status_code == 200
        listed = {it["id"]: it for it in service.http.get("/v1/models").json()["data"]}
        assert (listed[memory_id]["name"], listed[memory_id]["documents"]) == (shown, ["named.txt"])
        assert service.http.get(f"/v1/models/{memory_id}").json()["name"] == shown
        assert client.chat.completions.create(model=shown, messages=ASKED).choices
    service.registry.delete(memory_id)


def test_the_endpoints_are_documented(service: Service) -> None:
    shown = service.http.get("/openapi.json").json()
    described = json.dumps(shown["paths"]["/v1/chat/completions"])
    assert "ChatRequest" in described
    assert {"/v1/models", "/v1/models/{name}"} <= set(shown["paths"])
