"""Show the conversation: streamed answers, citations, and plain RAG for comparison."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import streamlit as st
from langchain_core.messages import AIMessageChunk, BaseMessage

from memorag_graph.cancellation import Cancellation
from memorag_graph.errors import MemoragError
from memorag_graph.follow_ups.conversation_turns import conversation
from memorag_graph.langchain.runnable import ANSWERING_NODES
from memorag_graph.ui import address
from memorag_graph.ui.conversation_store import Turn
from memorag_graph.ui.export import to_markdown
from memorag_graph.ui.panels import show_citation
from memorag_graph.ui.passages import escaped, place_of
from memorag_graph.ui.resources import Resources
from memorag_graph.ui.sidebar import Chosen

_PLAIN = "lookup"
_LONGEST_PLACE = 24
_FIRST_WORDS = 3


def show(shared: Resources, chosen: Chosen, turns: Sequence[Turn], question: str | None) -> None:
    """Show the conversation and answer a new question."""
    for number, turn in enumerate(turns):
        _show_question(turn["result"]["asked"])
        _show_answers(number, turn)
    if not turns and not question:
        st.caption("Ask a question below. Answers cite the document; click a citation to see the passage.")
    if question and question.strip():
        _show_question(question)
        _answer(shared, chosen, turns, question)


def offer_export(turns: Sequence[Turn]) -> None:
    """Offer the conversation as Markdown."""
    if turns:
        text = to_markdown(turns)
        st.download_button("Export conversation", text, "conversation.md", "text/markdown", width="stretch")


def _show_question(question: str) -> None:
    with st.chat_message("user"):
        st.text(question)


def _answer(shared: Resources, chosen: Chosen, turns: Sequence[Turn], question: str) -> None:
    turn: Turn = {}
    visit = address.visit()
    messages = conversation([turn["result"] for turn in turns], question)
    with st.chat_message("assistant"):
        try:
            if chosen.compare:
                st.caption("Plain RAG")
                turn["plain"] = _run(shared, chosen, messages, _PLAIN)
                st.caption(chosen.task)
            turn["result"] = _run(shared, chosen, messages, chosen.task)
        except MemoragError as error:
            st.error(escaped(str(error)))
            return
    shared.conversations.add(visit, turn)
    show_citation(turn["result"])
    st.rerun()


def _run(shared: Resources, chosen: Chosen, messages: Sequence[BaseMessage], task: str) -> Turn:
    """Run the graph and show the answer as it is generated."""
    result: Turn = {}
    inputs: Any = {"memory_id": address.memory_id(), "messages": messages, "task_type": task}

    def tokens() -> Iterator[str]:
        nonlocal result
        for mode, event in shared.graph.stream(inputs, context=chosen.options, stream_mode=["messages", "values"]):
            if mode == "values":
                result = cast("Turn", event)
                continue
            chunk, metadata = cast("tuple[Any, dict[str, Any]]", event)
            if isinstance(chunk, AIMessageChunk) and metadata.get("langgraph_node") in ANSWERING_NODES:
                yield escaped(str(chunk.text))

    with Cancellation().until_left(), st.spinner("Recalling, searching, answering …"):
        st.write_stream(tokens)
    return result


def _show_answers(number: int, turn: Turn) -> None:
    with st.chat_message("assistant"):
        if "plain" not in turn:
            _show_answer(f"{number}", turn["result"])
            return
        plain, compared = st.columns(2)
        with plain:
            st.caption("Plain RAG")
            _show_answer(f"{number}-plain", turn["plain"])
        with compared:
            st.caption(turn["result"]["task"])
            _show_answer(f"{number}", turn["result"])


def _show_answer(key: str, result: Turn) -> None:
    if result["question"] != result["asked"]:
        st.caption(f"Understood as: {escaped(result['question'])}")
    st.markdown(escaped(result["answer"]) or "No answer found.")
    if result.get("basis") == "memory":
        st.caption("Recalled from memory, unverified.")
    for notice in result["notices"]:
        st.caption(f":material/info: {escaped(notice)}")
    with st.container(horizontal=True):
        for position, citation in enumerate(result["citations"]):
            st.button(
                f"\\[{citation['number']}\\] {escaped(_short(citation))}",
                key=f"cite-{key}-{position}",
                help=escaped(place_of(citation)),
                on_click=show_citation,
                args=(result, citation),
            )
    st.caption(f"Confidence {result['confidence']:.2f} · {sum(result['timings'].values()):.1f} s")


def _short(citation: dict[str, Any]) -> str:
    """Return the page, label or section of a citation and its first words."""
    page = citation.get("page")
    named = str(citation.get("label") or citation.get("section") or "")[:_LONGEST_PLACE]
    place = f"p. {page}" if page is not None else named
    return f"{place} · {' '.join(citation['quote'].split()[:_FIRST_WORDS])} …".removeprefix(" · ")
