"""Keep in the page's URL what is shown, and the id of the visit, so that they survive a reload."""

import re
import secrets
from typing import NoReturn

import streamlit as st

_MEMORY = "memory"
_LIBRARY = "library"
_WHERE = "where"
_JOB = "job"
_VISIT = "visit"
_NAME = re.compile(r"[\w-]{16,64}")


def memory_id() -> str:
    """Return the id of the session's memory; empty if there is none."""
    return str(st.query_params.get(_MEMORY, ""))


def library() -> str:
    """Return the name of the session's library; empty if there is none."""
    return str(st.query_params.get(_LIBRARY, ""))


def where() -> str:
    """Return the filter over the documents of the library, as it was written; empty if there is none."""
    return str(st.query_params.get(_WHERE, ""))


def choose_where(written: str) -> None:
    """Change the filter."""
    if written:
        st.query_params[_WHERE] = written
    else:
        st.query_params.pop(_WHERE, None)


def job_key() -> str:
    """Return the key of the session's job; empty if there is none."""
    return str(st.query_params.get(_JOB, ""))


def visit() -> str:
    """Return the random id of this visit to a memory, library or job; it also identifies the conversation."""
    if not _NAME.fullmatch(str(st.query_params.get(_VISIT, ""))):
        st.query_params[_VISIT] = new_name()
    return str(st.query_params[_VISIT])


def go(*, memory: str = "", library: str = "", job: str = "", visit: str = "") -> None:
    """Change the URL to a memory, a library, a job or the start page; begin a new visit unless one is given."""
    shown = {_MEMORY: memory, _LIBRARY: library, _JOB: job}
    parameters = {**shown, _VISIT: any(shown.values()) and (visit or new_name())}
    st.query_params.from_dict({name: str(value) for name, value in parameters.items() if value})


def enter(*, memory: str = "", library: str = "", job: str = "", visit: str = "") -> NoReturn:
    """Change the URL and rerun the page."""
    go(memory=memory, library=library, job=job, visit=visit)
    st.rerun()


def new_name() -> str:
    """Return a random id for a visit."""
    return secrets.token_urlsafe(12)
