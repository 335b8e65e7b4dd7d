"""Change the documents of the memory that is shown: add some, read some again, take some away."""

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from memorag_graph.errors import MemoragError
from memorag_graph.memory.storage.given_names import name_of
from memorag_graph.open_memory import OpenMemory
from memorag_graph.settings import RunOptions
from memorag_graph.ui import job_progress, upload
from memorag_graph.ui.memory_work import Revision
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources


def offer(shared: Resources, opened: OpenMemory, options: RunOptions) -> None:
    """Offer to change the documents of the session's memory to those who may."""
    if not shared.may_write:
        return
    names = [document.source for document in opened.memory.documents]
    with st.popover(
        "Change its documents", icon=":material/edit_document:", width="stretch", key=f"change-{upload.round_number()}"
    ):
        files = upload.uploader("Documents to add, or to read again")
        without = st.multiselect("Documents to take away", names, placeholder="Choose documents")
        st.markdown(
            "A file with the name of a document replaces it. Only what is new is read. "
            "The memory changes for all visitors. Its conversations stay, without answers from what is taken away."
        )
        if st.button("Change the memory", type="primary", disabled=not (files or without)):
            _change(shared, opened, options, files, without)


def _change(
    shared: Resources,
    opened: OpenMemory,
    options: RunOptions,
    files: Sequence[UploadedFile],
    without: Sequence[str],
) -> None:
    from memorag_graph.memory.build.revision import changed

    memory = opened.memory
    try:
        documents, originals = upload.read(files)
        changed(memory, documents, without)
    except MemoragError as error:
        st.error(escaped(shared.told(error).removeprefix("file: ").removeprefix("documents: ")))
        return
    upload.free(files)
    work = Revision(
        scope=shared.scope(options),
        documents=documents,
        files=originals,
        memory_id=memory.id,
        called=name_of(shared.registry.store, memory.id) or ", ".join(it.source for it in memory.documents),
        without=without,
        moved=shared.moved,
    )
    job_progress.begin(shared, work)
