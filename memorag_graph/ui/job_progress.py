"""Show a memorizing job: progress, summaries, and buttons to cancel and resume."""

from dataclasses import replace
from typing import NoReturn

import streamlit as st

from memorag_graph.console import STAGES
from memorag_graph.ui import address
from memorag_graph.ui.jobs import Job
from memorag_graph.ui.memory_work import Revision, Work
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_NOTES_SHOWN = 6
_JOB = "job"


def begin(shared: Resources, work: Work) -> NoReturn:
    """Start work for the session and show the job; the conversation goes on when it is done."""
    visit = address.visit()
    job = st.session_state[_JOB] = shared.jobs.start(work, visit)
    address.enter(job=job.work.key, visit=visit)


def forget() -> None:
    """Drop the session's job and its text."""
    st.session_state.pop(_JOB, None)


def show(shared: Resources) -> bool:
    """Show the session's job; return whether it is running."""
    job: Job | None = st.session_state.get(_JOB)
    if job is None or job.work.key != address.job_key():
        job = st.session_state[_JOB] = shared.jobs.get(address.job_key())
    if job is not None:
        _show_job(shared, job)
    elif address.job_key():
        st.info("This job has ended. If it finished, its memory is in the list on the left.")
    return job is not None and job.state == "running"


def _show_job(shared: Resources, job: Job) -> None:
    name = escaped(job.work.name)
    match job.state:
        case "running":
            st.markdown(f"### {job.work.doing} {name}")
            _watch(shared, job)
        case "done":
            address.enter(memory=job.memory_id, visit=address.visit())
        case "stopped":
            st.markdown(f"### {name}")
            _offer_restart(shared, job, "Resume", "Stopped. Sections summarized so far are kept.")
        case "failed":
            st.markdown(f"### {name}")
            st.error(escaped(shared.told(job.error)))
            _offer_restart(shared, job, "Try again", "Sections summarized so far are kept.")


@st.fragment(run_every=0.5)
def _watch(shared: Resources, job: Job) -> None:
    if job.state != "running":
        st.rerun()
    if isinstance(job.work, Revision) and job.work.is_begun:
        st.caption("The model has not read all of this memory yet. It does that first, and then makes the change.")
    if not job.stages:
        st.progress(0.0, text="Loading the models …")
    _show_stages(job)
    if st.button("Stopping …" if job.stopping else "Cancel", disabled=job.stopping):
        _leave(shared, job)
    if job.notes:
        st.markdown("**Summaries**")
    for note in reversed(job.notes[-_NOTES_SHOWN:]):
        st.text(note)


def _leave(shared: Resources, job: Job) -> None:
    if not shared.jobs.leave(job, address.visit()):
        st.toast("Another visitor is waiting for this memory, so the job continues.")
        address.enter()


def _show_stages(job: Job) -> None:
    for stage, progress in list(job.stages.items()):  # a copy, because the job may add a stage
        rate, left = job.rate(stage), job.seconds_left(stage)
        amount = f"{progress.done:,} of {progress.total:,} {progress.unit}"
        speed = f" · {rate:,.0f} {progress.unit}/s" if rate > 0 else ""
        wait = f" · {_duration(left)} left" if left else ""
        share = min(1.0, progress.done / progress.total) if progress.total else 1.0
        st.progress(share, text=f"{STAGES.get(stage, stage)}: {amount}{speed}{wait}")


def _duration(seconds: float) -> str:
    """Format a duration in its two largest units."""
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 1:
        return f"{int(hours)} h {int(minutes % 60)} min"
    return f"{int(minutes)} min {int(seconds % 60)} s" if minutes >= 1 else f"{seconds:,.0f} s"


def _offer_restart(shared: Resources, job: Job, label: str, message: str) -> None:
    st.info(message)
    with st.container(horizontal=True):
        wanted = st.button(label, type="primary")
        if job.work.memory_id and st.button("Back to the memory"):
            address.enter(memory=job.work.memory_id, visit=address.visit())
    if wanted:
        begin(shared, replace(job.work, scope=shared.scope(job.work.scope.options)))  # the role may have changed
