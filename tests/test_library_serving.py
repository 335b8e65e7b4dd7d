"""Libraries over HTTP: made, filled, asked and deleted by name, each tenant its own."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from fastapi.testclient import TestClient
from langserve import RemoteRunnable

from memorag_graph.library.directory_place import held
from memorag_graph.library.library import Library
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import KeyFile
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.tenants import Tenants
from tests.conftest import TINY, HashEmbeddings
from tests.test_serving import Service
from tests.test_tenants import Send, as_key

FERRY = "The ferry to Inshay sails at seven in the morning. A ticket costs four pounds."
LATER = "The ferry to Inshay sails at nine in the morning. A ticket costs six pounds."
TOWER = "The lighthouse of Thorle was built in 1852 by the engineer Petrie. It has two lamps."
ASKED = "When does the ferry to Inshay sail?"

NEVER = TINY.model_copy(update={"memory": "never"})


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path / "home"))
    service = Service(options=NEVER)
    service.gate.set()
    yield service
    service.stop()


@pytest.fixture
def http(service: Service) -> httpx.Client:
    fill(service.http, "coast")
    return service.http


def fill(http: httpx.Client, library: str) -> None:
    assert http.put(f"/libraries/{library}").json() == {
        "name": library,
        "documents": 0,
        "tokens": 0,
        "memory_share": 0.0,
    }
    texts = [
        {"name": "ferry.txt", "text": FERRY, "metadata": {"year": 1890}},
        {"name": "tower.txt", "text": TOWER, "metadata": {"year": 1852}},
    ]
    made = http.post(f"/libraries/{library}/documents", json={"documents": texts})
    assert (made.status_code, made.json()["added"]) == (201, ["ferry.txt", "tower.txt"]), made.text


def ask(http: httpx.Client, query: str = ASKED, **more: Any) -> dict[str, Any]:
    reply = http.post("/libraries/coast/ask", json={"query": query, **more})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def names(http: httpx.Client, **query: Any) -> list[str]:
    return [it["name"] for it in http.get("/libraries/coast/documents", params=query).json()]


def test_a_library_answers_with_the_document_its_version_and_its_place(http: httpx.Client) -> None:
    answer = ask(http)
    (citation,) = answer["citations"]
    assert (citation["source"], citation["version"]) == ("ferry.txt", 1)
    assert FERRY[citation["start"] : citation["end"]] == citation["quote"] == FERRY.partition(". ")[0] + "."
    assert [it["name"] for it in answer["considered"] if it["cited"]] == ["ferry.txt"]
    assert {it["source"] for it in answer["evidence"]} <= {"ferry.txt", "tower.txt"}
    (listed,) = http.get("/libraries").json()
    assert listed == http.get("/libraries/coast").json() == {**listed, "name": "coast", "documents": 2}


@pytest.mark.parametrize("path", ["/libraries", "/v1/models"])
def test_a_library_that_is_deleted_while_all_are_listed_is_left_out(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    expected = http.get(path).json()
    monkeypatch.setattr(NamedLibraries, "names", lambda _: ["coast", "gone"])
    assert http.get(path).json() == expected


def test_filters_choose_documents(http: httpx.Client) -> None:
    assert names(http, where="year<1890") == ["tower.txt"]
    assert names(http, where=["year>1800", "name=ferry.txt"]) == ["ferry.txt"]
    for where in ({"year": {"gte": 1890}}, ["year>=1890"]):
        assert {it["source"] for it in ask(http, where=where)["evidence"]} == {"ferry.txt"}
    refused = http.post("/libraries/coast/ask", json={"query": ASKED, "where": {"color": "red"}})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "where.color")
    assert "year" in refused.json()["error"]["message"]


def test_files_are_taken_in_and_what_cannot_be_read_is_told(http: httpx.Client) -> None:
    sent = [("files", ("pier.html", b"<p>The pier of Thorle is <b>ninety</b> metres long.", "text/html"))]
    sent += [("files", ("broken.pdf", b"%PDF-1.4 nothing", "application/pdf"))]
    made = http.post("/libraries/coast/documents/upload", files=sent, data={"metadata": '{"year": 1901}'})
    report = made.json()
    assert (made.status_code, report["added"]) == (201, ["pier.html"])
    ((name, reason),) = report["unreadable"]
    assert (name, "broken.pdf" in reason) == ("broken.pdf", True)
    answer = ask(http, "How long is the pier of Thorle?", where=["year=1901"])
    assert answer["citations"][0]["quote"] == "The pier of Thorle is ninety metres long."


def test_progress_is_streamed(http: httpx.Client) -> None:
    texts = [{"name": f"{number}.txt", "text": f"Letter {number}. {TOWER}"} for number in range(3)]
    headers = {"Accept": "text/event-stream"}
    events = http.post("/libraries/coast/documents", json={"documents": texts}, headers=headers).text
    kinds = [line.removeprefix("event: ") for line in events.splitlines() if line.startswith("event: ")]
    assert kinds == ["progress"] * 3 + ["report"]
    last = json.loads([line for line in events.splitlines() if line.startswith("data: ")][-1].removeprefix("data: "))
    assert last["added"] == ["0.txt", "1.txt", "2.txt"]


def test_a_text_sent_again_is_a_version_and_the_old_one_can_be_asked(http: httpx.Client) -> None:
    again = {"documents": [{"name": "ferry.txt", "text": LATER}]}
    assert http.post("/libraries/coast/documents", json=again).json()["replaced"] == ["ferry.txt"]
    assert http.post("/libraries/coast/documents", json=again).json()["unchanged"] == ["ferry.txt"]
    answer = ask(http)
    assert ("nine" in answer["answer"], answer["citations"][0]["version"]) == (True, 2)
    described = http.get("/libraries/coast/documents/ferry.txt").json()
    assert (described["version"], [it["version"] for it in described["older"]]) == (2, [1])
    before = described["older"][0]["added"]
    assert "seven" in ask(http, as_of=before)["answer"]


def test_a_removed_document_is_not_answered_from(http: httpx.Client) -> None:
    assert http.delete("/libraries/coast/documents/ferry.txt").status_code == 204
    assert names(http) == ["tower.txt"]
    answer = ask(http)
    assert answer["abstained"]
    assert {it["source"] for it in answer["evidence"]} <= {"tower.txt"}
    assert http.delete("/libraries/coast/documents/ferry.txt").status_code == 404
    assert http.get("/libraries/coast/documents/ferry.txt").status_code == 404


def test_a_deleted_library_is_gone(http: httpx.Client, tmp_path: Path) -> None:
    assert http.delete("/libraries/coast").status_code == 204
    assert list((tmp_path / "home" / "libraries").iterdir()) == []
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/documents"), ("POST", "/remember")):
        gone = http.request(method, f"/libraries/coast{path}")
        assert (gone.status_code, gone.json()["error"]["message"]) == (404, "there is no library 'coast'")
    assert http.post("/libraries/coast/ask", json={"query": ASKED}).status_code == 404
    fill(http, "coast")  # made anew
    assert "seven" in ask(http)["answer"]


def test_a_library_is_renamed(http: httpx.Client, tmp_path: Path) -> None:
    before = http.get("/libraries/coast").json()
    renamed = http.patch("/libraries/coast", json={"name": "shore"})
    assert (renamed.status_code, renamed.json()) == (200, {**before, "name": "shore"})
    assert [it["name"] for it in http.get("/libraries").json()] == ["shore"]
    assert http.get("/libraries/coast").status_code == 404
    assert "seven" in http.post("/libraries/shore/ask", json={"query": ASKED}).json()["answer"]
    assert http.patch("/libraries/shore", json={"name": "shore"}).json() == renamed.json()
    fill(http, "coast")
    for name, body, status, told in (
        ("coast", {"name": "shore"}, 409, "the name 'shore' is taken"),
        ("coast", {"name": "../shore"}, 422, "cannot be the name of a library"),
        ("coast", {"name": "0" * 32}, 422, "cannot be the name of a library"),
        ("coast", {"name": "beach", "documents": []}, 422, "not permitted"),
        ("coast", {}, 422, "required"),
        ("nothing", {"name": "beach"}, 404, "there is no library 'nothing'"),
        ("nothing", {"name": "nothing"}, 404, "there is no library 'nothing'"),
    ):
        refused = http.patch(f"/libraries/{name}", json=body)
        assert (refused.status_code, told in refused.json()["error"]["message"].lower()) == (status, True), refused.text
    with held(tmp_path / "home" / "libraries" / "coast"):
        busy = http.patch("/libraries/coast", json={"name": "beach"})
    assert (busy.status_code, busy.json()["error"]["message"].split(" is being")[0]) == (409, "library 'coast'")
    assert [it["name"] for it in http.get("/libraries").json()] == ["coast", "shore"]
    described = http.get("/openapi.json").json()
    for path, body in (("/libraries/{name}", "LibraryName"), ("/memories/{memory_id}", "MemoryName")):
        operation = described["paths"][path]["patch"]
        assert operation["summary"].startswith("Rename")
        assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith(f"/{body}")
        assert {"403", "404", "409", "422"} <= operation["responses"].keys()


def test_memories_are_made_behind_the_library(http: httpx.Client, tmp_path: Path) -> None:
    assert {it["memory"] for it in http.get("/libraries/coast/documents").json()} == {"none"}
    assert ask(http, task_type="memorag")["memory_share"] == 0.0
    assert http.post("/libraries/coast/remember").status_code == 202
    deadline = time.monotonic() + 60
    while http.get("/libraries/coast").json()["memory_share"] < 1.0:
        assert time.monotonic() < deadline, "the memories were not made"
        time.sleep(0.05)
    answer = ask(http, task_type="memorag")
    assert (answer["memory_share"], sum(it["asked"] for it in answer["considered"])) == (1.0, 2)
    now = {"documents": [{"name": "pier.txt", "text": LATER}], "memory": "now"}
    assert http.post("/libraries/coast/documents", json=now).json()["remembered"] == ["pier.txt"]


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("PUT ..%2Fcoast", None, 404, "Not Found"),
        ("PUT .coast", None, 422, "cannot be the name of a library"),
        (f"PUT {'0' * 32}", None, 422, "cannot be the name of a library"),
        ("POST coast/ask", {"query": ""}, 422, "at least 1 character"),
        ("POST coast/ask", {"query": ASKED, "options": {"model": "gpt2"}}, 422, "choose from"),
        ("POST coast/ask", {"query": ASKED, "options": {"hits": 0}}, 422, "greater than or equal to 1"),
        ("POST coast/ask", {"query": ASKED, "task_type": "summarize"}, 422, "lookup"),
        ("POST coast/ask", {"query": ASKED, "as_of": "yesterday"}, 422, "yesterday"),
        ("POST coast/documents", {"documents": []}, 422, "at least 1 item"),
        ("POST coast/documents", {"documents": [{"name": "a", "text": "b"}] * 2}, 422, "two documents are named 'a'"),
        ("POST coast/documents", {"documents": [{"name": "a", "text": "b", "metadata": {"x": {"y": 1}}}]}, 422, "x"),
    ],
)
def test_misuse_is_told(http: httpx.Client, path: str, body: Any, status: int, told: str) -> None:
    method, _, place = path.partition(" ")
    reply = http.request(method, f"/libraries/{place}", json=body)
    assert (reply.status_code, told in reply.json()["error"]["message"]) == (status, True), reply.text
    assert names(http) == ["ferry.txt", "tower.txt"]


def test_errors_name_the_library_not_its_directory(http: httpx.Client, tmp_path: Path) -> None:
    with held(tmp_path / "home" / "libraries" / "coast"):
        refused = http.post("/libraries/coast/documents", json={"documents": [{"name": "a", "text": "b"}]})
    assert refused.status_code == 409
    assert refused.json()["error"]["message"] == "library 'coast' is being changed by somebody else; try again later"


FAILING: list[tuple[str, Any]] = [
    ("GET /libraries", None),
    ("GET /v1/models", None),
    ("GET /v1/models/broken", None),
    ("GET /libraries/broken", None),
    ("PUT /libraries/broken", None),
    ("POST /libraries/broken/ask", {"query": ASKED}),
    ("POST /memorag/invoke", {"input": {"library": "broken", "query": ASKED}}),
    ("POST /v1/chat/completions", {"model": "broken", "messages": [{"role": "user", "content": ASKED}]}),
]


@pytest.mark.parametrize(("request_line", "body"), FAILING)
def test_errors_of_a_damaged_library_name_no_directory(
    http: httpx.Client, tmp_path: Path, request_line: str, body: Any
) -> None:
    place = tmp_path / "home" / "libraries" / "broken"
    place.mkdir()
    (place / "catalogue.sqlite").write_bytes(b"no database" * 100)
    refused = http.request(*request_line.split(), json=body)
    assert refused.status_code == 409
    assert "library 'broken'" in refused.json()["error"]["message"]
    assert str(tmp_path) not in refused.text


@pytest.mark.parametrize(("request_line", "body"), FAILING)
def test_errors_of_a_library_of_another_model_name_no_directory(
    http: httpx.Client, tmp_path: Path, request_line: str, body: Any
) -> None:
    registry = Registry()
    registry.add_embeddings("other", HashEmbeddings())
    Library.open(tmp_path / "home" / "libraries" / "broken", registry, embedding_model="other").close()
    refused = http.request(*request_line.split(), json=body)
    assert refused.status_code == (400 if "/v1/" in request_line else 422)
    assert "library 'broken' was made with 'other'" in refused.json()["error"]["message"]
    assert str(tmp_path) not in refused.text


def test_langserve_and_openais_protocol_ask_libraries(service: Service, http: httpx.Client) -> None:
    remote: Any = RemoteRunnable(f"{service.url}/memorag")
    result = remote.invoke({"library": "coast", "query": ASKED, "task_type": "lookup", "where": ["year=1890"]})
    assert result["citations"] == ask(http)["citations"]
    refused = http.post("/memorag/invoke", json={"input": {"library": "no", "query": ASKED}})
    assert refused.status_code == 404
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0) as client:
        (listed,) = client.models.list().data
        assert (listed.id, listed.documents) == ("coast", ["ferry.txt", "tower.txt"])  # type: ignore[attr-defined]
        asked: Any = {"model": "coast", "messages": [{"role": "user", "content": ASKED}]}
        own: Any = {"task_type": "lookup", "where": ["year=1890"]}
        whole = client.chat.completions.create(**asked, extra_body=own)
        (note,) = whole.choices[0].message.annotations or []
        assert note.url_citation.url.startswith("memorag://library/coast/ferry.txt#char=0,")
        considered = whole.memorag["considered"]  # type: ignore[attr-defined]
        assert [it["name"] for it in considered if it["searched"]] == ["ferry.txt"]
        pieces = client.chat.completions.create(**asked, extra_body=own, stream=True)
        assert "".join(it.choices[0].delta.content or "" for it in pieces) == whole.choices[0].message.content


def test_tenants_have_libraries_of_their_own(registry: Registry, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    secrets = [keys.add(name, name, "writer") for name in ("acme", "other")]
    with TestClient(create_app(registry, NEVER, credentials=keys)) as client:
        acme, other = (as_key(client, secret) for secret in secrets)
        reader = as_key(client, keys.add("acme-reader", "acme", "reader"))
        assert acme("PUT", "/libraries/coast").status_code == 200
        assert put(acme, "ferry.txt", FERRY).status_code == 201
        for send in (acme, reader):
            assert "seven" in send("POST", "/libraries/coast/ask", json={"query": ASKED}).json()["answer"]
        assert put(reader, "tower.txt", TOWER).status_code == 403
        assert reader("PUT", "/libraries/new").status_code == reader("DELETE", "/libraries/coast").status_code == 403
        assert reader("PATCH", "/libraries/coast", json={"name": "shore"}).status_code == 403
        missing = acme("GET", "/libraries/nothing")
        for method, path, body in (
            ("GET", "coast", None),
            ("POST", "coast/ask", {"query": ASKED}),
            ("GET", "coast/documents/ferry.txt", None),
            ("PATCH", "coast", {"name": "shore"}),
            ("DELETE", "coast", None),
        ):
            reply = other(method, f"/libraries/{path}", json=body)
            assert (reply.status_code, reply.text) == (404, missing.text.replace("nothing", "coast"))
        assert other("GET", "/libraries").json() == other("GET", "/v1/models").json()["data"] == []
        invoked = other("POST", "/memorag/invoke", json={"input": {"library": "coast", "query": ASKED}})
        assert invoked.status_code == 404


def put(send: Send, name: str, text: str) -> httpx.Response:
    return send("POST", "/libraries/coast/documents", json={"documents": [{"name": name, "text": text}]})


def test_documents_of_libraries_count(registry: Registry, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    with TestClient(create_app(registry, NEVER, credentials=keys, quota=Quota(documents=2))) as client:
        acme = as_key(client, keys.add("acme", "acme", "writer"))
        acme("PUT", "/libraries/coast")
        assert [put(acme, f"{number}.txt", f"{number}. {FERRY}").status_code for number in range(3)] == [201, 201, 507]
        memorized = acme("POST", "/memories", json={"documents": [{"name": "a", "text": TOWER}]})
        assert (memorized.status_code, "2 of 2 documents" in memorized.text) == (507, True)
        acme("DELETE", "/libraries/coast/documents/0.txt")
        assert put(acme, "2.txt", TOWER).status_code == 201


def test_bytes_of_libraries_count(registry: Registry, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    secret = keys.add("acme", "acme", "writer")
    with TestClient(create_app(registry, NEVER, credentials=keys)) as client:
        acme = as_key(client, secret)
        acme("PUT", "/libraries/coast")
        assert put(acme, "small.txt", FERRY).status_code == 201
    size = Tenants(registry).libraries("acme").open("coast").size()
    with TestClient(create_app(registry, NEVER, credentials=keys, quota=Quota(bytes=size + 100_000))) as client:
        acme = as_key(client, secret)
        refused = put(acme, "large.txt", " ".join(f"Wave {number} broke." for number in range(8_000)))
        assert (refused.status_code, f"of {size + 100_000:,} bytes" in refused.text) == (507, True)
        assert [it["name"] for it in acme("GET", "/libraries/coast/documents").json()] == ["small.txt"]
