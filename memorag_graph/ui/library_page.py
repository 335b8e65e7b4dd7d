"""The page of a library: the conversation, beside it the documents or the cited passage, and a filter over both."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st

from memorag_graph.errors import InputError, LibraryError, MemoragError
from memorag_graph.library.library import Library
from memorag_graph.library.memory_state import ListedDocument
from memorag_graph.text.chunking import Chunk
from memorag_graph.ui import (
    address,
    conversation,
    library_deletion,
    library_documents,
    library_memories,
    library_renaming,
    panels,
    past_conversations,
)
from memorag_graph.ui.cited_page import CitedDocument
from memorag_graph.ui.library_documents import Asked
from memorag_graph.ui.library_files import parts
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources
from memorag_graph.ui.sidebar import Chosen
from memorag_graph.ui.stacked import stacked
from memorag_graph.ui.turn_parts import Turn

DOCUMENTS = "Documents"
PANELS = {
    DOCUMENTS: DOCUMENTS,
    panels.DOCUMENT: "Passage",
    panels.EVIDENCE: panels.EVIDENCE,
    panels.RECALLED: panels.RECALLED,
    panels.PATH: panels.PATH,
}
"""The panels of a library, and their titles."""

_LONGEST_QUESTION = 4000
_LONGEST_FILTER = 1000
_HEIGHT = 640
"""Pixels; the page's style overrides it."""


def show(shared: Resources, chosen: Chosen, name: str) -> None:
    """Show a library."""
    with st.container(key="library-head"):
        head, filtering = st.columns([3, 2], gap="large", vertical_alignment="center")
    head.markdown(f"### :material/library_books: {escaped(name)}")
    with filtering:
        asked = Asked(name, tuple(parts(_choose_filter(name))))
    try:
        library = shared.libraries.open(name)
        everything = library_documents.documents(shared, Asked(name))
        listed = _listed(shared, asked) if everything else []
    except MemoragError as error:
        st.error(escaped(shared.told(error)))
        return
    chosen = replace(chosen, about={"library": name, "where": list(asked.where) or None})
    if question := _question(everything, listed).strip():
        _ask(shared, chosen, library, question)
    unanswered = shared.questions.open(address.visit())  # before the turns, so that no question is in neither
    turns = shared.conversations.get(name, address.visit())
    with st.container(key="side-by-side"):
        left, right = st.columns([3, 2], gap="large")
    with left, st.container(height=_HEIGHT, border=False, key="talk"):
        conversation.show(shared, chosen, turns, unanswered)
    with right, st.container(height=_HEIGHT, border=False, key="beside"):
        _show_beside(shared, library, asked, listed, turns)
    with st.sidebar:
        stacked(
            lambda: past_conversations.show(shared, library=name),
            lambda: library_memories.show(shared, name, everything),
            lambda: conversation.offer_export(shared, turns),
            lambda: library_renaming.offer(shared, library, name),
            lambda: library_deletion.offer(shared, name),
        )


def _listed(shared: Resources, asked: Asked) -> Sequence[ListedDocument]:
    """Return the documents that are asked; none, and tell why, if the filter cannot be used.

    Raises:
        MemoragError: If the library cannot be read.
    """
    try:
        return library_documents.documents(shared, asked)
    except InputError as error:
        st.error(f"The filter cannot be used: {escaped(str(error).removeprefix('where: ').removeprefix('where.'))}.")
        return []


def _question(everything: Sequence[ListedDocument], listed: Sequence[ListedDocument]) -> str:
    """Show the box for questions, and return what was asked."""
    placeholder = "Ask the documents"
    if not listed:
        placeholder = "No document fits the filter" if everything else "There is no document to ask yet"
    return st.chat_input(placeholder, max_chars=_LONGEST_QUESTION, disabled=not listed, key="question") or ""


def _ask(shared: Resources, chosen: Chosen, library: Library, question: str) -> None:
    conversation.ask(shared, chosen, question)
    if library.memory == "when_asked" and chosen.task != "lookup":
        library.worker.wake(library.memories)  # behind the answer, as nobody would wait so long for it


def _show_beside(
    shared: Resources, library: Library, asked: Asked, listed: Sequence[ListedDocument], turns: Sequence[Turn]
) -> None:
    """Show the chosen panel; the documents as long as there is no answer."""
    found = panels.selected(turns)
    panel = DOCUMENTS
    if found is not None:
        panel = (
            st.segmented_control(
                "Show", list(PANELS), key="library_panel", label_visibility="collapsed", format_func=PANELS.__getitem__
            )
            or DOCUMENTS
        )
    if found is None or panel == DOCUMENTS:
        with st.container(key="documents"):
            library_documents.show(shared, asked, listed)
    elif panel == panels.DOCUMENT:
        panels.show_passage(found[1], lambda citation: _cited(library, citation))
    else:
        panels.show_of_result(shared, panel, found[0])


def _cited(library: Library, citation: dict[str, Any]) -> CitedDocument | None:
    """Return the version of a document that is cited; None if it was removed."""
    name, version = citation["source"], citation["version"]
    for entry in library.stores.catalogue.entries():
        if (entry.name, entry.version) == (name, version):
            with suppress(LibraryError):  # removed meanwhile
                document = library.stores.document(entry)
                chunks = [Chunk(name, 0, 0, len(document.text), document.text)]
                return CitedDocument(chunks, document.page_map, library.stores.originals.find(entry.text_sha256))
    return None


def _choose_filter(name: str) -> str:
    """Show the filter, which the URL keeps, and return what is written in it."""
    key = f"filter-{name}"
    st.session_state.setdefault(key, address.where())
    written = st.text_input(
        "Filter",
        key=key,
        max_chars=_LONGEST_FILTER,
        placeholder="Filter, such as pages>=10, year=2021",
        label_visibility="collapsed",
        icon=":material/filter_alt:",
        on_change=lambda: address.choose_where(st.session_state[key].strip()),
        help="Only documents that fit are shown and asked. Conditions are divided by commas.",
    )
    return written.strip()
