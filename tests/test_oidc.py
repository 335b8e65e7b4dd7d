"""Tokens of an OpenID Connect issuer: only its own, for this service, now, with a tenant."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from langgraph_sdk import Auth
from starlette.requests import Request

from memorag_graph.configuration import service_options
from memorag_graph.errors import ForbiddenError, InputError, UnavailableError
from memorag_graph.registry import Registry
from memorag_graph.service_settings import ServiceOptions
from memorag_graph.serving import langgraph_auth
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import AnyOf, Everybody, KeyFile, OneKey, Principal, configured_credentials
from memorag_graph.serving.issuer_keys import PAUSE_SECONDS, IssuerKeys
from memorag_graph.serving.oidc import OidcTokens
from memorag_graph.serving.quotas import Quota, Usage
from tests.conftest import TEXT, TINY
from tests.oidc_issuer import AUDIENCE, Issuer, new_key
from tests.test_tenants import question

HOUR = 3600


class Timer:
    """A monotonic clock that tests turn."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def tokens(issuer: Issuer, timer: Timer) -> OidcTokens:
    return OidcTokens(issuer.options, IssuerKeys(issuer.url, timer))


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(issuer: Issuer) -> str:
    return ".".join([segment({"alg": "none", "kid": "first"}), issuer.token().split(".")[1], ""])


def signed_with_the_public_key(issuer: Issuer) -> str:
    body = f"{segment({'alg': 'HS256', 'kid': 'first'})}.{issuer.token().split('.')[1]}"
    digest = hmac.new(issuer.public_pem(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def with_claims(issuer: Issuer, **changed: Any) -> str:
    head, body, signature = issuer.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{segment({**claims, **changed})}.{signature}"


FORGED: dict[str, Callable[[Issuer], str]] = {
    "the signature of another key": lambda it: it.signed(new_key(), "ES256", {"kid": "first"}),
    "claims changed": lambda it: with_claims(it, tenant="globex"),
    "another issuer": lambda it: it.token(iss="https://issuer.example"),
    "no issuer": lambda it: it.token(iss=None),
    "another audience": lambda it: it.token(aud="mail"),
    "no audience": lambda it: it.token(aud=None),
    "expired": lambda it: it.token(exp=int(time.time()) - HOUR),
    "without an end": lambda it: it.token(exp=None),
    "not yet valid": lambda it: it.token(nbf=int(time.time()) + HOUR),
    "issued in the future": lambda it: it.token(iat=int(time.time()) + HOUR),
    "without a name": lambda it: it.token(sub=None),
    "not signed": unsigned,
    "signed with the public key": signed_with_the_public_key,
    "an unknown key": lambda it: it.signed(new_key(), "ES256", {"kid": "unknown"}),
    "no key named": lambda it: it.signed(it.keys["first"][0], "ES256", {}),
    "a key that is a number": lambda it: f"{segment({'alg': 'ES256', 'kid': 1})}.{it.token().split('.', 1)[1]}",
    "a key of its own": lambda it: it.signed(
        new_key(), "ES256", {"jwk": {"kty": "EC"}, "jku": "http://127.0.0.1:9/jwks", "kid": "own"}
    ),
    "no JSON": lambda it: "a.b.c",
    "a deep header": lambda it: f"{base64.urlsafe_b64encode(b'[' * 40_000).decode()}.{it.token().split('.', 1)[1]}",
    "another alphabet": lambda it: "ключ.é.\ud800",
    "nothing": lambda it: "..",
}


def test_a_token_names_its_bearer_tenant_and_role(issuer: Issuer, tokens: OidcTokens) -> None:
    assert tokens.identify(issuer.token()) == Principal("alice", "acme", "reader", issuer.url)
    assert tokens.identify(issuer.token(role="writer")) == Principal("alice", "acme", "writer", issuer.url)
    assert tokens.identify(issuer.token(role=["offline_access", "reader", "writer"])) == Principal(
        "alice", "acme", "writer", issuer.url
    )
    assert tokens.identify(issuer.token(aud=["mail", AUDIENCE], sub="b")) == Principal(
        "b", "acme", "reader", issuer.url
    )
    skewed = issuer.token(exp=int(time.time()) - 30, iat=int(time.time()) + 30)
    assert tokens.identify(skewed) is not None, "clocks differ a little"
    assert len(issuer.asked) == 2, "the issuer is asked once: what it is, and its keys"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_asymmetric_algorithms_are_known(issuer: Issuer, tokens: OidcTokens, algorithm: str) -> None:
    issuer.add_key("other", algorithm)
    assert tokens.identify(issuer.token("other")) is not None


@pytest.mark.parametrize("forged", FORGED)
def test_no_other_token_is_accepted(issuer: Issuer, tokens: OidcTokens, forged: str) -> None:
    assert tokens.identify(issuer.token()) is not None
    assert tokens.identify(FORGED[forged](issuer)) is None


def test_a_key_counts_for_its_own_algorithm_and_for_signatures_only(issuer: Issuer, tokens: OidcTokens) -> None:
    issuer.add_key("rsa", "RS256")
    issuer.add_key("for encryption", "RS256", use="enc")
    issuer.add_key("short", "RS256", bits=1024)
    issuer.jwks["keys"].append({"kty": "oct", "kid": "shared", "alg": "HS256", "k": "c2VjcmV0" * 8})
    assert tokens.identify(issuer.token("rsa")) is not None
    assert tokens.identify(issuer.signed(issuer.keys["rsa"][0], "PS256", {"kid": "rsa"})) is None
    assert tokens.identify(issuer.token("for encryption")) is None
    assert tokens.identify(issuer.token("short")) is None
    shared = base64.b64decode("c2VjcmV0" * 8)
    assert tokens.identify(issuer.signed(shared, "HS256", {"kid": "shared"})) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"tenant": None},
        {"tenant": ""},
        {"tenant": "../x"},
        {"tenant": "acme/../globex"},
        {"tenant": "Acme"},
        {"tenant": "acme\n"},
        {"tenant": "a" * 64},
        {"tenant": ["acme"]},
        {"tenant": {"acme": 1}},
        {"tenant": 7},
        {"role": "root"},
        {"role": ""},
        {"role": []},
        {"role": ["offline_access"]},
        {"role": 1},
        {"role": {"writer": 1}},
        {"sub": ""},
        {"sub": "a\nb"},
        {"sub": "a" * 256},
    ],
    ids=str,
)
def test_claims_that_name_no_tenant_role_or_bearer_are_refused(
    issuer: Issuer, tokens: OidcTokens, claims: dict[str, Any]
) -> None:
    (claim,) = claims
    with pytest.raises(ForbiddenError, match=f"claim '{claim}'"):
        tokens.identify(issuer.token(**claims))


def test_the_claims_can_be_named(issuer: Issuer) -> None:
    named = {"oidc_tenant_claim": "https://memorag.example/org", "oidc_role_claim": "roles"}
    tokens = OidcTokens(issuer.options.model_copy(update=named))
    with pytest.raises(ForbiddenError, match=r"memorag\.example/org"):
        tokens.identify(issuer.token())
    given = {"https://memorag.example/org": "globex", "roles": ["writer"]}
    assert tokens.identify(issuer.token(**given)) == Principal("alice", "globex", "writer", issuer.url)


def test_a_new_key_is_found_and_a_withdrawn_one_stops_to_count(
    issuer: Issuer, tokens: OidcTokens, timer: Timer
) -> None:
    old = issuer.token()
    assert tokens.identify(old) is not None
    issuer.jwks["keys"].clear()
    issuer.add_key("second", "RS256")
    assert tokens.identify(issuer.token("second")) is None, "the issuer was asked a moment ago"
    timer.now += PAUSE_SECONDS
    assert tokens.identify(issuer.token("second")) is not None
    assert tokens.identify(old) is None


def test_a_withdrawn_key_stops_to_count_without_a_new_one(issuer: Issuer, tokens: OidcTokens, timer: Timer) -> None:
    assert tokens.identify(issuer.token()) is not None
    issuer.add_key("second")
    del issuer.jwks["keys"][0]
    timer.now += 10 * 60
    assert tokens.identify(issuer.token()) is None


def test_forged_keys_do_not_make_this_service_flood_the_issuer(
    issuer: Issuer, tokens: OidcTokens, timer: Timer
) -> None:
    forged = [issuer.signed(issuer.keys["first"][0], "ES256", {"kid": f"forged-{number}"}) for number in range(50)]
    for token in forged:
        assert tokens.identify(token) is None
        timer.now += PAUSE_SECONDS / 10
    assert len(issuer.asked) <= 2 * 5
    issuer.asked.clear()
    issuer.seconds = 0.1
    timer.now += PAUSE_SECONDS
    threads = [threading.Thread(target=tokens.identify, args=(token,)) for token in forged]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(issuer.asked) == 2


BROKEN: dict[str, Callable[[Issuer], Any]] = {
    "down": lambda it: it.stop(),
    "failing": lambda it: setattr(it, "status", 500),
    "moved": lambda it: setattr(it, "status", 302),
    "another's description": lambda it: it.described.update(issuer="https://other.example"),
    "keys without TLS": lambda it: it.described.update(jwks_uri="http://keys.example/jwks"),
    "keys in a file": lambda it: it.described.update(jwks_uri="file:///etc/passwd"),
    "no keys": lambda it: it.jwks["keys"].clear(),
    "no key set": lambda it: setattr(it, "jwks", []),
    "no description": lambda it: setattr(it, "described", [1]),
}


REASONS = {"failing": "HTTP 500", "moved": "HTTP 302", "down": "ConnectError"}
"""What else than an answer that is not understood."""


@pytest.mark.parametrize("broken", BROKEN)
def test_an_issuer_that_cannot_be_asked_is_no_fault_of_the_token(
    issuer: Issuer, tokens: OidcTokens, timer: Timer, broken: str
) -> None:
    token = issuer.token()
    BROKEN[broken](issuer)
    for _ in range(3):
        with pytest.raises(
            UnavailableError, match=r"the issuer of tokens cannot be asked .*; try again later"
        ) as refused:
            tokens.identify(token)
        assert REASONS.get(broken, "not what OpenID Connect Discovery prescribes") in str(refused.value)
    assert len(issuer.asked) <= 2
    assert tokens.identify("mg_a-key") is None, "keys do not depend on the issuer"


def test_known_keys_outlive_a_failure_of_the_issuer_but_not_for_ever(
    issuer: Issuer, tokens: OidcTokens, timer: Timer
) -> None:
    token = issuer.token()
    assert tokens.identify(token) is not None
    issuer.status = 503
    timer.now += HOUR / 2
    assert tokens.identify(token) is not None
    timer.now += HOUR / 2
    with pytest.raises(UnavailableError, match="HTTP 503"):
        tokens.identify(token)
    issuer.status = 200
    timer.now += PAUSE_SECONDS
    assert tokens.identify(token) is not None


def test_who_knows_the_key_does_not_wait_for_a_slow_issuer(issuer: Issuer, tokens: OidcTokens, timer: Timer) -> None:
    assert tokens.identify(issuer.token()) is not None
    timer.now += 10 * 60
    issuer.seconds = 1.0
    looking = threading.Thread(target=tokens.identify, args=(issuer.token(),))
    looking.start()
    while len(issuer.asked) < 3:
        time.sleep(0.01)
    began = time.monotonic()
    assert tokens.identify(issuer.token()) is not None
    assert time.monotonic() - began < 0.5
    looking.join()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"oidc_issuer": "http://issuer.example"}, "oidc_issuer: must begin with https"),
        ({"oidc_issuer": "issuer.example"}, "oidc_issuer: must begin with https"),
        ({"oidc_issuer": "file:///etc"}, "oidc_issuer: must begin with https"),
        ({"oidc_issuer": "https://a:b@issuer.example"}, "oidc_issuer: must have no login"),
        ({"oidc_issuer": "https://issuer.example?x=1"}, "oidc_issuer: must have no login"),
        ({"oidc_issuer": "https://issuer.example:x"}, "oidc_issuer: must be an address"),
        ({"oidc_issuer": "https://issuer.example"}, "oidc_audience: is needed with oidc_issuer"),
        ({"tenant_jobs": 0}, "tenant_jobs: input should be greater"),
    ],
)
def test_a_wrong_option_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        service_options(given)
    assert "a:b" not in str(refused.value)


def test_the_environment_configures_the_issuer(
    issuer: Issuer, home: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEMORAG_GRAPH_API_KEY", raising=False)
    assert configured_credentials(service_options({})) == Everybody()
    monkeypatch.setenv("MEMORAG_GRAPH_OIDC_ISSUER", issuer.url)
    monkeypatch.setenv("MEMORAG_GRAPH_OIDC_AUDIENCE", AUDIENCE)
    (tmp_path / "memorag-graph.toml").write_text('oidc_role_claim = "level"\nhits = 7\n')
    known = configured_credentials(service_options({}), "operator")
    assert known.identify(issuer.token(level="writer")) == Principal("alice", "acme", "writer", issuer.url)
    assert known.identify("operator") == Principal("api-key")
    assert known.identify("") is None


@pytest.fixture
def credentials(issuer: Issuer, tmp_path: Any) -> AnyOf:
    return AnyOf((OneKey("operator"), KeyFile(tmp_path / "keys.json"), OidcTokens(issuer.options)))


REFUSED: dict[str, tuple[Callable[[Issuer], str], int]] = {
    "forged": (FORGED["the signature of another key"], 401),
    "unsigned": (unsigned, 401),
    "expired": (FORGED["expired"], 401),
    "without a tenant": (lambda it: it.token(tenant=None, role="admin"), 403),
    "a path as tenant": (lambda it: it.token(tenant="../memories"), 403),
    "of an issuer that is down": (lambda it: [it.token(), it.stop()][0], 503),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_service_refuses_a_wrong_token(registry: Registry, issuer: Issuer, credentials: AnyOf, case: str) -> None:
    make, status = REFUSED[case]
    token = make(issuer)
    with TestClient(create_app(registry, TINY, credentials=credentials)) as client:
        for method, path, body in (
            ("GET", "/memories", None),
            ("GET", "/metrics", None),
            ("POST", "/memorag/invoke", question("0" * 32)),
            ("POST", "/memories", {"documents": [{"text": TEXT}]}),
        ):
            answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status, answer.text
            assert answer.json()["error"]["message"]
            assert token not in answer.text


def test_a_token_opens_the_service_for_its_tenant(registry: Registry, issuer: Issuer, credentials: AnyOf) -> None:
    with TestClient(create_app(registry, TINY, credentials=credentials)) as client:

        def send(method: str, path: str, token: str, body: Any = None) -> Any:
            return client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})

        writer, reader, other = (
            issuer.token(role="writer"),
            issuer.token(sub="bob"),
            issuer.token(tenant="globex", role="admin"),
        )
        document = {"documents": [{"name": "letters.txt", "text": TEXT}]}
        assert send("POST", "/memories", reader, document).status_code == 403
        memory_id = send("POST", "/memories", writer, document).json()["memory_id"]
        assert send("POST", "/memorag/invoke", reader, question(memory_id)).json()["output"]["citations"]
        assert send("GET", f"/memories/{memory_id}", other).status_code == 404
        assert send("POST", "/memorag/invoke", other, question(memory_id)).status_code == 404
        assert send("GET", "/memories", other).json() == []
        assert send("GET", "/metrics", other).status_code == 403, "the figures are the operator's"
        assert client.get("/memories", headers={"X-API-Key": "operator"}).json() == []


def authenticate(token: str) -> Any:
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return asyncio.run(langgraph_auth.authenticate(Request({"type": "http", "headers": headers})))


def test_the_same_tokens_open_the_langgraph_server(
    issuer: Issuer, credentials: AnyOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(langgraph_auth, "credentials", credentials)
    monkeypatch.setattr(langgraph_auth.tenants, "usage", Usage(Quota(requests_per_minute=2), tmp_path))
    user = authenticate(issuer.token(role="writer"))
    assert (user["identity"], user["tenant"], user["role"]) == ("alice", "acme", "writer")
    assert authenticate(issuer.token(sub="b"))["role"] == "reader"
    with pytest.raises(Auth.exceptions.HTTPException) as refused:
        authenticate(issuer.token())
    assert (refused.value.status_code, list(refused.value.headers or {})) == (429, ["Retry-After"])


@pytest.mark.parametrize("case", REFUSED)
def test_the_langgraph_server_refuses_a_wrong_token(
    issuer: Issuer, credentials: AnyOf, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(langgraph_auth, "credentials", credentials)
    make, status = REFUSED[case]
    with pytest.raises(Auth.exceptions.HTTPException) as refused:
        authenticate(make(issuer))
    assert refused.value.status_code == status


def test_a_slow_issuer_does_not_stop_other_requests(registry: Registry, issuer: Issuer, credentials: AnyOf) -> None:
    issuer.seconds = 1.0
    token = issuer.token()
    with TestClient(create_app(registry, TINY, credentials=credentials)) as client:
        waiting = threading.Thread(
            target=client.get, args=("/memories",), kwargs={"headers": {"Authorization": f"Bearer {token}"}}
        )
        waiting.start()
        while not issuer.asked:
            time.sleep(0.01)
        began = time.monotonic()
        assert client.get("/memories", headers={"X-API-Key": "operator"}).status_code == 200
        assert time.monotonic() - began < 0.5
        waiting.join()


def test_options_of_a_service_are_no_options_of_a_run() -> None:
    assert not set(ServiceOptions.model_fields) & set(TINY.model_dump())
