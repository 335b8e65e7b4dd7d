"""No key, token or password shows anywhere: logs, errors, traces, checkpoints, schemas, files, help."""

import base64
import io
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer.main
from fastapi.testclient import TestClient
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from memorag_graph import Agent
from memorag_graph.cli import main as cli
from memorag_graph.errors import MemoragError, ModelError
from memorag_graph.graph import build_graph
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.providers.provider_models import SOURCES, ProviderModel, Source
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import AnyOf, KeyFile, OneKey, configured_credentials
from memorag_graph.serving.oidc import OidcTokens
from memorag_graph.serving.served_graph import build_served_graph
from memorag_graph.serving.tenants import Tenants
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model
from tests.oidc_issuer import Issuer
from tests.openai_server import OpenAIServer
from tests.test_tenants import User

QUESTION = "Who was proud of the harbour at Thorle?"
SERVED = TINY.model_copy(update={"generator": "openai:m"})
ENVIRONMENT = {
    "MEMORAG_GRAPH_API_KEY": "operator-Zk3vQ9wXr7TbLp2M",
    "OPENAI_API_KEY": "sk-proj-Hn4cY8sUe6WdGa1J",
    "AZURE_OPENAI_API_KEY": "azure-Rf5tB9mKi3XoVq7C",
    "DEEPSEEK_API_KEY": "sk-deep-Lw2zD6jPx8NyEu4S",
    "HF_TOKEN": "hf_Ov9gM3kTq5IcZr1A",
}
BAD_MODEL = {"model": "nobody/missing", "prompts": {"span": "Recall {question}"}}
PASSWORD = "login-Jb7fX2hWs4QeNd8P"


class Secrets:
    """The secrets in use, and what was seen in each place."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self.seen: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        return self._secrets[name]

    def look(self, place: str, content: object) -> None:
        """Note what a place shows."""
        text = content.decode("latin-1") if isinstance(content, bytes) else str(content)
        self.seen[place] = self.seen.get(place, "") + text

    def look_into(self, directory: Path) -> None:
        """Note the names and the bytes of all files."""
        for path in directory.rglob("*"):
            if path.is_file():
                self.look(f"file {path.name}", f"{path}\n{path.read_bytes().decode('latin-1')}")

    def leaks(self) -> list[str]:
        """Name the places that show the better part of a secret, as it is or in base 64."""
        found = []
        for name, secret in self._secrets.items():
            core = secret[-16:].encode()
            coded = [base64.b64encode(b"\0" * shift + core)[4:-4] for shift in range(3)]
            shapes = [it.decode() for it in (core, core[:12], *coded)]
            found += [f"{name} in {place}" for place, text in self.seen.items() if any(it in text for it in shapes)]
        return found


class Tracer(BaseCallbackHandler):
    """Writes down everything that LangChain tells a tracer."""

    raise_error = True

    def __init__(self) -> None:
        self.events: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_"):
            return super().__getattribute__(name)

        def note(*args: Any, **kwargs: Any) -> None:
            shown = [dumps(it) if not isinstance(it, BaseException) else repr(it) for it in args]
            self.events.append(f"{name} {shown} {args} {kwargs}")

        return note


@pytest.fixture
def secrets(
    issuer: Issuer, openai_server: OpenAIServer, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Secrets:
    """Secrets of every kind, set as users set them; the provider's address holds a password."""
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url.replace("//", f"//user:{PASSWORD}@") + "/v1")
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)
    key = KeyFile().add("laptop", "acme", "writer")
    return Secrets({**ENVIRONMENT, "password": PASSWORD, "key": key, "token": issuer.token(role="writer")})


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """Everything that any library logs."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, before = logging.StreamHandler(stream), root.level
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def known(secrets: Secrets) -> Registry:
    registry = Registry(access_token=secrets["HF_TOKEN"])
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings())
    return registry


def shown(error: BaseException) -> str:
    return f"{error} {error!r} {''.join(traceback.format_exception(error))}"


@pytest.mark.parametrize("fault", ["", "401"])
def test_the_service_shows_no_secret(
    secrets: Secrets,
    known: Registry,
    issuer: Issuer,
    openai_server: OpenAIServer,
    home: Path,
    logs: io.StringIO,
    fault: str,
) -> None:
    credentials = AnyOf((OneKey(secrets["MEMORAG_GRAPH_API_KEY"]), KeyFile(), OidcTokens(issuer.options)))
    openai_server.always, saver = fault, InMemorySaver()
    app = create_app(known, SERVED, credentials=credentials, checkpointer=saver)
    with TestClient(app, raise_server_exceptions=False) as client:
        for name in ("MEMORAG_GRAPH_API_KEY", "key", "token"):
            for headers in ({"X-API-Key": secrets[name]}, {"Authorization": f"Bearer {secrets[name]}"}):
                memory = {"documents": [{"name": "letters.txt", "text": TEXT}]}
                made = client.post("/memories", json=memory, headers=headers)
                assert made.status_code == 201
                ask = {"input": {"memory_id": made.json()["memory_id"], "query": QUESTION}}
                for path, body in (
                    ("/memorag/invoke", ask),
                    ("/memorag/stream", ask),
                    ("/memorag/stream_events", {**ask, "input": {**ask["input"], "task_type": "lookup"}}),
                    ("/memorag/invoke", {"input": {}}),
                    ("/memorag/invoke", {"input": 1, "config": {"configurable": {"model": "x"}}}),
                    ("/memories", {"documents": [{"text": "x"}], "settings": {"gist_tokens": -1}}),
                    ("/memories", [1]),
                ):
                    secrets.look(f"{path}", client.post(path, json=body, headers=headers).text)
                for path in (
                    "/memories",
                    "/metrics",
                    "/openapi.json",
                    "/docs",
                    "/health",
                    "/memorag/config_schema",
                    "/x",
                ):
                    answer = client.get(path, headers=headers)
                    secrets.look(path, f"{answer.headers} {answer.text}")
                half = {name: value[:-1] for name, value in headers.items()}
                assert client.get("/memories", headers=half).status_code == 401
    assert openai_server.asked
    secrets.look("checkpoints", f"{dict(saver.storage)} {dict(saver.writes)} {saver.blobs}")
    assert QUESTION in secrets.seen["checkpoints"]
    secrets.look("log", logs.getvalue())
    assert "memorag_graph.requests" in secrets.seen["log"]
    secrets.look_into(home / "memories")
    secrets.look_into(home / "tenants")
    secrets.look("keys", (home / "keys.json").read_bytes())
    assert secrets.leaks() == []


@pytest.mark.parametrize("fault", ["", "401"])
def test_a_run_leaves_no_secret_in_checkpoints_and_traces(
    secrets: Secrets, known: Registry, openai_server: OpenAIServer, tmp_path: Path, logs: io.StringIO, fault: str
) -> None:
    database, tracer = tmp_path / "threads.db", Tracer()
    openai_server.always = fault
    with SqliteSaver.from_conn_string(str(database)) as saver:
        graph = build_graph(known, checkpointer=saver)
        config: Any = {"configurable": {"thread_id": "t"}, "callbacks": [tracer]}
        inputs = {"context": TEXT, "query": QUESTION, "task_type": "memorag"}
        secrets.look("answer", graph.invoke(inputs, config, context=SERVED))
        with pytest.raises(ModelError) as failed:
            graph.invoke({"context": TEXT, "query": QUESTION}, config, context=SERVED.model_copy(update=BAD_MODEL))
        secrets.look("error", shown(failed.value))
        secrets.look("history", list(graph.get_state_history(config)))
        for part in graph.stream({"query": QUESTION}, config, context=SERVED, stream_mode=["updates", "debug"]):
            secrets.look("stream", part)
        schemas = [graph.get_input_jsonschema(), graph.get_output_jsonschema(), graph.get_context_jsonschema()]
        secrets.look("schemas", schemas)
    assert openai_server.asked
    assert ("HTTP 401" in secrets.seen["answer"]) is bool(fault), "the provider echoes the key that it refuses"
    for path in tmp_path.glob("threads.db*"):
        secrets.look(path.name, path.read_bytes())
    secrets.look("trace", "\n".join(tracer.events))
    assert "on_chat_model_start" in secrets.seen["trace"]
    secrets.look("log", logs.getvalue())
    assert secrets.leaks() == []


def test_the_graph_of_a_langgraph_server_shows_no_secret(secrets: Secrets, known: Registry, issuer: Issuer) -> None:
    credentials = configured_credentials(issuer.options)
    graph = build_served_graph(Tenants(known), SERVED, credentials)
    tracer, checkpoints = Tracer(), []
    for secret in (secrets["key"], secrets["token"]):
        principal = credentials.identify(secret)
        assert principal
        config: Any = {"configurable": {"langgraph_auth_user": User(principal.tenant)}, "callbacks": [tracer]}
        checkpoints.append(graph.invoke({"context": TEXT, "query": QUESTION}, config))
    secrets.look("answers", checkpoints)
    secrets.look("trace", "\n".join(tracer.events))
    secrets.look(
        "schemas", [graph.get_input_jsonschema(), graph.get_output_jsonschema(), graph.get_context_jsonschema()]
    )
    assert secrets.leaks() == []


def test_public_objects_do_not_repeat_secrets(secrets: Secrets, known: Registry, issuer: Issuer) -> None:
    address = f"http://user:{PASSWORD}@127.0.0.1:9/v1"
    source: Source
    for source in SOURCES:
        url = "azure_endpoint" if source == "azure" else "base_url"
        for given in ({url: address}, {url: address, "api_key": secrets["OPENAI_API_KEY"]}):
            agent = Agent("m", source, given, max_retries=0)
            model = ProviderModel(source, "m", given)
            for it in (agent, agent.chat, model, vars(agent)["_provider_model"]):
                secrets.look(f"{source} {type(it).__name__}", f"{it} {it!r}")
            secrets.look(f"{source} serialized", dumps(agent.chat))
            secrets.look(f"{source} parameters", [agent.chat._get_ls_params(), agent.chat._identifying_params])
            with pytest.raises(ModelError) as failed:
                agent.generate("Who?")
            secrets.look(f"{source} error", shown(failed.value))
    credentials = configured_credentials(issuer.options)
    assert isinstance(credentials, AnyOf)
    for it in (known, known.models, credentials, *credentials.credentials, KeyFile().read(), SERVED):
        secrets.look(type(it).__name__, f"{it} {it!r}")
    with pytest.raises(MemoragError) as refused:
        OneKey(f"{secrets['MEMORAG_GRAPH_API_KEY']} ")
    secrets.look("OneKey", shown(refused.value))
    assert secrets.leaks() == []


COMMANDS: list[list[str]] = [
    ["--help"],
    *[[name, "--help"] for name in typer.main.get_command(cli.app).commands],  # type: ignore[attr-defined]
    ["keys", "list"],
    ["keys", "revoke", "nobody"],
    ["keys", "add", "laptop", "--tenant", "acme"],
    ["list"],
    ["models"],
    ["memorize", "missing.txt"],
    ["ask", "missing", "Who?", "--generator", "openai:m"],
    ["ask", "missing", "Who?", "--model", "nobody/private"],
    ["serve", "--port", "0"],
    ["serve", "--host", "0.0.0.0", "--oidc-issuer", "SECRET_ADDRESS"],
    ["serve", "--api-key", "SECRET_KEY "],
    ["serve", "--model", "SECRET_ADDRESS", "--device", "none"],
]


def test_no_command_shows_a_secret(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], logs: io.StringIO
) -> None:
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: None)
    for command in COMMANDS:
        given = [
            it.replace("SECRET_ADDRESS", f"https://user:{PASSWORD}@127.0.0.1").replace(
                "SECRET_KEY", secrets["MEMORAG_GRAPH_API_KEY"]
            )
            for it in command
        ]
        monkeypatch.setattr(sys, "argv", ["memorag-graph", *given])
        with suppress(SystemExit):
            cli.main()
        shown = capfd.readouterr()
        assert "Traceback" not in shown.err
        secrets.look(" ".join(command), shown.out + shown.err)
    secrets.look("log", logs.getvalue())
    assert len(secrets.seen) == len(COMMANDS) + 1
    assert secrets.leaks() == []


@pytest.mark.parametrize(
    "line", ['oidc_issuer = "ADDRESS"', 'oidc_issuer = "ADDRESS"\nhits = 0', 'model = 1\napi_key = "KEY"']
)
def test_a_wrong_config_file_is_not_repeated(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], line: str, tmp_path: Path
) -> None:
    address = f"https://user:{PASSWORD}@127.0.0.1"
    content = line.replace("ADDRESS", address).replace("KEY", secrets["OPENAI_API_KEY"])
    (tmp_path / "memorag-graph.toml").write_text(content)
    monkeypatch.setattr(sys, "argv", ["memorag-graph", "serve", "--port", "0"])
    with pytest.raises(SystemExit):
        cli.main()
    shown = capfd.readouterr()
    assert "Error:" in shown.err
    secrets.look("error", shown.out + shown.err)
    assert secrets.leaks() == []


@pytest.mark.parametrize("name", [*ENVIRONMENT, "password", "key", "token"])
@pytest.mark.parametrize("leak", ["plain", "part", "base64", "bytes", "json"])
def test_a_planted_leak_is_found(secrets: Secrets, tmp_path: Path, name: str, leak: str) -> None:
    secret = secrets[name]
    if leak == "bytes":
        (tmp_path / "planted.bin").write_bytes(b"\x00\xff" + secret.encode() + b"\xfe")
        secrets.look_into(tmp_path)
    else:
        planted = {
            "plain": f"before {secret} after",
            "part": f"...{secret[-20:-2]}",
            "base64": base64.b64encode(f"user:{secret}".encode()).decode(),
            "json": json.dumps({"headers": [["x-api-key", secret]]}),
        }
        secrets.look("planted", planted[leak])
    assert [re.sub(" in .*", "", it) for it in secrets.leaks()] == [name]
