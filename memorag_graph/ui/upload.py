"""Where a session's memory comes from: the store, or an upload, which is memorized."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from memorag_graph.documents import MOST_BYTES, SUFFIXES, Document, document_name, read_document
from memorag_graph.errors import MemoragError
from memorag_graph.settings import RunOptions
from memorag_graph.ui import address, job_progress
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_UPLOADS = "uploads"
_CHOICE = "choice"
_SHORT = 6


def choose(shared: Resources) -> bool:
    """Offer the memories of the store; return whether the one that the address names is among them."""
    titles = {"": "New document", **_titles(shared.registry.store.memories())}
    is_kept = address.memory_id() in titles
    if not is_kept:
        address.go()
    st.session_state[_CHOICE] = address.memory_id()
    st.selectbox("Memory", list(titles), format_func=titles.__getitem__, key=_CHOICE, on_change=_go_to_choice)
    return is_kept


def _go_to_choice() -> None:
    address.go(memory=st.session_state[_CHOICE])


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
            documents = _read(files)
    except MemoragError as error:
        st.error(escaped(str(error).removeprefix("file: ")))
        return
    _let_go(files)
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1  # an uploader without files
    job_progress.begin(shared, documents, options)


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


def _titles(memories: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return what memories are called, by id; those of the same texts are told apart by the start of their ids."""
    titles = {info["memory_id"]: _title(info) for info in memories}
    counts = Counter(titles.values())
    return {it: f"{title} · {it[:_SHORT]}" if counts[title] > 1 else title for it, title in titles.items()}


def _title(info: dict[str, Any]) -> str:
    names = ", ".join(document["source"] for document in info["documents"])
    return f"{names} ({sum(document['tokens'] for document in info['documents']):,} tokens)"
