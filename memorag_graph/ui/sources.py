"""Where a session's memory comes from: the store, or an upload, which is memorized."""

import tempfile
from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from memorag_graph.documents import MOST_BYTES, SUFFIXES, Document, document_name, read_document
from memorag_graph.errors import MemoragError
from memorag_graph.settings import RunOptions
from memorag_graph.ui import address, memorizing
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_UPLOADS = "uploads"


def choose(shared: Resources) -> None:
    """Offer the memories of the store."""
    kept = {info["memory_id"]: info for info in shared.registry.store.memories()}
    current = address.memory_id()
    if current and current not in kept:
        st.toast("This memory is no longer kept.")
        address.enter()
    names = ["", *kept]
    chosen = st.selectbox(
        "Memory",
        names,
        index=names.index(current),
        format_func=lambda it: _title(kept[it]) if it else "New document",
    )
    if chosen != current:
        address.enter(memory=chosen)


def offer_upload(shared: Resources, options: RunOptions) -> None:
    """Offer to memorize files."""
    files = st.file_uploader(
        "Documents",
        type=[suffix[1:] for suffix in SUFFIXES],
        accept_multiple_files=True,
        max_upload_size=MOST_BYTES // 1_000_000,
        key=f"documents-{st.session_state.get(_UPLOADS, 0)}",
    )
    if not st.button("Memorize", type="primary", disabled=not files, width="stretch"):
        return
    try:
        with st.spinner("Reading …"):
            job = shared.jobs.start(_read(files), options)
    except MemoragError as error:
        st.error(escaped(str(error)))
        return
    _let_go(files)
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1  # an uploader without files
    memorizing.begin(job)


def _read(files: Sequence[UploadedFile]) -> list[Document]:
    """Read uploads, each from a file of its own for as long as that takes."""
    documents = []
    for upload in files:
        with tempfile.NamedTemporaryFile(prefix="memorag-upload-") as kept:
            kept.write(upload.getvalue())
            kept.flush()
            documents.append(read_document(kept.name, name=document_name(upload.name)))
    return documents


def _let_go(files: Sequence[UploadedFile]) -> None:
    """Free the bytes of uploads that were read; Streamlit would hold them until the session ends."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for upload in files:
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def _title(info: dict[str, Any]) -> str:
    names = ", ".join(document["source"] for document in info["documents"])
    return f"{names} ({sum(document['tokens'] for document in info['documents']):,} tokens)"
