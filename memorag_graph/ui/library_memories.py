"""Show how many documents of a library have a memory, while memories are made behind the answers."""

from collections.abc import Sequence

import streamlit as st

from memorag_graph.errors import MemoragError
from memorag_graph.library.memory_state import ListedDocument
from memorag_graph.ui import library_documents
from memorag_graph.ui.library_documents import Asked
from memorag_graph.ui.resources import Resources

_REFRESH_SECONDS = 2.0


def show(shared: Resources, name: str, listed: Sequence[ListedDocument]) -> None:
    """Show the sizes of a library, and a bar while memories are made.

    Args:
        shared: Holds the libraries.
        name: Name of the library.
        listed: All its documents.
    """
    moves = library_documents.is_moving(listed)
    st.fragment(_show, run_every=_REFRESH_SECONDS if moves else None)(shared, name, moves)


def _show(shared: Resources, name: str, moved: bool) -> None:
    try:
        listed = library_documents.documents(shared, Asked(name))
    except MemoragError:  # deleted meanwhile
        st.rerun()
    if moved and not library_documents.is_moving(listed):
        st.rerun()
    if moved:
        share = _share(listed)
        st.progress(share, text=f"Making the memories: {share:.0%}")
        st.caption("You can ask already: until they are made, answers come from a search of the texts alone.")
    figures = {
        "Documents": f"{len(listed):,}",
        "With a memory": f"{sum(it.memory == 'ready' for it in listed):,}",
        "Text": f"{sum(it.tokens for it in listed):,} tokens",
    }
    st.markdown("\n".join(f"- {what}: **{value}**" for what, value in figures.items()))


def _share(listed: Sequence[ListedDocument]) -> float:
    """Return the share of the memories that is made, by tokens."""
    return sum(it.memory_share * it.tokens for it in listed) / max(1, sum(it.tokens for it in listed))
