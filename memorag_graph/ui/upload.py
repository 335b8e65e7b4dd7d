"""Choose a memory of the store or a library, or upload documents and memorize them."""

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from memorag_graph.documents import MOST_BYTES, SUFFIXES, Document, document_name, read_document
from memorag_graph.errors import MemoragError
from memorag_graph.settings import RunOptions
from memorag_graph.ui import address, job_progress, memory_list
from memorag_graph.ui.library_names import library_names
from memorag_graph.ui.memory_work import Memorizing
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources
from memorag_graph.ui.uploaded_files import UploadedFiles

NO_MEMORY = "This memory does not exist or was deleted. Choose another one, or upload its documents again."
NO_LIBRARY = "There is no such library, or it was deleted. Choose another one, or make it again."

_KEPT = "PDF files are kept to show their pages, until they are deleted here; of other files, only the text is kept."

_UPLOADS = "uploads"
_CHOICE = "choice"


def choose(shared: Resources) -> str:
    """Show the memories of the store and the libraries; return what to tell if the address names none of them."""
    memories, libraries = memory_list.titles(shared), library_names(shared)
    titles = {"": "New document or library", **memories, **{name: f"{name} (library)" for name in libraries}}
    told = ""
    if (shown := address.library() or address.memory_id()) not in titles and (to := shared.moves.get(shown)):
        is_library = bool(address.library())
        address.enter(library=to if is_library else "", memory="" if is_library else to, visit=address.visit())
    if address.library() and address.library() not in libraries:
        told = NO_LIBRARY
    elif address.memory_id() and address.memory_id() not in memories:
        told = NO_MEMORY
    if told:
        address.go()
    st.session_state[_CHOICE] = address.library() or address.memory_id()
    st.selectbox(
        "Memory or library",
        list(titles),
        format_func=titles.__getitem__,
        key=_CHOICE,
        help="Type to search." if len(titles) > memory_list.MANY else None,
        on_change=_go_to_choice,
        args=(libraries,),
    )
    return told


def _go_to_choice(libraries: Collection[str]) -> None:
    chosen = st.session_state[_CHOICE]
    is_library = chosen in libraries
    address.go(library=chosen if is_library else "", memory="" if is_library else chosen)


def uploader(label: str) -> list[UploadedFile]:
    """Show a file uploader and what is kept, and return its files."""
    files = st.file_uploader(
        label,
        type=[suffix[1:] for suffix in SUFFIXES],
        accept_multiple_files=True,
        max_upload_size=MOST_BYTES // 1_000_000,
        key=f"documents-{round_number()}",
    )
    st.caption(_KEPT)
    return files


def round_number() -> int:
    """Return how often files were taken from the uploader, so that widgets named by it are empty afterwards."""
    return int(st.session_state.get(_UPLOADS, 0))


def offer_upload(shared: Resources, options: RunOptions) -> None:
    """Show the file uploader and memorize its files."""
    files = uploader("Documents")
    if not st.button("Memorize", type="primary", disabled=not files, width="stretch"):
        return
    try:
        documents, originals = read(files)
    except MemoragError as error:
        st.error(escaped(shared.told(error).removeprefix("file: ")))
        return
    free(files)
    job_progress.begin(shared, Memorizing(shared.scope(options), documents, originals))


def read(files: Sequence[UploadedFile]) -> tuple[list[Document], UploadedFiles]:
    """Read uploads by way of temporary files; return the files, too, whose pages can be shown.

    Raises:
        MemoragError: If one cannot be read.
    """
    documents, originals = [], UploadedFiles()
    for upload in files:
        with st.spinner("Reading …"), tempfile.NamedTemporaryFile(prefix="memorag-upload-") as file:
            file.write(upload.getvalue())
            file.flush()
            documents.append(read_document(file.name, name=document_name(upload.name)))
            originals.add(documents[-1], Path(file.name))
    return documents, originals


def free(files: Sequence[UploadedFile]) -> None:
    """Empty the uploader, and free the bytes of its files; Streamlit would keep them until the session ends."""
    st.session_state[_UPLOADS] = round_number() + 1  # a new key shows an empty uploader
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for upload in files:
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)
