"""Divide a turn by the documents that its parts may hold text of, so that each part goes with its own documents.

The answer goes with the documents that it is drawn from. Passages that it does not quote, documents that were
considered, and what their memories recalled are kept beside it: removing one of these documents takes them away, and
leaves the answer.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.documents import Document

from memorag_graph.kept_turns import Beside, KeptTurn, NewTurn, Sources

Turn = dict[str, Any]
"""``result`` is the graph's output, ``plain`` that of plain RAG, if it was compared; ``where`` a library's filter."""

Result = Mapping[str, Any]

_ANSWERS = ("result", "plain")
_REPEATS = ("messages", "memory_notices")
_RECALLED = ("spans", "surrogates", "outline", "draft")


def drawn_from(turn: Turn) -> Sources:
    """Return the documents that the answers of a turn are drawn from."""
    found: set[str] = set()
    for result in _answers(turn).values():
        own = _drawn_from(result)
        if own is None:
            return None
        found |= set(own)
    return found


def divided(turn: Turn) -> NewTurn:
    """Return a turn to be kept: the answers, and beside them what other documents may have part in.

    What repeats it is not kept, such as its messages and the trace of the documents that were considered.
    """
    sources, beside = drawn_from(turn), []
    kept = {**turn, **{key: _without_repeats(result) for key, result in _answers(turn).items()}}
    for answer in _answers(kept):
        result = kept[answer]
        for (key, at), its in [*_parts(result)]:
            if sources is not None and (its is None or not set(its) <= set(sources)):
                part = result[key] if at is None else result[key][at]
                beside.append(Beside(its, _text([answer, key, at, part])))
                _put(result, key, at, None)
    return NewTurn(str(turn["result"]["asked"]), _text(kept), sources, beside)


def joined(kept: KeptTurn) -> Turn:
    """Return a turn with what is left beside its answers, each part in its place."""
    turn: Turn = json.loads(kept.content)
    for answer, key, at, part in map(json.loads, kept.beside):
        _put(turn[answer], key, at, part)
    for answer, result in _answers(turn).items():
        there: Turn = {key: _without_gaps(value) for key, value in result.items() if value is not None}
        if "evidence" in there:
            there["evidence"] = [Document(**it) for it in there["evidence"]]
        turn[answer] = there
    return turn


def _answers(turn: Turn) -> dict[str, Any]:
    return {key: turn[key] for key in _ANSWERS if key in turn}


def _drawn_from(result: Result) -> Sources:
    """Return the documents that an answer is drawn from: what it quotes, and what a model that wrote it was given."""
    conflicting = [it[side] for it in result.get("conflicts", []) for side in ("stated", "other")]
    own = {it["source"] for it in [*result.get("citations", []), *conflicting]}
    of_library = bool(result.get("considered"))
    if result.get("basis") == "memory":
        return own | {it["name"] for it in result["considered"] if it["asked"]} if of_library else None
    if not result.get("tokens", {}).get("generate"):  # no model wrote it: it is made of quotations
        return own
    if not of_library and _is_recalled(result):
        return None
    given = {it.metadata["source"] for it in result.get("evidence", [])}
    return own | given | {it["document"] for it in result.get("document_clues", [])}


def _is_recalled(result: Result) -> bool:
    """Return whether a memory recalled something, which may be of any of its documents."""
    return any(result.get(key) for key in _RECALLED)


def _parts(result: Result) -> Iterator[tuple[tuple[str, int | None], Sources]]:
    """Yield the places, a key and where it has a list also an index, of what documents may have part in, with these."""
    considered = {it["name"] for it in result.get("considered", [])}
    asked: Sources = considered or None  # recalled by the memories of some of these, or by the memory of all documents
    passages = None if not considered and _is_recalled(result) else ()  # they name the clues by which they were found
    told_of_reading = result.get("memory", {}).get("notices", [])
    for key in _RECALLED:
        if result.get(key):
            yield (key, None), asked
    if told_of_reading:
        yield ("memory", None), None
    for at, passage in enumerate(result.get("evidence", [])):
        yield ("evidence", at), None if passages is None else {passage.metadata["source"]}
    for key, name in (("considered", "name"), ("document_clues", "document")):
        for at, it in enumerate(result.get(key, [])):
            yield (key, at), {it[name]}
    for at, it in enumerate(result.get("trace", [])):
        if it["what"] == "dropped":
            yield ("trace", at), asked
    for at, notice in enumerate(result.get("notices", [])):
        yield ("notices", at), None if notice in told_of_reading else {name for name in considered if name in notice}


def _without_repeats(result: Result) -> Turn:
    kept = {key: value for key, value in result.items() if key not in _REPEATS}
    if "trace" in kept:
        kept["trace"] = [it for it in kept["trace"] if it["what"] != "considered"]
    return kept


def _put(result: Turn, key: str, at: int | None, part: object) -> None:
    """Put a part of a result in its place; None leaves a gap there."""
    if at is None:
        result[key] = part
    else:
        result[key] = [*result[key][:at], part, *result[key][at + 1 :]]


def _without_gaps(value: object) -> object:
    return [it for it in value if it is not None] if isinstance(value, list) else value


def _text(value: object) -> str:
    return json.dumps(value, default=_fields)


def _fields(passage: Document) -> dict[str, Any]:
    return {"page_content": passage.page_content, "metadata": passage.metadata}
