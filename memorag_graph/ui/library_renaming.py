"""Rename the library that is shown."""

import streamlit as st

from memorag_graph.errors import InputError, LibraryBusyError, MemoragError
from memorag_graph.library.library import Library
from memorag_graph.ui import address
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

LONGEST_NAME = 64
"""Characters."""


def offer(shared: Resources, library: Library, name: str) -> None:
    """Offer to rename a library to those who may; one on an object store keeps its name."""
    if not shared.may_write or library.place.is_remote:
        return
    with st.popover("Rename this library", icon=":material/edit:", width="stretch"):
        new = st.text_input(
            "New name",
            name,
            max_chars=LONGEST_NAME,
            key=f"new-name-{name}",
            help="All who use this library see it by its new name. Programs have to ask it by that, too.",
        ).strip()
        if st.button("Rename", type="primary") and new != name:
            _rename(shared, name, new)


def _rename(shared: Resources, name: str, new: str) -> None:
    try:
        shared.visitor.require("writer")
        if any(it.is_open for it in shared.changes.of(name, address.visit())):
            raise LibraryBusyError("the library is being changed")
        shared.libraries.rename(name, new)
    except LibraryBusyError:
        st.error("The library is being changed. Rename it when that is done.")
    except InputError as error:
        st.error(escaped(str(error).removeprefix("library: ")))
    except MemoragError as error:
        st.error(escaped(shared.told(error)))
    else:
        shared.moved(name, new)
        address.enter(library=new, visit=address.visit())
