"""What the page's address holds, so that a reload keeps it: a memory or one in the making, and the visit."""

import re
import secrets
from typing import NoReturn

import streamlit as st

_MEMORY = "memory"
_JOB = "job"
_VISIT = "visit"
_NAME = re.compile(r"[\w-]{16,64}")


def memory_id() -> str:
    """Return the memory that the session asks; empty where there is none."""
    return str(st.query_params.get(_MEMORY, ""))


def job_key() -> str:
    """Return what is being memorized for the session; empty where nothing is."""
    return str(st.query_params.get(_JOB, ""))


def visit() -> str:
    """Return the name, which nobody guesses, of the stay with this memory, or with this one in the making."""
    if not _NAME.fullmatch(str(st.query_params.get(_VISIT, ""))):
        st.query_params[_VISIT] = new_name()
    return str(st.query_params[_VISIT])


def go(*, memory: str = "", job: str = "", visit: str = "") -> None:
    """Change the address to that of a memory, of one in the making, or of the beginning; a new visit begins there."""
    given = {_MEMORY: memory, _JOB: job, _VISIT: (memory or job) and (visit or new_name())}
    st.query_params.from_dict({name: value for name, value in given.items() if value})


def enter(*, memory: str = "", job: str = "", visit: str = "") -> NoReturn:
    """Go to an address and show the page anew."""
    go(memory=memory, job=job, visit=visit)
    st.rerun()


def new_name() -> str:
    """Return a name for a visit."""
    return secrets.token_urlsafe(12)
