"""Rename or delete the memory that is shown."""

import streamlit as st

from memorag_graph.errors import MemoragError
from memorag_graph.memory.storage import given_names
from memorag_graph.ui import address
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_FAILED = "change_failed"
_RENAMED = "times_renamed"


def offer(shared: Resources) -> None:
    """Offer to rename the session's memory, or to delete it with a second click to confirm, to those who may."""
    if not shared.may_write:
        return
    memory_id = address.memory_id()
    times = st.session_state.get(_RENAMED, 0)  # a new key closes it
    with st.popover("Rename this memory", icon=":material/edit:", width="stretch", key=f"rename-{times}"):
        key = f"name-{memory_id}-{times}"
        st.text_input(
            "Name",
            given_names.name_of(shared.registry.store, memory_id),
            max_chars=given_names.LONGEST_NAME,
            placeholder="As its documents",
            key=key,
            help="Shown in lists instead of the names of its documents, to all who see this memory.",
        )
        st.button("Rename", type="primary", on_click=_rename, args=(shared, memory_id, key))
    with st.popover("Delete this memory", icon=":material/delete:", width="stretch"):
        st.markdown(
            "The memory, its index, uploaded PDF files and conversations about it are deleted for all visitors."
        )
        st.button("Delete for good", type="primary", on_click=_delete, args=(shared, memory_id))
    if told := st.session_state.pop(_FAILED, ""):
        st.error(escaped(told))


def _rename(shared: Resources, memory_id: str, key: str) -> None:
    try:
        shared.visitor.require("writer")
        given_names.rename(shared.registry.store, memory_id, st.session_state[key])
    except MemoragError as error:
        st.session_state[_FAILED] = shared.told(error)
    else:
        st.session_state[_RENAMED] = st.session_state.get(_RENAMED, 0) + 1


def _delete(shared: Resources, memory_id: str) -> None:
    try:
        shared.visitor.require("writer")
        shared.registry.delete(memory_id)
        shared.forget(memory_id)
    except MemoragError as error:
        st.session_state[_FAILED] = shared.told(error)
    else:
        address.go()
