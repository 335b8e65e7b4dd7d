"""The compose file: valid, and made of options, variables, extras and hosts that exist."""

import json
import re
import shlex
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from typer.testing import CliRunner

from memorag_graph.cli.main import app
from memorag_graph.configuration import program_options
from memorag_graph.errors import InputError
from memorag_graph.library.catalogue_place import VARIABLE as CATALOGUE
from memorag_graph.library.index_place import API_KEY, checked_place
from memorag_graph.library.postgres_server import PostgresServer

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "compose"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
APPS = {name: service for name, service in SERVICES.items() if "build" in service}
COMMANDS = [
    shlex.split(command)
    for command in re.findall(
        r"^docker compose exec app-\d (memorag-graph .*)$", (FOLDER / "README.md").read_text(), re.M
    )
]


def accepted(command: list[str]) -> bool:
    """Return whether the program has a command and its options; ``--help`` stops before it runs."""
    program, *arguments = command
    return program == "memorag-graph" and CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0


def test_it_follows_the_specification() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("check_jsonschema")
    file = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.validate(COMPOSE, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**COMPOSE, "services": {"app": {"port": "8000"}}}, schema)


def test_what_services_and_volumes_name_exists() -> None:
    for service in SERVICES.values():
        assert service.get("depends_on", {}).keys() <= SERVICES.keys()
        for name, needed in service.get("depends_on", {}).items():
            assert needed["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]
        assert {volume.split(":")[0] for volume in service["volumes"]} <= COMPOSE["volumes"].keys()
    ports = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == len(set(ports)) == len(APPS) == 2


@pytest.mark.parametrize("command", [APPS["app-1"]["command"], APPS["app-2"]["command"], *COMMANDS], ids=" ".join)
def test_each_command_is_accepted(command: list[str]) -> None:
    assert accepted(command)
    for value in command:
        if value.startswith("http"):
            assert urlsplit(value).hostname in SERVICES
            assert checked_place(value) == value


def test_commands_of_compose_find_the_file() -> None:
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    named = next(at for at, line in enumerate(lines) if line.startswith("export COMPOSE_FILE="))
    assert (ROOT / lines[named].split("=", 1)[1].split()[0]).samefile(FOLDER / "compose.yaml")
    assert all(at > named for at, line in enumerate(lines) if line.startswith("docker compose "))


def test_an_unknown_option_or_command_is_refused() -> None:
    assert not accepted(["memorag-graph", "serve", "--prot", "8000"])
    assert not accepted(["memorag-graph", "library", "put", "/data"])


@pytest.mark.parametrize("name", APPS)
def test_each_variable_is_read_by_the_package(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = APPS[name]["environment"]
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    assert given.keys() - {"PGPASSWORD", API_KEY} == {it for it in given if it.startswith("MEMORAG_GRAPH_")}
    assert program_options({}).memory == "never"
    monkeypatch.setenv("MEMORAG_GRAPH_CATALOG", "postgresql://postgres")
    with pytest.raises(InputError, match="is not a setting"):
        program_options({})
    assert PostgresServer(given[CATALOGUE]).place
    assert urlsplit(given[CATALOGUE]).hostname in SERVICES
    assert APPS[name]["environment"]["MEMORAG_GRAPH_HOME"] in {it.split(":")[1] for it in APPS[name]["volumes"]}


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search("KEY|PASSWORD|SECRET", variable):
                assert re.fullmatch(r"\$\{\w+:\?[\w ]+\}", value)


def test_the_image_is_made_of_what_exists() -> None:
    lines = (FOLDER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    for copied in re.findall(r"^COPY (.+)$", lines, re.M):
        assert all((ROOT / source).exists() for source in copied.split()[:-1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', lines)
    assert set(extras.split(",")) <= project["optional-dependencies"].keys()
    for service in APPS.values():
        assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).samefile(FOLDER / "Dockerfile")
