"""Settings and contacts are read as records that name what they belong to."""

import json
import random
from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document


def read(tmp_path: Path, name: str, text: str) -> Document:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_document(tmp_path / name, name=name)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        (
            "a.ini",
            "; of the pier\n[mail]\nserver=smtp.x\nport = 2525\n\n[ftp]\nport: 21\n",
            ["mail: of the pier", "mail.server: smtp.x", "mail.port: 2525", "ftp.port: 21"],
        ),
        (
            "a.toml",
            'title = "Tides"\n[server.tls]\n# renewed in March\ncert = "/a # b.pem" # new\nhosts = [\n  "a=1",\n'
            '  "b",\n]\n'
            "text = '''\nTwo\nlines'''\n[[users]]\nname = \"kim\"\nrole = 'x'\n[[users]]\nname = \"lou\"\n",
            [
                "title: Tides",
                "server.tls.cert: /a # b.pem | renewed in March | new",
                'server.tls.hosts: [ "a=1", "b", ]',
                "server.tls.text: Two lines",
                "users.name: kim | users.role: x",
                "users.name: lou",
            ],
        ),
        (
            "a.yaml",
            "---\nservices:\n  web: &w\n    image: x/web:4\n    ports:\n    - \"80:80\"\n    - '81:81'\n"
            "jobs:\n- name: weekly\n  keep: 8 # weeks\n  steps:\n    - run: dump\n      at: 2:00\n- name: nightly\n"
            'text: |\n  # no comment\n\n  Two: lines\n"odd key": 1\n# port: 7\n',
            [
                "services.web.image: x/web:4",
                "services.web.ports: 80:80, 81:81",
                "jobs.name: weekly | jobs.keep: 8 | weeks",
                "jobs.name: weekly | jobs.steps.run: dump | jobs.steps.at: 2:00",
                "jobs.name: nightly",
                "text: # no comment Two: lines",
                "odd key: 1",
                "Comment: port: 7",
            ],
        ),
        ("a.env", "export DB_PORT=5433\nMAX_UPLOAD='40MB'\n", ["DB_PORT: 5433", "MAX_UPLOAD: 40MB"]),
        (
            "a.vcf",
            "BEGIN:VCARD\nVERSION:2.1\nN:Byrne;Aoife\nFN;ENCODING=QUOTED-PRINTABLE:Aoife B=C3=BD=\nrne\n"
            "item1.TEL;TYPE=work:555 1\nTITLE:Head\\, of\n  sales\nPHOTO:AAAA\nEND:VCARD\n"
            "begin:vcard\nN:Ott;Bo;;;\nADR;HOME:;;Mill 2;York;;YO1;\nend:vcard\n",
            [
                "Name: Aoife Býrne | Phone (work): 555 1 | Title: Head, of sales",
                "Name: Ott, Bo | Address (home): Mill 2, York, YO1",
            ],
        ),
    ],
)
def test_each_value_is_a_record_with_its_path(tmp_path: Path, name: str, text: str, lines: list[str]) -> None:
    assert [it for it in read(tmp_path, name, text).text.split("\n") if it] == lines


@pytest.mark.parametrize("seed", range(20))
def test_values_of_yaml_and_json_are_the_same(tmp_path: Path, seed: int) -> None:
    picked = random.Random(seed)

    def made(depth: int) -> dict[str, object]:
        keys = picked.sample(["alpha", "beta", "gamma", "delta"], 3)
        return {key: made(depth - 1) if depth and picked.random() < 0.6 else str(picked.random()) for key in keys}

    def lines(value: dict[str, object], indent: int = 0) -> list[str]:
        found = []
        for key, it in value.items():
            found.append(f"{' ' * indent}{key}:" + ("" if isinstance(it, dict) else f" {it}"))
            found += lines(it, indent + 2) if isinstance(it, dict) else []
        return found

    value = made(3)
    of_yaml = read(tmp_path, "a.yml", "\n".join(lines(value))).text
    of_json = read(tmp_path, "a.json", json.dumps(value)).text
    assert {it for it in of_yaml.split("\n") if it} == {
        it for line in of_json.split("\n") for it in line.split(" | ") if it
    }


@pytest.mark.parametrize("name", ["nginx.conf", "notes.yaml", "a.vcf"])
def test_what_is_no_settings_is_read_as_plain_text(tmp_path: Path, name: str) -> None:
    text = "The pier is open.\nserver {\n  listen 80;\n}\nNobody is there,\nand nothing moves.\n"
    assert read(tmp_path, name, text).text == text
