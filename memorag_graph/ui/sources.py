"""Where a session's memory comes from: an upload, which is memorized, or the store."""

import tempfile
from collections.abc import Sequence
from typing import Any

import streamlit as st

from memorag_graph.cli.render import STAGES
from memorag_graph.documents import MOST_BYTES, SUFFIXES, Document, document_name, read_document
from memorag_graph.errors import MemoragError
from memorag_graph.settings import RunOptions
from memorag_graph.ui.jobs import Job
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_MEMORY = "memory"
_NOTES_SHOWN = 6


def memory_id() -> str:
    """Return the memory that the session asks; it is part of the page's address, so that a reload keeps it."""
    return str(st.query_params.get(_MEMORY, ""))


def choose(shared: Resources, options: RunOptions) -> None:
    """Offer the memories of the store, and to memorize files."""
    kept = {info["memory_id"]: info for info in shared.registry.store.memories()}
    if memory_id() and memory_id() not in kept:
        st.toast("This memory is no longer kept.")
        _enter("")
    names = ["", *kept]
    chosen = st.selectbox(
        "Memory",
        names,
        index=names.index(memory_id()) if memory_id() in kept else 0,
        format_func=lambda it: _title(kept[it]) if it else "New document",
    )
    if chosen != memory_id():
        _enter(chosen)
    if chosen:
        return
    files = st.file_uploader(
        "Documents", type=[suffix[1:] for suffix in SUFFIXES], accept_multiple_files=True,
        max_upload_size=MOST_BYTES // 1_000_000,
    )  # fmt: skip
    if st.button("Memorize", type="primary", disabled=not files, width="stretch"):
        try:
            job = shared.jobs.start(_read(files), options)
        except MemoragError as error:
            st.error(escaped(str(error)))
        else:
            st.session_state.job = job.key


def show_job(shared: Resources) -> None:
    """Show what is being memorized for the session, or how to begin."""
    job = shared.jobs.get(st.session_state.get("job", ""))
    if job is None:
        st.markdown(
            "### Ask documents that are too long for a prompt\n"
            "Upload a text, PDF, DOCX, EPUB, HTML or Markdown file on the left, or choose a memory. It is read once; "
            "then every answer quotes the places that it rests on."
        )
        return
    _watch(shared, job)


@st.fragment(run_every=0.5)
def _watch(shared: Resources, job: Job) -> None:
    st.markdown(f"### Memorizing {escaped(', '.join(job.names))}")
    for stage, progress in list(job.stages.items()):  # the job adds to it meanwhile
        rate, left = job.rate(stage), job.seconds_left(stage)
        told = f"{progress.done:,} of {progress.total:,} {progress.unit}"
        speed = f" · {rate:,.0f} {progress.unit}/s" if rate else ""
        wait = f" · {left:,.0f} s left" if left and job.state == "running" else ""
        share = min(1.0, progress.done / progress.total) if progress.total else 1.0
        st.progress(share, text=f"{STAGES.get(stage, stage)}: {told}{speed}{wait}")
    if job.state == "running":
        if not job.stages:
            st.progress(0.0, text="Loading the models …")
        if st.button("Cancel"):
            shared.jobs.leave(job)
    elif job.state == "done":
        st.session_state.pop("job", None)
        st.session_state.turns = []
        _enter(job.memory_id)
    elif job.state == "stopped":
        st.info("Stopped. What was digested is kept: Memorize goes on from there.")
    else:
        st.error(escaped(job.error))
    if job.notes:
        st.markdown("**Gists**")
        for note in reversed(job.notes[-_NOTES_SHOWN:]):
            st.text(note)


def _read(files: Sequence[Any]) -> list[Document]:
    """Read uploads, each from a file of its own for as long as that takes."""
    documents = []
    for upload in files:
        with tempfile.NamedTemporaryFile(prefix="memorag-upload-") as kept:
            kept.write(upload.getbuffer())
            kept.flush()
            documents.append(read_document(kept.name, name=document_name(upload.name)))
    return documents


def _title(info: dict[str, Any]) -> str:
    names = ", ".join(document["source"] for document in info["documents"])
    return f"{names} ({sum(document['tokens'] for document in info['documents']):,} tokens)"


def _enter(chosen: str) -> None:
    st.session_state.turns = []
    st.session_state.pop("shown", None)
    if chosen:
        st.query_params[_MEMORY] = chosen
    else:
        st.query_params.pop(_MEMORY, None)
    st.rerun()
