"""Keys: hashed at rest, named, revocable, each with a tenant and a role."""

import json
import stat
import threading
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from memorag_graph.errors import ForbiddenError, InputError
from memorag_graph.registry import Registry
from memorag_graph.service_settings import ServiceOptions
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import (
    API_KEY_VARIABLE,
    KEYS_FILE,
    Everybody,
    KeyFile,
    Principal,
    configured_credentials,
)
from tests.conftest import TINY

NO_ISSUER = ServiceOptions()


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "private" / KEYS_FILE)


def test_a_key_identifies_its_tenant_until_it_is_revoked(file: KeyFile) -> None:
    first = file.add("first", "acme", "reader")
    second = file.add("second", "globex", "writer")
    assert file.identify(first) == Principal("first", "acme", "reader")
    assert file.identify(second) == Principal("second", "globex", "writer")
    for wrong in ("", first[:-1], first + "x", first.upper(), "\ud800", "first"):
        assert file.identify(wrong) is None
    file.revoke("first")
    assert file.identify(first) is None
    assert file.identify(second) is not None


def test_another_process_sees_a_change_at_the_next_request(file: KeyFile, tmp_path: Path) -> None:
    running = KeyFile(tmp_path / "private" / KEYS_FILE)
    assert running.identify("x") is None
    secret = file.add("late", "acme", "writer")
    assert running.identify(secret) is not None
    file.revoke("late")
    assert running.identify(secret) is None


def test_the_file_holds_no_secret_and_only_its_owner_reads_it(file: KeyFile, tmp_path: Path) -> None:
    secret = file.add("only", "acme", "writer")
    path = tmp_path / "private" / KEYS_FILE
    assert secret.removeprefix("mg_") not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(secret) > 43  # 256 bits in base 64, and a prefix


def test_keys_made_at_once_are_all_kept(file: KeyFile) -> None:
    threads = [threading.Thread(target=file.add, args=(f"key-{number}", "acme", "reader")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key.name for key in file.read()) == [f"key-{number}" for number in range(8)]


@pytest.mark.parametrize(
    ("name", "tenant"), [("../x", "a"), ("a", "../x"), ("", "a"), ("a", ""), ("A", "a"), ("a/b", "a")]
)
def test_names_that_could_be_paths_are_refused(file: KeyFile, name: str, tenant: str) -> None:
    with pytest.raises(InputError):
        file.add(name, tenant, "reader")
    assert file.read() == ()


def test_a_name_is_taken_for_ever(file: KeyFile) -> None:
    file.add("one", "acme", "reader")
    file.revoke("one")
    with pytest.raises(InputError, match="already"):
        file.add("one", "globex", "reader")
    with pytest.raises(InputError, match="no valid key"):
        file.revoke("one")


def test_a_file_that_cannot_be_read_is_told_without_its_place(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = KeyFile(tmp_path / "keys.json")
    secret = file.add("a", "acme", "reader")

    def unreadable(_: Path) -> bytes:
        raise OSError(5, "Input/output error")

    with TestClient(create_app(registry, TINY, credentials=KeyFile(tmp_path / "keys.json"))) as client:
        monkeypatch.setattr(Path, "read_bytes", unreadable)
        answer = client.get("/memories", headers={"X-API-Key": secret})
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text


def test_a_damaged_file_lets_nobody_in(file: KeyFile, tmp_path: Path) -> None:
    secret = file.add("one", "acme", "reader")
    (tmp_path / "private" / KEYS_FILE).write_text(json.dumps([{"name": "x"}]))
    with pytest.raises(InputError, match="is no file of keys"):
        file.identify(secret)


def test_roles_include_the_ones_below() -> None:
    Principal(role="admin").require("writer")
    Principal(role="writer").require("reader")
    with pytest.raises(ForbiddenError, match="needs a key or token with the role writer"):
        Principal(role="reader").require("writer")
    with pytest.raises(ForbiddenError):
        Principal(role="writer").require("admin")


def test_what_is_configured_decides_who_is_let_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    assert configured_credentials(NO_ISSUER) == Everybody()
    secret = KeyFile().add("one", "acme", "reader")
    both = configured_credentials(NO_ISSUER, "operator")
    assert both.identify("operator") == Principal("api-key")
    assert both.identify(secret) == Principal("one", "acme", "reader")
    assert both.identify("") is None
    monkeypatch.setenv(API_KEY_VARIABLE, "from-environment")
    assert configured_credentials(NO_ISSUER).identify("from-environment") == Principal("api-key")
