"""The titles of the memories of a store, and a list of them to open one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from memorag_graph.memory.storage.given_names import name_of
from memorag_graph.ui import address
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

MANY = 8
"""From more memories than this on, the list can be searched."""

_MOST_SHOWN = 12
_SHORT = 6


def titles(shared: Resources) -> dict[str, str]:
    """Return titles by memory id, the most recently used first; equal titles get the start of the id appended."""
    store = shared.registry.store
    named = {info["memory_id"]: _title(info, name_of(store, info["memory_id"])) for info in store.memories()}
    counts = Counter(named.values())
    return {key: f"{title} · {key[:_SHORT]}" if counts[title] > 1 else title for key, title in named.items()}


def offer(shared: Resources) -> None:
    """Show the memories to open one; where there are many, with a box to search them by name."""
    known = titles(shared)
    if not known:
        return
    st.markdown("##### Or open a memory")
    wanted = ""
    if len(known) > MANY:
        wanted = st.text_input("Search memories", placeholder="Search by name", label_visibility="collapsed")
    found = matching(known, wanted)
    with st.container(horizontal=True):
        for memory_id in found[:_MOST_SHOWN]:
            st.button(
                escaped(known[memory_id]),
                icon=":material/description:",
                key=f"open-{memory_id}",
                on_click=_open,
                args=(memory_id,),
            )
    if not found:
        st.caption("No memory has such a name.")
    elif len(found) > _MOST_SHOWN:
        st.caption(f"and {len(found) - _MOST_SHOWN} more; search by name")


def matching(known: Mapping[str, str], wanted: str) -> Sequence[str]:
    """Return the ids of the titles that contain all words of a search, whatever their case."""
    words = wanted.casefold().split()
    return [key for key, title in known.items() if all(word in title.casefold() for word in words)]


def _title(info: Mapping[str, Any], name: str) -> str:
    names = name or ", ".join(document["source"] for document in info["documents"])
    return f"{names} ({sum(document['tokens'] for document in info['documents']):,} tokens)"


def _open(memory_id: str) -> None:
    address.go(memory=memory_id)
