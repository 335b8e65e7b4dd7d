"""Delete the library that is shown."""

import streamlit as st

from memorag_graph.errors import LibraryBusyError, MemoragError
from memorag_graph.ui import address
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_FAILED = "library_deletion_failed"


def offer(shared: Resources, name: str) -> None:
    """Offer to delete a library, with a second click to confirm, to those who may."""
    if not shared.may_write:
        return
    with st.popover("Delete this library", icon=":material/delete:", width="stretch"):
        st.markdown("Its documents, its memories and the conversations about it are deleted for all visitors.")
        st.button("Delete for good", type="primary", on_click=_delete, args=(shared, name))
    if told := st.session_state.pop(_FAILED, ""):
        st.error(escaped(told))


def _delete(shared: Resources, name: str) -> None:
    try:
        shared.visitor.require("writer")
        shared.libraries.open(name).close()  # waits for the memory in the making, while others can open libraries
        shared.libraries.delete(name)
        shared.forget(name)
    except LibraryBusyError:
        st.session_state[_FAILED] = "The library is being changed. Delete it when that is done."
    except MemoragError as error:
        st.session_state[_FAILED] = shared.told(error)
    else:
        address.go()
