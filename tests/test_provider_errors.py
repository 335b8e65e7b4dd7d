"""Reasons never repeat a key, and are found in linear time."""

import subprocess
import sys

import pytest

from memorag_graph.providers.provider_errors import reason

KEYS = [
    "sk-verysecretkey",
    "sk-abc.def.ghi",
    "AIzaSyD4x-9_abcdefghijkl",
    "abcdefghijklmnop4",
    "0123456789ab",
    "my-own-key-is-sk-abcdefghijkl",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["bad {} here", "key={},", "{}", "x" * 150 + " {}", "Authorization: Bearer {}"])
def test_no_part_of_a_key_is_shown(key: str, around: str) -> None:
    shown = reason(ValueError(around.format(key)))
    assert "…" in shown or len(shown) == len("ValueError: ") + 160
    assert not any(
        key[at : at + 6] in shown.replace("my-own-key-is-", "") for at in range(14 * (key[0] == "m"), len(key) - 5)
    )


def test_a_bearer_token_is_not_shown_whatever_it_looks_like() -> None:
    assert reason(ValueError()) == "ValueError"
    assert reason(ValueError("Bearer short; refused")) == "ValueError: Bearer … refused"


def test_long_names_without_a_figure_are_shown_and_only_the_first_line_is() -> None:
    assert reason(ValueError("\n some_long_configuration_name\nsecond")) == "ValueError: some_long_configuration_name"


@pytest.mark.parametrize("unit", ["a", "1", "-", "a1", "sk-", "Bearer ", "aaaaaaaaaaa ", "1 "])
def test_long_errors_are_redacted_in_linear_time(unit: str) -> None:
    """A quadratic pattern takes minutes here."""
    code = f"from memorag_graph.providers.provider_errors import reason; reason(ValueError({unit!r} * 200_000 + '!'))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
