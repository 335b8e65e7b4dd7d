"""Choose pipelines by name."""

import re
from collections.abc import Callable, Mapping, Sequence

from memorag_graph.errors import InputError
from memorag_graph.evaluation.pipelines.base import Pipeline
from memorag_graph.evaluation.pipelines.baselines import ClosedBook, Dense, FullContext, Keywords
from memorag_graph.evaluation.pipelines.expanded import Hyde, MultiQuery
from memorag_graph.evaluation.pipelines.memorag_pipeline import PARTS, RETRIEVAL, Memorag
from memorag_graph.evaluation.pipelines.oracle import Oracle
from memorag_graph.evaluation.workbench import Workbench
from memorag_graph.settings import RunOptions

PIPELINES: Mapping[str, Callable[[Workbench, str], Pipeline]] = {
    "closed_book": ClosedBook,
    "full_context": FullContext,
    "dense": Dense,
    "bm25": Keywords,
    "multi_query": MultiQuery,
    "hyde": Hyde,
    "oracle": Oracle,
}
"""Pipelines without variants, by name."""

MEMORAG, HYBRID = "memorag", "hybrid"
_VARIANT = re.compile(rf"({MEMORAG}|{HYBRID})((?:[+-][a-z0-9]+)*)")


def choose_pipelines(names: Sequence[str], bench: Workbench) -> list[Pipeline]:
    """Return pipelines by name.

    Variants of ``memorag``, and of ``hybrid`` (memorag without clues), add or remove parts: ``memorag-spans`` has no
    spans, ``memorag+draft`` has a draft.

    Raises:
        InputError: If a name is unknown, or occurs twice.
    """
    if not names:
        raise InputError("pipelines", f"name at least one of {_known()}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError("pipelines", f"{twice[0]} occurs twice; name it once")
    return [_choose(name, bench) for name in names]


def _choose(name: str, bench: Workbench) -> Pipeline:
    if name in PIPELINES:
        return PIPELINES[name](bench, name)
    changed = _VARIANT.fullmatch(name)
    if changed is None:
        raise InputError("pipelines", f"{name!r} is unknown; choose from {_known()}")
    return Memorag(bench, name, _parts(name, changed[1], changed[2], bench.options))


def _parts(name: str, base: str, changes: str, options: RunOptions) -> frozenset[str]:
    """Return the parts of a variant: the defaults of the options, with parts added and removed."""
    possible = frozenset(PARTS if base == MEMORAG else RETRIEVAL)
    parts = possible if options.use_memory_answer else possible - {"draft"}
    for sign, part in re.findall(r"([+-])([a-z0-9]+)", changes):
        if part not in possible:
            raise InputError(
                "pipelines", f"{name!r}: {part!r} is not a part; choose from {', '.join(sorted(possible))}"
            )
        if (sign == "+") == (part in parts):
            state = "already a part" if sign == "+" else "not a part"
            raise InputError("pipelines", f"{name!r}: {part} is {state} of it; it has {', '.join(sorted(parts))}")
        parts = parts | {part} if sign == "+" else parts - {part}
    if not parts & {"dense", "bm25"}:
        raise InputError("pipelines", f"{name!r} has nothing to search with; keep dense or bm25")
    return parts


def _known() -> str:
    return (
        f"{', '.join(PIPELINES)}, {HYBRID}, {MEMORAG}, or variants of the last two, for example "
        f"{MEMORAG}-spans, {MEMORAG}+draft, {HYBRID}-bm25"
    )
