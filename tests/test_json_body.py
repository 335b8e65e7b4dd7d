"""Bodies of requests: what is no JSON, or what no framework can carry, is refused with its field."""

import json
from typing import Any

import pytest

from memorag_graph.errors import InputError
from memorag_graph.serving.json_body import MAX_DEPTH, MAX_NUMBER, read_json


@pytest.mark.parametrize(
    "value",
    [{}, [], None, 0, -1.5, "", {"a": [{"b": "ü\n\u0000"}]}, [2**63 - 1, -(2**63) + 1], {"": {"": True}}, "𝄞"],
)
def test_a_body_is_the_value_it_was_written_from(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b'{"a": \xff}', "body"),
        (b'{"a": NaN}', "body"),
        (b'{"a": 1e999}', "a"),
        (b'{"a": [0, %d]}' % MAX_NUMBER, "a.1"),
        (b'{"a": {"b": %s}}' % (b"9" * 4000), "a.b"),
        (b'{"a": %s}' % (b"9" * 5000), "body"),
        (b'{"a": {"\\ud800": 1}}', "a"),
        (b"[" * 100_000, "body"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "body" + ".0" * MAX_DEPTH),
    ],
)
def test_a_body_that_cannot_be_processed_is_refused(body: bytes, field: str) -> None:
    with pytest.raises(InputError) as refused:
        read_json(body)
    assert refused.value.field == field.removeprefix("body.")


def test_as_many_levels_as_allowed_are_read() -> None:
    body = b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)
    assert json.dumps(read_json(body)).encode() == body


def test_a_lone_surrogate_in_a_value_is_kept() -> None:
    assert read_json(b'{"text": "a\\ud800b"}') == {"text": "a\ud800b"}
