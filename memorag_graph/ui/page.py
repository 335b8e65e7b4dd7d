"""The demo's page; ``launch.py`` starts it, and Streamlit reruns it for each interaction."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from memorag_graph.errors import MemoragError
from memorag_graph.open_memory import OpenMemory
from memorag_graph.ui import (
    address,
    conversation,
    example,
    job_progress,
    library_page,
    library_start,
    memory_changes,
    memory_documents,
    memory_list,
    memory_progress,
    panels,
    past_conversations,
    upload,
    visitor,
)
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources, resources
from memorag_graph.ui.sidebar import Chosen, settings
from memorag_graph.ui.stacked import stacked

STYLE = """
<style>
[data-testid="stMainBlockContainer"] { padding: 3rem 2.5rem 1rem; }
[data-testid="stBottomBlockContainer"] { padding-left: 2.5rem; padding-right: 2.5rem; }
.st-key-side-by-side { --talk: calc(100vh - 12.5rem); --beside: var(--talk); }
body:has(.st-key-library-head) .st-key-side-by-side { --talk: calc(100vh - 16.5rem); }
.st-key-library-head h3 { padding: 0; }
.st-key-library_panel button { padding-left: 0.5rem; padding-right: 0.5rem; }
@media (max-width: 640px) {  /* stacked, the conversation next to the input */
  [data-testid="stMainBlockContainer"] { padding: 3rem 1rem 1rem; }
  [data-testid="stBottomBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
  .st-key-side-by-side { --talk: 36vh; --beside: 27vh; }
  body:has(.st-key-library-head) .st-key-side-by-side { --talk: 30vh; --beside: 25vh; }
  body:has(.st-key-documents) .st-key-side-by-side { --talk: 14vh; --beside: 41vh; }
  body:has(.page) .st-key-side-by-side { --talk: 25vh; --beside: 38vh; }
  body:has(.st-key-library-head):has(.page) .st-key-side-by-side { --talk: 19vh; --beside: 36vh; }
  .st-key-library-head { padding-top: 0.75rem; }
  .st-key-library-head h3 { min-height: 2.5rem; }
  .passage .far { display: none; }
  .st-key-side-by-side [data-testid="stHorizontalBlock"]:has(.st-key-talk) {
    flex-direction: column-reverse; gap: 1rem;
  }
}
.st-key-talk, :has(> .st-key-talk) { height: var(--talk) !important; flex-basis: var(--talk) !important; }
.st-key-beside, :has(> .st-key-beside) { height: var(--beside) !important; flex-basis: var(--beside) !important; }
.passage { white-space: pre-wrap; line-height: 1.55; border-left: 3px solid #2a6f97; padding: 0.4rem 0 0.4rem 1rem; }
[data-testid="stCaptionContainer"] { color: inherit !important; opacity: 0.8; }  /* enough contrast to be read */
.passage mark { background: #ffe08a; color: #222; padding: 0 0.1em; border-radius: 2px; }
.page { max-height: calc(var(--beside) - 9.5rem); min-height: 9rem; overflow: auto; background: #888; }
.page { border: 1px solid rgba(128, 128, 128, 0.5); }
[role="dialog"] .page { max-height: 78vh; }
.sheet { position: relative; min-width: 30rem; background: #fff; }
.sheet + .sheet { margin-top: 0.5rem; }
.sheet img { display: block; width: 100%; height: auto; }
.sheet mark { position: absolute; background: #ffd84d; mix-blend-mode: multiply; border-radius: 2px; }
.sheet mark { forced-color-adjust: none; }
.sheet .begin { position: absolute; width: 1px; height: 1px; scroll-margin: 3rem 1.5rem; animation: into-view 0.1s; }
.page { animation: snaps 0.1s; }
@keyframes into-view { from, to { scroll-snap-align: start; } }  /* shows the mark first, then scrolls freely */
@keyframes snaps { from, to { scroll-snap-type: both mandatory; } }
.cited-rows { overflow-x: auto; }
.cited-rows table { border-collapse: collapse; font-size: 0.875rem; }
.cited-rows th, .cited-rows td { text-align: left; padding: 0.3rem 0.6rem; border: 1px solid rgba(128, 128, 128, 0.4); }
.cited-rows td { background: rgba(255, 216, 77, 0.25); }
[class*="st-key-past-"] { flex-wrap: nowrap !important; }
[class*="st-key-past-"] > :first-child { flex: 1 1 0 !important; min-width: 0; }
[class*="st-key-past-"] button p { text-align: left; }
[class*="st-key-past-"] [data-testid="stPopover"] p {  /* read out, not shown */
  position: absolute; width: 1px; height: 1px; clip-path: inset(50%);
}
.visitor { font-size: 0.875rem; overflow-wrap: anywhere; }
.visitor form { display: inline; }
.visitor button { all: unset; cursor: pointer; text-decoration: underline; }
.visitor button:focus-visible { outline: revert; outline-offset: 2px; }
.documents { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
.documents th, .documents td { text-align: left; padding: 0.3rem 0.6rem 0.3rem 0; }
.documents tr { border-bottom: 1px solid rgba(128, 128, 128, 0.3); }
.documents .number { text-align: right; }
.documents .name { overflow-wrap: anywhere; }
</style>
"""
_FEW, _MANY = "A few documents", "A library of many"
_LONGEST_QUESTION = 4000
_HEIGHT = 640
"""Pixels; setting a height makes the columns scroll separately, and STYLE overrides the value."""


def main() -> None:
    """Show the page."""
    st.set_page_config(page_title="memorag_graph", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide")
    st.html(STYLE)
    if (shared := resources()) is None:
        return
    with st.sidebar:
        st.markdown("## memorag_graph")
        visitor.show(shared)
        missing = upload.choose(shared)
        chosen = settings(shared.options, of_library=bool(address.library()), any_model=shared.is_operator)
    if missing:
        st.warning(missing)
    if address.library():
        job_progress.forget()
        library_page.show(shared, chosen, address.library())
        return
    if not address.memory_id():
        _show_start(shared, chosen)
        return
    question = st.chat_input("Ask the document", max_chars=_LONGEST_QUESTION)
    opened = _open(shared, chosen)
    if opened is None:
        return
    job_progress.forget()
    chosen = replace(chosen, about={"memory_id": address.memory_id()})
    if asked := (question or example.first_question()).strip():
        conversation.ask(shared, chosen, asked)
    unanswered = shared.questions.open(address.visit())  # before the turns, so that no question is in neither
    turns = shared.conversations.get(address.memory_id(), address.visit())
    with st.container(key="side-by-side"):
        left, right = st.columns([3, 2], gap="large")
    with left, st.container(height=_HEIGHT, border=False, key="talk"):
        conversation.show(shared, chosen, turns, unanswered)
    with right, st.container(height=_HEIGHT, border=False, key="beside"):
        panels.show(shared, opened, turns)
    with st.sidebar:
        stacked(
            lambda: past_conversations.show(shared, memory=address.memory_id()),
            lambda: memory_progress.show(shared, opened),
            lambda: panels.show_statistics(shared, opened),
            lambda: conversation.offer_export(shared, turns),
            lambda: memory_documents.offer(shared, opened, chosen.options),
            lambda: memory_changes.offer(shared),
        )


def _show_start(shared: Resources, chosen: Chosen) -> None:
    """Show the running job or, if there is none, the upload."""
    if job_progress.show(shared):
        return
    st.markdown(
        "### Ask questions about long documents\n"
        "A model reads them once and remembers. Every answer cites the passages that support it; a click shows them. "
        "Upload text, PDF, DOCX, EPUB, HTML, Markdown or e-mail files, or choose a memory or library on the left."
    )
    kinds = (_FEW, _MANY)
    if st.segmented_control("Kind", kinds, default=_FEW, key="kind", label_visibility="collapsed") == _MANY:
        library_start.offer(shared)
    elif shared.may_write:
        upload.offer_upload(shared, chosen.options)
        memory_list.offer(shared)
        example.offer(shared, chosen)
    else:
        st.info("Your key may ask, but not memorize. Choose a memory, or a library under “A library of many”.")
        memory_list.offer(shared)


def _open(shared: Resources, chosen: Chosen) -> OpenMemory | None:
    """Return the session's memory; show the error and return None if it cannot be opened."""
    try:
        with st.spinner("Opening the memory …"):
            return shared.registry.open(address.memory_id(), chosen.options)
    except MemoragError as error:
        st.error(escaped(shared.told(error)))
        return None


main()
