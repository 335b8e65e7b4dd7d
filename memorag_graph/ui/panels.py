"""Show panels beside the conversation: cited passage, evidence, recalled clues, path through the graph."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from memorag_graph.console import TRACE_TITLES, size
from memorag_graph.documents.cited_rows import cited_rows
from memorag_graph.ui import address, cited_page
from memorag_graph.ui.cited_page import CitedDocument, table_html
from memorag_graph.ui.graph_drawing import path_dot
from memorag_graph.ui.passages import escaped, is_quoted, passage_html, place_of
from memorag_graph.ui.resources import Resources
from memorag_graph.ui.turn_parts import Turn
from memorag_graph.ui.uploaded_files import kept_file

if TYPE_CHECKING:
    from memorag_graph.open_memory import OpenMemory

DOCUMENT, EVIDENCE, RECALLED, PATH = "Document", "Evidence", "Recalled", "Path"
PANELS = (DOCUMENT, EVIDENCE, RECALLED, PATH)
"""The panels of a memory."""

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

_ASKING = {"recall", "rewrite", "draft_answer", "outline", "ask_memory"}
"""Nodes that ask a memory."""

_NOT_ASKED = "The memory was not asked: the question alone found this answer's passages."
_NOTHING_LEFT = "Nothing that was recalled from memory is left: it went with a document that was removed."

Result = dict[str, Any]


def show_citation(result: Result, citation: Result | None = None) -> None:
    """Select the result to show and one of its citations, by default the first."""
    first = result["citations"][0] if result["citations"] else None
    st.session_state.shown = (address.visit(), result, citation or first)
    st.session_state.panel = DOCUMENT
    st.session_state.library_panel = DOCUMENT


def selected(turns: Sequence[Turn]) -> tuple[Result, Result | None] | None:
    """Return the selected result, by default that of the last turn, and its selected citation; None without turns."""
    results = [result for turn in turns for result in (turn["result"], turn.get("plain"))]
    visit, result, _ = st.session_state.get("shown", ("", None, None))
    if visit != address.visit() or result not in results:  # one that was deleted with its document is not shown
        if not turns:
            return None
        show_citation(turns[-1]["result"])
    _, result, citation = st.session_state.shown
    return result, citation


def show(shared: Resources, opened: "OpenMemory", turns: Sequence[Turn]) -> None:
    """Show the chosen panel for the selected result."""
    if (found := selected(turns)) is None:
        return
    result, citation = found
    panel = st.segmented_control("Show", PANELS, key="panel", label_visibility="collapsed")
    if panel in (None, DOCUMENT):
        show_passage(citation, lambda citation: _cited(shared, opened, citation))
    else:
        show_of_result(shared, panel, result)


def show_of_result(shared: Resources, panel: str, result: Result) -> None:
    """Show a panel that only depends on the result."""
    if panel == EVIDENCE:
        _show_evidence(result)
    elif panel == RECALLED:
        _show_recalled(result)
    else:
        st.graphviz_chart(path_dot(shared.graph, result["timings"]))
        _show_considered(result.get("considered", []))


def show_passage(citation: Result | None, document_of: Callable[[Result], CitedDocument | None]) -> None:
    """Show the pages of a citation, its rows as a table, or the text around it.

    Args:
        citation: The citation, if the answer has one.
        document_of: Returns the document that a citation is from; None if it was removed or replaced.
    """
    if citation is None:
        st.caption("This answer has no citations.")
        return
    head = st.container(horizontal=True, vertical_alignment="center", key="place")
    head.markdown(f"**{escaped(place_of(citation))}**")
    if (document := document_of(citation)) is None:
        st.caption("This document was removed or replaced.")
        return
    if citation.get("ocr"):
        st.caption(":material/document_scanner: Read by OCR: may contain errors.")
    needs_text = cited_page.show(document, citation, head)
    if table := cited_rows(citation["quote"], citation.get("header")):
        st.html(table_html(table))
    text = passage_html(document.chunks, citation)
    if needs_text:
        st.html(text)
    else:
        st.expander("The passage as text").html(text)


def _cited(shared: Resources, opened: "OpenMemory", citation: Result) -> CitedDocument | None:
    """Return the document that is cited; None if another text has taken its place, or none."""
    if not is_quoted(opened.index.chunks, citation):
        return None
    document = next(it for it in opened.memory.documents if it.source == citation["source"])
    file = kept_file(shared.registry.store, opened.memory.id, document.sha256)
    return CitedDocument(opened.index.chunks, document.page_map, file)


def show_statistics(shared: Resources, opened: "OpenMemory") -> None:
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
    figures["Model"] = shared.told(memory.identity.model)
    st.markdown("\n".join(f"- {name}: **{value}**" for name, value in figures.items()))
    for notice in memory.reading_notices:
        st.warning(escaped(shared.told(notice)))


def _show_evidence(result: Result) -> None:
    for passage in result.get("evidence", []):
        with st.container(border=True):
            st.markdown(f"**[{passage.metadata['number']}]** {escaped(place_of(passage.metadata))}")
            st.text(" ".join(passage.page_content.split()))
            kinds = dict.fromkeys(query["kind"] for query in passage.metadata["queries"])
            st.caption("Found by " + ", ".join(kinds))


def _show_recalled(result: Result) -> None:
    groups = _recalled(result)
    trace = [record for record in result.get("trace", []) if record["what"] != "considered"]  # has a panel
    dropped = {record["text"]: record["reason"] for record in trace if record["what"] == "dropped"}
    shown = {clue for clues in groups.values() for clue in clues}
    if not shown:
        st.caption(_NOTHING_LEFT if _ASKING & set(result["timings"]) else _NOT_ASKED)
    else:
        st.caption("Recalled from memory, unverified; used as search queries.")
    for name, clues in groups.items():
        if clues:
            st.markdown(f"**{escaped(name)}**")
        for clue in clues:
            st.text(clue)
            st.caption(escaped(_UNUSED[dropped[clue]] if clue in dropped else _found_by(result, clue)))
    for record in trace:
        if record["text"] not in shown:
            st.caption(escaped(f"{TRACE_TITLES[record['what']]}: {record['text']} ({record['reason']})"))


def _recalled(result: Result) -> dict[str, Sequence[str]]:
    """Return what the memory, or the memory of each document of a library, recalled."""
    groups: dict[str, Sequence[str]] = {
        "Spans": result.get("spans", []),
        "Surrogate questions": result.get("surrogates", []),
        "Draft": [result["draft"]] if result.get("draft") else [],
        "Outline": result.get("outline", []),
    }
    for clues in result.get("document_clues", []):
        draft = [clues["draft"]] if clues["draft"] else []
        groups[clues["document"]] = [*clues["spans"], *clues["surrogates"], *draft]
    return groups


def _show_considered(considered: Sequence[Result]) -> None:
    if considered:
        st.caption("The documents that the question may be about, the best first:")
    for number, it in enumerate(considered, start=1):
        words = {"cited": it["cited"], "memory asked": it["asked"], "searched": it["searched"]}
        done = ", ".join(word for word, holds in words.items() if holds) or "others fit better"
        st.markdown(f"{number}\\. **{escaped(it['name'])}** · {done}")
        st.caption("Place by " + ", ".join(f"{name}: {place}" for name, place in it["places"].items()))


def _found_by(result: Result, clue: str) -> str:
    numbers = [
        passage.metadata["number"]
        for passage in result.get("evidence", [])
        if any(query["text"] == clue for query in passage.metadata["queries"])
    ]
    return "Found " + ", ".join(f"[{number}]" for number in numbers) if numbers else "Found no passage"
