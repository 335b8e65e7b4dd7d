"""Make a library, or open one that exists, on the start page."""

import streamlit as st

from memorag_graph.errors import InputError, MemoragError, MissingExtraError
from memorag_graph.ui import address, library_files
from memorag_graph.ui.library_names import library_names
from memorag_graph.ui.library_renaming import LONGEST_NAME
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources


def offer(shared: Resources) -> None:
    """Show a form for a new library to those who may make one, and the libraries that exist."""
    if shared.may_write:
        _offer_new(shared)
    if names := library_names(shared):
        st.markdown("##### Or open a library" if shared.may_write else "##### Open a library")
        with st.container(horizontal=True):
            for known in names:
                st.button(known, icon=":material/library_books:", key=f"open-{known}", on_click=_open, args=(known,))


def _offer_new(shared: Resources) -> None:
    st.markdown(
        "Drop many files at once and ask them all a few seconds later. Answers name the document, page and section; "
        "documents can be added and removed at any time. A model reads them meanwhile and remembers."
    )
    name = st.text_input("Name of the library", placeholder="annual-reports", max_chars=LONGEST_NAME).strip()
    chosen = library_files.choose()
    if st.button("Make the library", type="primary", disabled=not chosen.files, width="stretch"):
        try:
            with st.spinner("Making the library …"):
                _make(shared, name, chosen)
        except MemoragError as error:
            st.error(escaped(shared.told(error).removeprefix("library: ").removeprefix("fields: ")))


def _make(shared: Resources, name: str, chosen: library_files.Chosen) -> None:
    """Make a library, start to take in the files, and show it.

    Raises:
        InputError: If the name or the fields cannot be used, or there is a library of that name.
        MemoragError: If it cannot be made.
    """
    if not name:
        raise InputError("library", "Give the library a name.")
    if name in shared.libraries.names():
        raise InputError(
            "library", f"There is a library {name!r} already. Open it and add files there, or choose another name."
        )
    shared.visitor.require("writer")
    fields = library_files.read_fields(chosen.written)
    try:
        shared.libraries.create(name)
    except MissingExtraError:
        shared.libraries.delete(name)  # empty, and of no use
        raise
    visit = address.new_name()
    library_files.take_in(shared, name, visit, chosen, fields)
    address.enter(library=name, visit=visit)


def _open(name: str) -> None:
    address.go(library=name)
