"""Show the changes of a library: how far they are, what they did, and what could not be read."""

from collections.abc import Iterator, Sequence

import streamlit as st

from memorag_graph.library.entry import Report
from memorag_graph.ui import address
from memorag_graph.ui.library_changes import Addition, Change
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources

_UPLOADED = "upload:"
_MOST_TOLD = 20
"""Lines about single documents that are shown of each kind."""


def show(shared: Resources, name: str, changes: Sequence[Change]) -> None:
    """Show changes of a library.

    Args:
        shared: Runs them.
        name: Name of the library.
        changes: Its open changes, and those of this visit that ended.
    """
    was_open = [change for change in changes if change.is_open]
    if was_open:
        _watch(shared, name, was_open)
    with st.container():
        for change in changes:
            if change not in was_open:
                _show_end(shared, change)


@st.fragment(run_every=0.5)
def _watch(shared: Resources, name: str, was_open: Sequence[Change]) -> None:
    now_open = [change for change in shared.changes.of(name, address.visit()) if change.is_open]
    if now_open != was_open:
        st.rerun()
    for change in now_open:
        _show_progress(change)


def _show_progress(change: Change) -> None:
    total = len(change.names)
    if not isinstance(change, Addition):
        st.progress(0.0, text=f"Removing {escaped(_joined(change.names))} …")
        return
    if change.state == "waiting":
        text = f"{total} documents wait for the change before."
    elif change.done == total:
        text = f"{total} of {total} documents · finishing the index …"
    else:
        text = f"{change.done} of {total} documents · reading {escaped(change.names[change.done])} …"
    st.progress(change.done / total, text=text)
    if change.visit == address.visit():
        st.button("Stop", icon=":material/stop_circle:", key=f"stop-{id(change)}", on_click=change.stop)


def _show_end(shared: Resources, change: Change) -> None:
    report = change.report
    told = ", ".join(_told(report))
    with st.container(horizontal=True, vertical_alignment="center"):
        if change.state == "failed":
            st.error(escaped(shared.told(change.error)))
        elif change.state == "stopped":
            st.info("Stopped. What was taken in before is kept.")
        else:
            st.success(f"{told or 'Nothing was taken in'}.")
        st.button("OK", key=f"drop-{id(change)}", on_click=shared.changes.drop, args=(change,))
    _list("could not be read", [_unread(_sent(origin), shared.told(why)) for origin, why in report.unreadable])
    _list("have the same text as others", [f"{name}: as {other}" for name, other in report.same_text])
    _list("got another name", [f"{_sent(origin)}: now {name}" for name, origin in report.renamed])


def _told(report: Report) -> Iterator[str]:
    counts = {
        "added": len(report.added),
        "replaced by a new version": len(report.replaced),
        "known already": len(report.unchanged),
        "removed": len(report.removed),
    }
    for what, count in counts.items():
        if count:
            yield f"{count} {'document' if count == 1 else 'documents'} {what}"


def _list(what: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    more = [f"and {len(lines) - _MOST_TOLD} more"] if len(lines) > _MOST_TOLD else []
    shown = "\n".join(f"- {escaped(line)}" for line in [*lines[:_MOST_TOLD], *more])
    st.warning(f"{len(lines)} {what}:\n\n{shown}")


def _sent(origin: str) -> str:
    return origin.removeprefix(_UPLOADED)


def _unread(name: str, why: str) -> str:
    reason = why.removeprefix("file: ")
    return reason if name in reason else f"{name}: {reason}"


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} documents"
