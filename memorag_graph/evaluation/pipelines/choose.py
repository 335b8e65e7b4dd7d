"""The name of a pipeline → the pipeline."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from memorag_graph.errors import InputError
from memorag_graph.evaluation.bench import Workbench
from memorag_graph.evaluation.clues import ClueKind
from memorag_graph.evaluation.pipelines.expanded import Hyde, MultiQuery
from memorag_graph.evaluation.pipelines.hybrid import Hybrid
from memorag_graph.evaluation.pipelines.memorag import Memorag
from memorag_graph.evaluation.pipelines.pipeline import Pipeline
from memorag_graph.evaluation.pipelines.plain import ClosedBook, Dense, FullContext, Keywords
from memorag_graph.settings import RunOptions

PIPELINES: Mapping[str, Callable[[Workbench, str], Pipeline]] = {
    "closed_book": ClosedBook,
    "full_context": FullContext,
    "dense": Dense,
    "bm25": Keywords,
    "hybrid": Hybrid,
    "multi_query": MultiQuery,
    "hyde": Hyde,
}
"""Pipelines that come in one form, by name."""

MEMORAG = "memorag"
PARTS: frozenset[ClueKind] = frozenset(get_args(ClueKind))
_CHANGED = re.compile(rf"{MEMORAG}((?:[+-][a-z]+)*)")


def choose_pipelines(names: Sequence[str], bench: Workbench) -> list[Pipeline]:
    """Return pipelines by name.

    ``memorag`` can be changed by its parts: ``memorag-spans`` is without spans, ``memorag+draft`` with a draft.

    Raises:
        InputError: If a name is unknown, or given twice.
    """
    if not names:
        raise InputError("pipelines", f"name at least one of {_known()}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError("pipelines", f"{twice[0]} is named twice")
    return [_choose(name, bench) for name in names]


def _choose(name: str, bench: Workbench) -> Pipeline:
    if name in PIPELINES:
        return PIPELINES[name](bench, name)
    changed = _CHANGED.fullmatch(name)
    if changed is None:
        raise InputError("pipelines", f"{name!r} is unknown; choose from {_known()}")
    return Memorag(bench, name, _parts(name, changed[1], bench.options))


def _parts(name: str, changes: str, options: RunOptions) -> frozenset[ClueKind]:
    """Return the clues that a memorag uses: those of the options, with and without some."""
    parts = PARTS if options.use_memory_answer else PARTS - {"draft"}
    for sign, part in re.findall(r"([+-])([a-z]+)", changes):
        named = frozenset(kind for kind in PARTS if kind == part)
        if not named:
            raise InputError("pipelines", f"{name!r}: {part!r} is no part; choose from {', '.join(sorted(PARTS))}")
        if (sign == "+") == (named <= parts):
            state = "already a part" if sign == "+" else "no part"
            raise InputError("pipelines", f"{name!r}: {part} is {state} of it; it has {', '.join(sorted(parts))}")
        parts = parts | named if sign == "+" else parts - named
    return parts


def _known() -> str:
    changes = ", ".join(f"{MEMORAG}{sign}{part}" for sign, part in (("-", "spans"), ("+", "draft")))
    return f"{', '.join(PIPELINES)}, {MEMORAG}, or {MEMORAG} changed by its parts, such as {changes}"
