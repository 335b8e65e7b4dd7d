"""Show the conversation: answers, citations, and plain RAG for comparison."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from memorag_graph.documents.yearly_headings import named_year
from memorag_graph.ui import address, open_questions
from memorag_graph.ui.citation_links import follow, linked
from memorag_graph.ui.export import to_markdown
from memorag_graph.ui.panels import show_citation
from memorag_graph.ui.passages import escaped, place_of
from memorag_graph.ui.questions import Question
from memorag_graph.ui.resources import Resources
from memorag_graph.ui.sidebar import WAYS, Chosen, ways_of
from memorag_graph.ui.turn_parts import Turn

_LONGEST_PLACE = 24
_LONGEST_NAME = 40
_FIRST_WORDS = 3


def show(shared: Resources, chosen: Chosen, turns: Sequence[Turn], unanswered: Sequence[Question]) -> None:
    """Show the turns of the conversation, then the questions that have no answer yet."""
    follow(turns)
    for number, turn in enumerate(turns):
        _show_question(turn["result"]["asked"], turn.get("where"))
        _show_answers(shared, chosen, number, turn)
    for question in unanswered:
        open_questions.show(shared, question)
    if not turns and not unanswered:
        st.caption("Ask a question below. Answers cite what they are from; click a citation to see the passage.")


def ask(shared: Resources, chosen: Chosen, text: str) -> None:
    """Ask the session's memory or library as chosen."""
    question = Question(text.strip(), chosen.about, chosen.task, chosen.compare, chosen.options)
    shared.questions.ask(address.visit(), question)


def offer_export(shared: Resources, turns: Sequence[Turn]) -> None:
    """Offer the conversation as Markdown."""
    if turns:
        text = to_markdown(turns, shared.told)
        st.download_button("Export conversation", text, "conversation.md", "text/markdown", width="stretch")


def _show_question(question: str, where: Sequence[str] | None) -> None:
    with st.chat_message("user"):
        st.text(question)
        if where:
            st.caption(f":material/filter_alt: {escaped(', '.join(where))}")


def _show_answers(shared: Resources, chosen: Chosen, number: int, turn: Turn) -> None:
    with st.chat_message("assistant"):
        if "plain" in turn:
            plain, compared = st.columns(2)
            with plain:
                st.caption("Plain RAG")
                _show_answer(shared, f"{number}-plain", turn["plain"])
            with compared:
                st.caption(turn["result"]["task"])
                _show_answer(shared, f"{number}", turn["result"])
        else:
            _show_answer(shared, f"{number}", turn["result"])
        with st.container(horizontal=True):
            _offer_again(shared, chosen, number, turn["result"]["asked"])
            with st.popover("Copy", icon=":material/content_copy:"):
                st.code(turn["result"]["answer"], language=None, wrap_lines=True)


def _offer_again(shared: Resources, chosen: Chosen, number: int, asked: str) -> None:
    """Show a menu of the ways in which a question can be answered anew, with the settings chosen on the left."""
    ways = dict(ways_of(chosen.about))
    key = f"again-{number}"

    def again() -> None:
        ask(shared, replace(chosen, task=st.session_state[key] or chosen.task), asked)

    st.menu_button(
        "Ask again",
        ["", *ways],
        format_func=lambda task: ways.get(task, "As chosen on the left"),
        key=key,
        icon=":material/refresh:",
        on_click=again,
    )


def _show_answer(shared: Resources, key: str, result: Turn) -> None:
    if result["question"] != result["asked"]:
        st.caption(f"Understood as: {escaped(result['question'])}")
    st.markdown(linked(result["answer"], result["citations"], key) or "No answer found.")
    if result.get("basis") == "memory":
        st.caption("Recalled from memory, unverified.")
    for notice in result["notices"]:
        st.caption(f":material/info: {escaped(shared.told(notice))}")
    with st.container(horizontal=True):
        for position, citation in enumerate(result["citations"]):
            st.button(
                f"\\[{citation['number']}\\] {escaped(_short(citation))}",
                key=f"cite-{key}-{position}",
                help=escaped(place_of(citation)),
                on_click=show_citation,
                args=(result, citation),
            )
    st.caption(
        f"{WAYS[result['task']]} · Confidence {result['confidence']:.2f} · {sum(result['timings'].values()):.1f} s"
    )


def named_place(heading: str) -> str:
    """Return the beginning of a heading, or its year where that would be cut off."""
    shown, year = heading[:_LONGEST_PLACE], str(named_year(heading) or "")
    return shown if year in shown else year


def _short(citation: dict[str, Any]) -> str:
    """Return the page, label or section of a citation, and its first words or, in a library, its document."""
    page = citation.get("page")
    place = (
        f"p. {page}" if page is not None else named_place(str(citation.get("label") or citation.get("section") or ""))
    )
    if "version" in citation:
        return f"{citation['source'][:_LONGEST_NAME]} · {place}".removesuffix(" · ")
    return f"{place} · {' '.join(citation['quote'].split()[:_FIRST_WORDS])} …".removeprefix(" · ")
