"""Delete the memory that is shown."""

import streamlit as st

from memorag_graph.errors import MemoragError
from memorag_graph.ui import address
from memorag_graph.ui.resources import Resources

_FAILED = "deletion_failed"


def offer_deletion(shared: Resources) -> None:
    """Offer to delete the session's memory, with a second click to confirm."""
    with st.popover("Delete this memory", icon=":material/delete:", width="stretch"):
        st.markdown("The memory, its index and the PDF files that were uploaded are deleted for all visitors.")
        st.button("Delete for good", type="primary", on_click=_delete, args=(shared, address.memory_id()))
    if told := st.session_state.pop(_FAILED, ""):
        st.error(told)


def _delete(shared: Resources, memory_id: str) -> None:
    try:
        shared.registry.delete(memory_id)
    except MemoragError as error:
        st.session_state[_FAILED] = str(error)
    else:
        address.go()
