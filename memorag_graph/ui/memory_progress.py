"""Show how far the memory is that is made behind the answers."""

import streamlit as st

from memorag_graph.open_memory import OpenMemory
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources


def show(shared: Resources, opened: OpenMemory) -> None:
    """Show a bar while a memory is being made; nothing for one that is made."""
    if not opened.memory.is_whole:
        _watch(shared, opened.memory.id)


@st.fragment(run_every=1.0)
def _watch(shared: Resources, memory_id: str) -> None:
    registry = shared.registry
    if not registry.is_begun(memory_id):
        st.rerun()
    if fault := registry.behind.worker.fault(memory_id):
        st.warning(f"The memory could not be made: {escaped(shared.told(fault))}")
        return
    share = registry.behind.share(memory_id)
    st.progress(share, text=f"Making the memory: {share:.0%}")
    st.caption("You can ask already: until it is made, answers come from a search of the text alone.")
