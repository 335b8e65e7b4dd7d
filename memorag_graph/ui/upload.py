"""Choose a memory of the store, or upload documents and memorize them."""

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
    """Show the memories of the store; return whether the address names one of them, or none."""
    titles = {"": "New document", **_titles(shared.registry.store.memories())}
    exists = address.memory_id() in titles
    if not exists:
        address.go()
    st.session_state[_CHOICE] = address.memory_id()
    st.selectbox("Memory", list(titles), format_func=titles.__getitem__, key=_CHOICE, on_change=_go_to_choice)
    return exists


def _go_to_choice() -> None:
    address.go(memory=st.session_state[_CHOICE])


def offer_upload(shared: Resources, options: RunOptions) -> None:
    """Show the file uploader and memorize its files."""
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
    _free(files)
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1  # a new key shows an empty uploader
    job_progress.begin(shared, documents, options)


def _read(files: Sequence[UploadedFile]) -> list[Document]:
    """Read uploads by way of temporary files."""
    documents = []
    for upload in files:
        with tempfile.NamedTemporaryFile(prefix="memorag-upload-") as file:
            file.write(upload.getvalue())
            file.flush()
            documents.append(read_document(file.name, name=document_name(upload.name)))
    return documents


def _free(files: Sequence[UploadedFile]) -> None:
    """Free the bytes of uploads; Streamlit would keep them until the session ends."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for upload in files:
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def _titles(memories: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return titles by memory id; equal titles get the start of the id appended."""
    titles = {info["memory_id"]: _title(info) for info in memories}
    counts = Counter(titles.values())
    return {key: f"{title} · {key[:_SHORT]}" if counts[title] > 1 else title for key, title in titles.items()}


def _title(info: dict[str, Any]) -> str:
    names = ", ".join(document["source"] for document in info["documents"])
    return f"{names} ({sum(document['tokens'] for document in info['documents']):,} tokens)"
