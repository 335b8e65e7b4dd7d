"""What the page's address holds, so that a reload keeps it: a memory or one in the making, and the conversation."""

import secrets
from typing import NoReturn

import streamlit as st

_MEMORY = "memory"
_JOB = "job"
_TALK = "talk"


def memory_id() -> str:
    """Return the memory that the session asks; empty where there is none."""
    return str(st.query_params.get(_MEMORY, ""))


def job_key() -> str:
    """Return what is being memorized for the session; empty where nothing is."""
    return str(st.query_params.get(_JOB, ""))


def talk() -> str:
    """Return the name of the conversation, which nobody guesses; a new one where it has none."""
    if _TALK not in st.query_params:
        st.query_params[_TALK] = secrets.token_urlsafe(12)
    return str(st.query_params[_TALK])


def enter(*, memory: str = "", job: str = "") -> NoReturn:
    """Go to a memory, to one in the making, or to the beginning; the conversation ends."""
    given = {_MEMORY: memory, _JOB: job}
    st.query_params.from_dict({name: value for name, value in given.items() if value})
    st.session_state.pop("shown", None)
    st.rerun()
