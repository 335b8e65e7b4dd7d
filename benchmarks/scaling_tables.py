"""The tables of docs/scaling.md, from the result of ``scaling_model.py``."""

from collections.abc import Sequence
from typing import Any

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

ROWS = {
    "tokens": ("tokens", 1, ""),
    "documents": ("documents", 1, ""),
    "text": ("text_gb", 1e9, "B"),
    "text, compressed": ("stored_text_gb", 1e9, "B"),
    "embedded index": ("index_gb", 1e9, "B"),
    "catalogue": ("catalogue_gb", 1e9, "B"),
    "vectors in 8 bits": ("vectors_8_bits_gb", 1e9, "B"),
    "gists": ("gists_gb", 1e9, "B"),
    "keys and values, embedded model, 8 bits": ("keys_and_values_embedded_8_bits_gb", 1e9, "B"),
    "keys and values, 7B, 16 bits": ("keys_and_values_7b_16_bits_gb", 1e9, "B"),
    "of these the hot percent": ("hot_keys_and_values_7b_16_bits_gb", 1e9, "B"),
    "core hours to take it in": ("intake_core_hours", 1, ""),
    "core seconds of a question, embedded index": ("question_core_seconds", 1, ""),
    "dollars of a million questions, embedded index": ("dollars_of_a_million_questions", 1, ""),
    "dollars once": ("dollars_once", 1, ""),
    "dollars a month": ("dollars_a_month", 1, ""),
}
"""Rows of the table in docs/scaling.md: what stands in them, the figure, its unit."""


def table(sizes: Sequence[dict[str, float]]) -> str:
    """Return the table of docs/scaling.md."""
    head = ["chunks", *(f"10{str(len(str(int(size['chunks']))) - 1).translate(SUPERSCRIPTS)}" for size in sizes)]
    rows = [[told, *(short(size[name] * unit, sign) for size in sizes)] for told, (name, unit, sign) in ROWS.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def table_of_checks(checks: Sequence[dict[str, Any]]) -> str:
    """Return the table of what was predicted: the least and the largest ratio of each figure."""
    ratios: dict[tuple[str, str], list[float]] = {}
    for it in checks:
        ratios.setdefault((it["source"], it["what"]), []).append(it["ratio"])
    rows = [
        [f"`{what}`", source, str(len(them)), f"{min(them):.2f} to {max(them):.2f}"]
        for (source, what), them in ratios.items()
    ]
    head = ["figure", "measured in", "sizes predicted", "predicted ÷ measured"]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def short(number: float, sign: str) -> str:
    """Return a number with two digits and a prefix for thousands, such as 4.7 TB."""
    power = 0
    while number >= 999.5 and power < 5:
        number, power = number / 1000, power + 1
    digits = f"{number:.0f}" if number >= 9.95 else f"{number:.2g}"
    return f"{digits} {['', 'k', 'M', 'G', 'T', 'P'][power]}{sign}".rstrip()
