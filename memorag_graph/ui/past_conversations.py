"""List the visitor's conversations about what is shown, to open one again, begin another, or delete one."""

import time

import streamlit as st

from memorag_graph.errors import MemoragError
from memorag_graph.kept_turns import Conversation
from memorag_graph.ui import address
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_MOST_SHOWN = 30
_LONGEST_TITLE = 60
_FAILED = "conversation_not_deleted"
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def show(shared: Resources, *, memory: str = "", library: str = "") -> None:
    """Show the conversations about a memory or library, the latest first; nothing if there is none."""
    if told := st.session_state.pop(_FAILED, ""):
        st.error(escaped(told))
    found = shared.conversations.about(memory or library)
    if not found:
        return
    with st.expander(f"Conversations ({len(found)})", icon=":material/forum:", key="conversations"):
        is_new = all(it.visit != address.visit() for it in found)
        st.button(
            "New conversation",
            icon=":material/add:",
            width="stretch",
            disabled=is_new,
            on_click=_open,
            args=(memory, library, ""),
        )
        for conversation in found[:_MOST_SHOWN]:
            _show(shared, memory, library, conversation)
        if len(found) > _MOST_SHOWN:
            st.caption(f"and {len(found) - _MOST_SHOWN} older ones")


def age(seconds: float) -> str:
    """Return how long ago something was, in its largest unit."""
    for size, unit in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def _show(shared: Resources, memory: str, library: str, conversation: Conversation) -> None:
    is_shown = conversation.visit == address.visit()
    title = " ".join(conversation.title.split())
    short = title if len(title) <= _LONGEST_TITLE else f"{title[:_LONGEST_TITLE].rstrip()} …"
    asked = conversation.questions
    told = f"{asked} question{'' if asked == 1 else 's'}, {age(time.time() - conversation.changed)}"
    whole = "" if short == title else f"{escaped(title)}\n\n"
    with st.container(horizontal=True, vertical_alignment="center", key=f"past-{conversation.visit}"):
        st.button(
            escaped(short),
            key=f"open-{conversation.visit}",
            type="secondary" if is_shown else "tertiary",
            help=f"{whole}{told}",
            on_click=_open,
            args=(memory, library, conversation.visit),
        )
        with st.popover(f"Delete “{escaped(short)}”", icon=":material/delete:", type="tertiary"):  # shown as its icon
            st.button(
                "Delete for good",
                type="primary",
                key=f"delete-{conversation.visit}",
                on_click=_delete,
                args=(shared, memory, library, conversation.visit),
            )


def _open(memory: str, library: str, visit: str) -> None:
    address.go(memory=memory, library=library, visit=visit)


def _delete(shared: Resources, memory: str, library: str, visit: str) -> None:
    for question in shared.questions.open(visit):
        shared.questions.drop(visit, question)
    try:
        shared.conversations.delete(memory or library, visit)
    except MemoragError as error:
        st.session_state[_FAILED] = shared.told(error)
        return
    if visit == address.visit():
        address.go(memory=memory, library=library)
