"""Keep the ids of the memory, the job and the visit in the page's URL, so that they survive a reload."""

import re
import secrets
from typing import NoReturn

import streamlit as st

_MEMORY = "memory"
_JOB = "job"
_VISIT = "visit"
_NAME = re.compile(r"[\w-]{16,64}")


def memory_id() -> str:
    """Return the id of the session's memory; empty if there is none."""
    return str(st.query_params.get(_MEMORY, ""))


def job_key() -> str:
    """Return the key of the session's job; empty if there is none."""
    return str(st.query_params.get(_JOB, ""))


def visit() -> str:
    """Return the random id of this visit to a memory or job; it also identifies the conversation."""
    if not _NAME.fullmatch(str(st.query_params.get(_VISIT, ""))):
        st.query_params[_VISIT] = new_name()
    return str(st.query_params[_VISIT])


def go(*, memory: str = "", job: str = "", visit: str = "") -> None:
    """Change the URL to a memory, a job or the start page; begin a new visit unless one is given."""
    parameters = {_MEMORY: memory, _JOB: job, _VISIT: (memory or job) and (visit or new_name())}
    st.query_params.from_dict({name: value for name, value in parameters.items() if value})


def enter(*, memory: str = "", job: str = "", visit: str = "") -> NoReturn:
    """Change the URL and rerun the page."""
    go(memory=memory, job=job, visit=visit)
    st.rerun()


def new_name() -> str:
    """Return a random id for a visit."""
    return secrets.token_urlsafe(12)
