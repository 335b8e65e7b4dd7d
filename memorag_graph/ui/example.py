"""The example that a first visitor can ask with one click, memorized when the demo is first started."""

from functools import cache
from pathlib import Path

import streamlit as st

from memorag_graph.documents import Document, read_document
from memorag_graph.settings import RunOptions
from memorag_graph.ui import job_progress
from memorag_graph.ui.jobs import Job
from memorag_graph.ui.memory_work import Memorizing
from memorag_graph.ui.resources import Demo, Resources
from memorag_graph.ui.sidebar import Chosen

QUESTIONS = (
    "When did the Garrow Bridge reopen?",
    "How did net debt change over the years?",
    "Summarize the letters.",
)
_NAME = "skerrow_letters.txt"
_PLACES = (Path(__file__).with_name(_NAME), Path(__file__).parents[2] / "examples" / _NAME)
"""In an installed package, and in the repository."""

_FIRST_QUESTION = "first_question"


def memorize_beforehand(demo: Demo) -> Job | None:
    """Begin to memorize the example where the demo has no memories yet and never had any; return the job.

    Where visitors log in they do that themselves, by their first click: it counts for what their tenant may use.
    """
    visitor, document = demo.visitors.find({}, {}), _document()
    if visitor is None or document is None:
        return None
    shared = demo.resources(visitor)
    if shared.registry.store.root.exists():
        return None
    return shared.jobs.start(_memorizing(shared, shared.options, document))


def offer(shared: Resources, chosen: Chosen) -> None:
    """Show questions about the example document; a click asks one."""
    if (document := _document()) is None:
        return
    st.markdown("##### Or try an example")
    st.caption("Ten letters of a ferry company's chairman to its shareholders, 21,000 tokens; all of it is invented.")
    for question in QUESTIONS:
        if st.button(question, icon=":material/chat_bubble_outline:", key=f"example-{question}"):
            st.session_state[_FIRST_QUESTION] = question
            job_progress.begin(shared, _memorizing(shared, chosen.options, document))


def first_question() -> str:
    """Return the question with which the visitor began, once; empty if there is none."""
    return str(st.session_state.pop(_FIRST_QUESTION, ""))


@cache
def _document() -> Document | None:
    place = next((it for it in _PLACES if it.exists()), None)
    return read_document(place, name=_NAME) if place else None


def _memorizing(shared: Resources, options: RunOptions, document: Document) -> Memorizing:
    if options.memory == "now":
        options = options.model_copy(update={"memory": "background"})  # it can be asked as soon as it is indexed
    return Memorizing(shared.scope(options), [document])
