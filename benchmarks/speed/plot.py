"""Plot the benchmark's medians for the documentation."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

_SIZE = (9.6, 2.4)
_MINE, _THEIRS, _LLAMA = "#2a6f97", "#c9ada7", "#9a8c98"


def draw(of: dict[str, dict[str, Any]], path: Path) -> None:
    """Plot the seconds of memorizing and of a question, and the tokens per second of three clues."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    memorizing, asking, clues = figure.subplots(1, 3)
    for axes, stage, title in (
        (memorizing, "memorize", "memorize 33,000 characters"),
        (asking, "question", "one question with draft"),
    ):
        bars = [("memorag 0.1.5", of[f"original.{stage}"], _THEIRS), ("memorag_graph", of[f"package.{stage}"], _MINE)]
        _bars(axes, [(name, found["seconds"], color) for name, found, color in bars], f"{title} (s)", "{:.0f} s")
    rates = [
        ("llama.cpp, Q4_1", "llama", _LLAMA),
        ("float32", "package_without_guesses", _MINE),
        ("bfloat16", "quickest_without_guesses", _MINE),
    ]
    known = [(name, of[f"{who}.clues_3"], color) for name, who, color in rates if f"{who}.clues_3" in of]
    shown = [(name, found["new_tokens"] / found["seconds"], color) for name, found, color in known]
    _bars(clues, shown, "three clues (tokens/s)", "{:.0f}")
    figure.savefig(path, dpi=130)


def _bars(axes: Any, bars: list[tuple[str, float, str]], title: str, shown: str) -> None:  # noqa: ANN401
    names, values, colors = zip(*bars, strict=True)
    axes.bar_label(axes.barh(names, values, color=colors), [shown.format(value) for value in values], padding=3)
    axes.set_title(title, fontsize="medium", loc="left")
    axes.set_xticks([])
    axes.set_xlim(0, max(values) * 1.2)
    axes.invert_yaxis()
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
