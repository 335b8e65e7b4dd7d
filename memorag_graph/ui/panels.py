"""Show panels beside the conversation: cited passage, evidence, recalled clues, path through the graph."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from memorag_graph.console import TRACE_TITLES, size
from memorag_graph.ui import address
from memorag_graph.ui.conversation_store import Turn
from memorag_graph.ui.graph_drawing import path_dot
from memorag_graph.ui.passages import escaped, passage_html, place_of
from memorag_graph.ui.resources import Resources

if TYPE_CHECKING:
    from memorag_graph.open_memory import OpenMemory

PANELS = ("Document", "Evidence", "Recalled", "Path")

_UNUSED = {
    "scrap": "Too short to search for.",
    "heading": "Only announces a list.",
    "question": "Repeats the question.",
    "instruction": "Repeats the instructions.",
    "repeat": "Repeats an earlier one.",
    "refusal": "Says nothing.",
    "unsupported": "Not searched for: no passage supports it.",
    "unrelated": "Not searched for: most of its words are not in the document.",
    "astray": "Not searched for: too far from the question.",
}
"""What became of a clue, by the reason for which it was dropped."""

Result = dict[str, Any]


def show_citation(result: Result, citation: Result | None = None) -> None:
    """Select the result to show and one of its citations, by default the first."""
    first = result["citations"][0] if result["citations"] else None
    st.session_state.shown = (address.visit(), result, citation or first)
    st.session_state.panel = "Document"


def show(shared: Resources, opened: "OpenMemory", turns: Sequence[Turn]) -> None:
    """Show the chosen panel for the selected result, by default that of the last turn."""
    if st.session_state.get("shown", ("",))[0] != address.visit():
        if not turns:
            return
        show_citation(turns[-1]["result"])
    _, result, citation = st.session_state.shown
    panel = st.segmented_control("Show", PANELS, key="panel", label_visibility="collapsed")
    if panel == "Evidence":
        _show_evidence(result)
    elif panel == "Recalled":
        _show_recalled(result)
    elif panel == "Path":
        st.graphviz_chart(path_dot(shared.graph, result["timings"]))
    elif citation is None:
        st.caption("This answer has no citations.")
    else:
        st.markdown(f"**{escaped(place_of(citation))}**")
        st.html(passage_html(opened.index.chunks, citation))


def show_statistics(opened: "OpenMemory") -> None:
    """Show the memory's figures, and what to know of how its documents were read."""
    memory = opened.memory
    figures = {"Text": f"{memory.context_tokens:,} tokens", "Chunks": f"{len(opened.index.chunks):,}"}
    if memory.is_whole:
        figures |= {
            "Memory": f"{memory.memory_tokens:,} tokens",
            "Keys and values": size(memory.nbytes),
            "Text to memory": f"{memory.context_tokens / max(1, memory.memory_tokens):.1f} : 1",
            "Storage": memory.settings.kv_storage,
        }
    figures["Model"] = memory.identity.model
    st.markdown("\n".join(f"- {name}: **{value}**" for name, value in figures.items()))
    for notice in memory.reading_notices:
        st.warning(escaped(notice))


def _show_evidence(result: Result) -> None:
    for passage in result.get("evidence", []):
        with st.container(border=True):
            st.markdown(f"**[{passage.metadata['number']}]** {escaped(place_of(passage.metadata))}")
            st.text(" ".join(passage.page_content.split()))
            kinds = dict.fromkeys(query["kind"] for query in passage.metadata["queries"])
            st.caption("Found by " + ", ".join(kinds))


def _show_recalled(result: Result) -> None:
    groups = {
        "Spans": result.get("spans", []),
        "Surrogate questions": result.get("surrogates", []),
        "Draft": [result["draft"]] if result.get("draft") else [],
        "Outline": result.get("outline", []),
    }
    trace = result.get("trace", [])
    dropped = {record["text"]: record["reason"] for record in trace if record["what"] == "dropped"}
    shown = {clue for clues in groups.values() for clue in clues}
    if not shown:
        st.caption("The memory was not asked: the question alone found this answer's passages.")
    else:
        st.caption("Recalled from memory, unverified; used as search queries.")
    for name, clues in groups.items():
        if clues:
            st.markdown(f"**{name}**")
        for clue in clues:
            st.text(clue)
            st.caption(escaped(_UNUSED[dropped[clue]] if clue in dropped else _found_by(result, clue)))
    for record in trace:
        if record["text"] not in shown:
            st.caption(escaped(f"{TRACE_TITLES[record['what']]}: {record['text']} ({record['reason']})"))


def _found_by(result: Result, clue: str) -> str:
    numbers = [
        passage.metadata["number"]
        for passage in result.get("evidence", [])
        if any(query["text"] == clue for query in passage.metadata["queries"])
    ]
    return "Found " + ", ".join(f"[{number}]" for number in numbers) if numbers else "Found no passage"
