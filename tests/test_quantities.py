"""Quantities in several units are compared by their values."""

import pytest

from memorag_graph.text.quantities import are_equal_in_other_units


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("It runs at 60 °C and 3 bar.", "It runs at 140 °F and 3 bar.", True),
        ("It runs at 60 °C.", "It runs at 60 °F.", False),
        ("It runs at 60 °C.", "It runs at 60 °C.", False),
        ("It runs at 100 degrees Celsius.", "It runs at 212 degrees Fahrenheit.", True),
        ("It is 5 km long.", "It is 3.107 miles long.", True),
        ("It is 5 km long.", "It is 5 miles long.", False),
        ("Wait 90 minutes.", "Wait 1.5 hours.", True),
        ("It runs at 60 °C and 3 bar.", "It runs at 140 °F and 4 bar.", False),
        ("Freeze at -40 °C.", "Freeze at -40 °F.", True),
    ],
)
def test_the_same_value_in_another_unit(first: str, second: str, expected: bool) -> None:
    assert are_equal_in_other_units(first, second) is expected
    assert are_equal_in_other_units(second, first) is expected
