"""Compute medians over rounds, and ratios of medians by name."""

import statistics
from typing import Any

from plan import Measured


def medians(found: Measured) -> dict[str, dict[str, Any]]:
    """Return the median of each number over the rounds, and other values of the last round."""
    result: dict[str, dict[str, Any]] = {}
    for stage, rounds in found.items():
        result[stage] = {
            key: round(statistics.median(float(it[key]) for it in rounds), 5)
            if isinstance(value, int | float)
            else value
            for key, value in rounds[-1].items()
            if key != "tokens" or not isinstance(value, list)
        }
        if len(rounds) > 1:
            result[stage]["all_seconds"] = [round(it["seconds"], 4) for it in rounds]
    return result


def ratios(of: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Return the reported ratios by name."""
    found = {
        "memorize_original_to_package": _seconds(of, "original.memorize", "package.memorize"),
        "question_original_to_package": _seconds(of, "original.question", "package.question"),
        "memory_bytes_per_token_original_to_package": (
            _per_token(of["original.memorize"]) / _per_token(of["package.memorize"])
        ),
        "load_original_to_package_unchecked": _seconds(of, "original.load", "package.load_size"),
        "load_original_to_package_checked": _seconds(of, "original.load", "package.load_full"),
    }
    for stage in ("memorize", "question"):
        if f"quickest.{stage}" in of:
            found[f"{stage}_original_to_package_bfloat16"] = _seconds(of, f"original.{stage}", f"quickest.{stage}")
    for name in ("package", "quickest"):
        if f"{name}.clues_3" in of:
            found |= _of_package(of, name)
    return {name: round(value, 3) for name, value in found.items()}


def _of_package(of: dict[str, dict[str, Any]], name: str) -> dict[str, float]:
    dtype = "float32" if name == "package" else "bfloat16"
    machine = of["package.limits"]
    read = of[f"{name}.prefill"]
    limit, packed = (machine[f"{kind}operations_per_second_{dtype}"] for kind in ("", "packed_"))
    found = {
        f"three_branches_to_one_{dtype}": _seconds(
            of, f"{name}_without_guesses.clues_3", f"{name}_without_guesses.clues_1"
        ),
        f"three_branches_to_one_with_guesses_{dtype}": _seconds(of, f"{name}.clues_3", f"{name}.clues_1"),
        f"three_rows_to_one_{dtype}": _seconds(of, f"{name}.decode_3", f"{name}.decode_1"),
        f"prefill_share_of_limit_{dtype}": read["operations"] / limit / read["seconds"],
        f"prefill_share_of_packed_limit_{dtype}": read["operations"] / packed / read["seconds"],
    }
    for rows in (1, 3):
        step = of[f"{name}.decode_{rows}"]
        needed = (step["weights_bytes"] + step["kv_bytes"]) / machine["bytes_per_second"]
        found[f"decode_share_of_bandwidth_{rows}_rows_{dtype}"] = needed / step["seconds"]
    if "llama.clues_3" in of:
        found[f"clues_package_to_llama_cpp_{dtype}"] = _seconds(of, "llama.clues_3", f"{name}_without_guesses.clues_3")
        found[f"clues_package_to_llama_cpp_with_guesses_{dtype}"] = _seconds(of, "llama.clues_3", f"{name}.clues_3")
        found[f"prefill_package_to_llama_cpp_{dtype}"] = _seconds(of, "llama.prefill", f"{name}.prefill")
    return found


def _seconds(of: dict[str, dict[str, Any]], first: str, second: str) -> float:
    return float(of[first]["seconds"] / of[second]["seconds"])


def _per_token(memorized: dict[str, Any]) -> float:
    return float(memorized["memory_file_bytes"] / memorized["memory_tokens"])
