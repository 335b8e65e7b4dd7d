"""Show questions without an answer yet: what is being done, the answer as it is written, and a button to stop."""

import streamlit as st

from memorag_graph.ui import address
from memorag_graph.ui.panels import show_citation
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.questions import Question
from memorag_graph.ui.resources import Resources

_STEPS = {
    "memorize": "Opening the memory",
    "route": "Choosing documents",
    "ask_memory": "Asking the memories",
    "contextualize": "Reading the conversation",
    "look_up": "Searching the document",
    "recall": "Asking the memory",
    "rewrite": "Asking the memory",
    "draft_answer": "Answering from memory",
    "outline": "Outlining from memory",
    "retrieve": "Searching the document",
    "assess": "Judging the passages",
    "retrieve_more": "Searching once more",
    "generate": "Writing the answer",
}


def show(shared: Resources, question: Question) -> None:
    """Show a question and its state."""
    with st.chat_message("user"):
        st.text(question.text)
    with st.chat_message("assistant"):
        if question.state == "waiting":
            st.caption(":material/schedule: Waits for the answer before.")
        elif question.state == "running":
            _watch(shared, question)
        else:
            _show_end(shared, question)


@st.fragment(run_every=0.3)
def _watch(shared: Resources, question: Question) -> None:
    visit = address.visit()
    if question not in shared.questions.open(visit):  # it was answered
        if turns := shared.conversations.get(question.subject, visit):
            show_citation(turns[-1]["result"])
        st.rerun()
    if question.state != "running":
        st.rerun()
    found = f" · {question.passages} passages found" if question.passages else ""
    st.caption(f"{_STEPS.get(question.step, 'Beginning')} … {question.seconds:.0f} s{found}")
    st.markdown(escaped(question.answer))
    st.button("Stop", icon=":material/stop_circle:", on_click=question.stop)


def _show_end(shared: Resources, question: Question) -> None:
    if question.state == "failed":
        if question.answer:  # it could not be kept
            st.markdown(escaped(question.answer))
        st.error(escaped(shared.told(question.error)))
    else:
        st.caption(":material/stop_circle: Stopped.")
    visit, key = address.visit(), id(question)
    with st.container(horizontal=True):
        st.button("Ask again", key=f"again-{key}", on_click=_ask_again, args=(shared, visit, question))
        st.button("Remove", key=f"remove-{key}", on_click=shared.questions.drop, args=(visit, question))


def _ask_again(shared: Resources, visit: str, question: Question) -> None:
    shared.questions.drop(visit, question)
    shared.questions.ask(
        visit, Question(question.text, question.about, question.task, question.compares, question.options)
    )
