"""Show the documents of a library, and let visitors search, add and remove them."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from memorag_graph.errors import InputError, MemoragError
from memorag_graph.library.memory_state import ListedDocument
from memorag_graph.ui import address, library_files, library_progress, upload
from memorag_graph.ui.library_changes import Removal
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_REFRESH_SECONDS = 2.0
_MOST_FAULTS = 3
_REMOVED, _REMOVALS = "documents-to-remove", "removals"
_MOST_ROWS = 200


@dataclass(frozen=True)
class Asked:
    """A library, and the documents of it that are asked.

    Attributes:
        name: Its name.
        where: Conditions of the filter.
    """

    name: str
    where: Sequence[str] = ()


@dataclass(frozen=True)
class _Known:
    """What the page was made with; if it is otherwise now, the page is made anew.

    Attributes:
        moves: Whether the library changes by itself.
        has_documents: Whether a document can be asked.
    """

    moves: bool
    has_documents: bool


def documents(shared: Resources, asked: Asked) -> Sequence[ListedDocument]:
    """Return the documents that are asked.

    Raises:
        InputError: If the filter cannot be used.
        MemoragError: If the library cannot be read, or was deleted.
    """
    return shared.libraries.open(asked.name).list(list(asked.where) or None)


def is_moving(listed: Sequence[ListedDocument]) -> bool:
    """Return whether memories are being made, so that the states change by themselves."""
    return any(it.memory in ("making", "waiting") for it in listed)


def show(shared: Resources, asked: Asked, listed: Sequence[ListedDocument]) -> None:
    """Show the documents that are asked, and the means to change the library."""
    changes = shared.changes.of(asked.name, address.visit())
    with st.container():  # so that what is below keeps its place in the page
        library_progress.show(shared, asked.name, changes)
    moves = _moves(shared, asked.name, listed)
    if shared.may_write:
        _offer_changes(shared, asked.name, listed)
    wanted = st.text_input("Search", placeholder="Search by name", label_visibility="collapsed", key="document-search")
    known = _Known(moves, bool(listed))
    st.fragment(_show_table, run_every=_REFRESH_SECONDS if moves else None)(shared, asked, wanted, known)


def _offer_changes(shared: Resources, name: str, listed: Sequence[ListedDocument]) -> None:
    with st.container(horizontal=True):
        with st.popover("Add files", icon=":material/add:", key=f"add-{upload.round_number()}"):
            _offer_addition(shared, name)
        times = st.session_state.get(_REMOVALS, 0)  # a new key closes it
        with st.popover("Remove", icon=":material/remove:", disabled=not listed, key=f"remove-{times}"):
            _offer_removal(shared, name, [it.name for it in listed])


def state_of(document: ListedDocument) -> str:
    """Return the state of a document's memory in words."""
    match document.memory:
        case "ready":
            return "memory ready"
        case "making":
            return f"reading {document.memory_share:.0%}"
        case "waiting":
            return "waiting"
    return "not made" if document.memory_fault else "not read yet"


def _show_table(shared: Resources, asked: Asked, wanted: str, known: _Known) -> None:
    try:
        listed = documents(shared, asked)
    except InputError:  # the page tells
        listed = []
    except MemoragError:  # deleted meanwhile
        st.rerun()
    if known != _Known(known.moves and _moves(shared, asked.name, listed), bool(listed)):
        st.rerun()
    found = _found(listed, wanted)
    if not found:
        st.caption("No document fits." if listed else "There is no document yet.")
        return
    ready = sum(it.memory == "ready" for it in listed)
    st.caption(f"{_counted(len(found))} · {ready} with a memory")
    st.html(_table(found[:_MOST_ROWS]))
    if len(found) > _MOST_ROWS:
        st.caption(f"and {len(found) - _MOST_ROWS:,} more; search by name, or filter")
    for it in [it for it in found if it.memory_fault][:_MOST_FAULTS]:
        st.warning(f"The memory of {escaped(it.name)} could not be made: {escaped(shared.told(it.memory_fault))}")


def _moves(shared: Resources, name: str, listed: Sequence[ListedDocument]) -> bool:
    return is_moving(listed) or any(it.is_open for it in shared.changes.of(name, address.visit()))


def _table(shown: Sequence[ListedDocument]) -> str:
    """Return a table of documents as HTML."""
    has_pages = any(it.pages for it in shown)
    pages = '<th class="number">Pages</th>' if has_pages else ""
    rows = "".join(_row(it, has_pages=has_pages) for it in shown)
    head = f'<tr><th>Name</th><th>Memory</th>{pages}<th class="number">Tokens</th></tr>'
    return f'<table class="documents"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def _row(document: ListedDocument, *, has_pages: bool) -> str:
    version = f" (version {document.version})" if document.version > 1 else ""
    pages = f'<td class="number">{document.pages or ""}</td>' if has_pages else ""
    name, tokens = escape(document.name + version), f'<td class="number">{document.tokens:,}</td>'
    return f'<tr><td class="name">{name}</td><td>{escape(state_of(document))}</td>{pages}{tokens}</tr>'


def _found(listed: Sequence[ListedDocument], wanted: str) -> list[ListedDocument]:
    return [it for it in listed if wanted.strip().casefold() in it.name.casefold()]


def _offer_addition(shared: Resources, name: str) -> None:
    chosen = library_files.choose()
    if not st.button("Take in", type="primary", disabled=not chosen.files, width="stretch"):
        return
    try:
        fields = library_files.read_fields(chosen.written)
    except InputError as error:
        st.error(escaped(str(error).removeprefix("fields: ")))
        return
    library_files.take_in(shared, name, address.visit(), chosen, fields)
    st.rerun()


def _offer_removal(shared: Resources, name: str, names: Sequence[str]) -> None:
    before = st.session_state.get(_REMOVED, [])
    st.session_state[_REMOVED] = [it for it in before if it in names]  # others may have removed one
    gone = st.multiselect("Documents to remove", names, placeholder="Choose documents", key=_REMOVED)
    st.markdown("They are removed for all visitors, with their memories and the answers that may hold text of them.")
    st.button(
        f"Remove {_counted(len(gone))} for good" if gone else "Remove for good",
        type="primary",
        disabled=not gone,
        on_click=_remove,
        args=(shared, name, gone),
        key="remove-for-good",
    )


def _remove(shared: Resources, name: str, gone: Sequence[str]) -> None:
    st.session_state[_REMOVED] = []
    st.session_state[_REMOVALS] = st.session_state.get(_REMOVALS, 0) + 1
    if shared.may_write:  # a role can change while a page is open
        shared.changes.start(Removal(name, address.visit(), gone))


def _counted(count: int) -> str:
    return f"{count:,} {'document' if count == 1 else 'documents'}"
