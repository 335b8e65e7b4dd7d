"""Offsets in UTF-16 code units and in bytes."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import Offsets
from memorag_graph.documents.offsets import Unit, with_offsets
from tests.conftest import TEXT
from tests.test_cli import call

__all__ = ["call"]

TEXTS = ["", "plain", "a 🚢 sails", "naïve 日本 🍊" * 3000, "\U0010ffff" * 5000, "".join(map(chr, range(0x300, 0x900)))]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize(("unit", "encoding", "size"), [("utf16", "utf-16-le", 2), ("bytes", "utf-8", 1)])
def test_offsets_are_those_of_the_encoded_text(text: str, unit: Unit, encoding: str, size: int) -> None:
    convert = Offsets(text, unit)
    chance = random.Random(0)
    places = {0, len(text), *(chance.randint(0, len(text)) for _ in range(200)), *range(min(len(text), 20))}
    for place in places:
        assert convert(place) == len(text[:place].encode(encoding)) // size
    assert convert(len(text) + 5) == convert(len(text))


def test_a_quotation_is_found_at_its_offsets_in_each_unit() -> None:
    text = "🚢🚢 The ferry 🚢 to Þorlákshöfn leaves at 8."
    start, end = text.index("🚢 to"), text.index(" leaves")
    utf16, utf8 = text.encode("utf-16-le"), text.encode()
    as_utf16, as_bytes = Offsets(text, "utf16"), Offsets(text, "bytes")
    assert utf16[2 * as_utf16(start) : 2 * as_utf16(end)].decode("utf-16-le") == text[start:end]
    assert utf8[as_bytes(start) : as_bytes(end)].decode() == text[start:end]


def test_all_offsets_of_a_result_are_converted() -> None:
    text, answer = "🚢 sails. 🍊", "Yes 🚢."
    result = {
        "citations": [{"source": "a", "start": 2, "end": 8, "quote": "sails."}],
        "unsupported": [{"start": 0, "end": 5, "text": answer[:5]}],
        "conflicts": [{"stated": {"source": "a", "start": 0, "end": 1}}], "timings": {"start": 1.5}, "confidence": 0.5,
    }  # fmt: skip
    found = with_offsets(result, {"a": Offsets(text, "utf16")}, Offsets(answer, "bytes"))
    assert found["citations"] == [{"source": "a", "start": 3, "end": 9, "quote": "sails."}]
    assert found["unsupported"][0]["end"] == len(answer[:5].encode())
    assert found["conflicts"] == [{"stated": {"source": "a", "start": 0, "end": 2}}]
    assert (found["timings"], found["confidence"]) == ({"start": 1.5}, 0.5)
    assert result["citations"][0]["start"] == 2, "the result itself was changed"


@pytest.mark.parametrize(("unit", "encoding", "size"), [("utf16", "utf-16-le", 2), ("bytes", "utf-8", 1)])
def test_the_command_line_gives_offsets_in_the_unit(
    call: Any, tmp_path: Path, unit: str, encoding: str, size: int
) -> None:
    text = "🚢🚢🚢 Þorlákshöfn.\n\n" + TEXT
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    place = str(tmp_path / "memory")
    tiny = ["--model", "tiny-llama", "--embedding-model", "hash"]
    made = call("memorize", str(tmp_path / "a.txt"), "--save-dir", place, *tiny)
    assert made.code == 0, made.err
    asked = ["ask", place, "Who was proud of the harbour at Thorle?", "--task", "lookup", "--generator", "extractive"]
    given = json.loads(call(*asked, "--json", "--offsets", unit).out)
    plain = json.loads(call(*asked, "--json").out)
    data = text.encode(encoding)
    assert given["citations"]
    for record, before in zip(given["citations"], plain["citations"], strict=True):
        quoted = data[size * record["start"] : size * record["end"]].decode(encoding)
        assert quoted == record["quote"] == text[before["start"] : before["end"]]
        assert record["start"] != before["start"]
    for record in given["evidence"]:
        assert data[size * record["start"] : size * record["end"]].decode(encoding) == record["text"]
    (tmp_path / "a.txt").write_text(f"New. {text}", encoding="utf-8")
    refused = call(*asked, "--json", "--offsets", unit)
    assert (refused.code, "has changed since it was memorized" in refused.err) == (2, True)


def test_the_command_line_reads_in_a_given_encoding(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.replace("e", "é").encode("cp850"))
    tiny = ["--model", "tiny-llama", "--embedding-model", "hash"]
    for encoding, expected in (("cp850", 0), ("ascii", 2), ("klingon", 2)):
        made = call(
            "memorize", str(tmp_path / "a.txt"), "--encoding", encoding, "--save-dir", str(tmp_path / "m"), *tiny
        )
        assert made.code == expected, made.err
    assert "encoding: 'klingon' is no encoding" in made.err
    asked = call("ask", str(tmp_path / "m"), "harbour", "--task", "lookup", "--generator", "extractive", "--json").out
    assert "é" in json.loads(asked)["evidence"][0]["text"]
