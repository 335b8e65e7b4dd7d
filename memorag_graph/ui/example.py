"""The example that a first visitor can ask with one click."""

from pathlib import Path
from typing import NoReturn

import streamlit as st

from memorag_graph.documents import Document, read_document
from memorag_graph.ui import job_progress
from memorag_graph.ui.memory_work import Memorizing
from memorag_graph.ui.resources import Resources
from memorag_graph.ui.sidebar import Chosen

QUESTIONS = (
    "When did the Garrow Bridge reopen?",
    "Which ships worked while the bridge was closed?",
    "Summarize the letters.",
)
_NAME = "skerrow_letters.txt"
_PLACES = (Path(__file__).with_name(_NAME), Path(__file__).parents[2] / "examples" / _NAME)
"""In an installed package, and in the repository."""

_FIRST_QUESTION = "first_question"


def offer(shared: Resources, chosen: Chosen) -> None:
    """Show questions about the example document; a click asks one."""
    place = next((it for it in _PLACES if it.exists()), None)
    if place is None:
        return
    st.markdown("##### Or try an example")
    st.caption("Ten letters of a ferry company's chairman to its shareholders, 21,000 tokens; all of it is invented.")
    for question in QUESTIONS:
        if st.button(question, icon=":material/chat_bubble_outline:", key=f"example-{question}"):
            _begin(shared, chosen, read_document(place, name=_NAME), question)


def first_question() -> str:
    """Return the question with which the visitor began, once; empty if there is none."""
    return str(st.session_state.pop(_FIRST_QUESTION, ""))


def _begin(shared: Resources, chosen: Chosen, document: Document, question: str) -> NoReturn:
    st.session_state[_FIRST_QUESTION] = question
    options = chosen.options.model_copy(update={"memory": "background"})  # an answer is wanted at once
    job_progress.begin(shared, Memorizing(shared.scope(options), [document]))
