"""Let a visitor choose files for a library, and start to take them in."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from memorag_graph.documents import document_name
from memorag_graph.errors import InputError
from memorag_graph.library.entry import Scalar
from memorag_graph.library.found_files import uploaded_file
from memorag_graph.library.where import literal
from memorag_graph.serving.library_intake import LibraryIntake
from memorag_graph.ui import upload
from memorag_graph.ui.library_changes import Addition
from memorag_graph.ui.resources import Resources

_PART = re.compile(r"""(?:[^,"]|"[^"]*"|")+""")
"""What stands between commas that no quotation marks enclose."""


@dataclass(frozen=True)
class Chosen:
    """What a visitor chose.

    Attributes:
        files: The files.
        written: The fields of the documents, as they were written.
    """

    files: Sequence[UploadedFile]
    written: str


def choose() -> Chosen:
    """Show a place to drop files, and a box for their fields."""
    files = upload.uploader("Files")
    written = st.text_input(
        "Fields for filters (optional)",
        placeholder="year=2021, type=report",
        help="Kept with each of these documents, so that questions can be limited to those with year=2021.",
        key=f"fields-{upload.round_number()}",
    )
    return Chosen(files, written)


def take_in(shared: Resources, library: str, visit: str, chosen: Chosen, fields: Mapping[str, Scalar]) -> None:
    """Start to take chosen files into a library.

    Args:
        shared: Runs the change.
        library: Name of the library.
        visit: The visit that asks for it.
        chosen: The files.
        fields: Their fields, as :func:`read_fields` returns them.
    """
    folder = TemporaryDirectory(prefix="memorag-upload-")
    names = _distinct([document_name(file.name) for file in chosen.files])
    candidates = []
    for number, (file, name) in enumerate(zip(chosen.files, names, strict=True)):
        path = Path(folder.name, str(number))
        path.write_bytes(file.getbuffer())
        candidates.append(uploaded_file(path, name, keep=True))
    upload.free(chosen.files)
    intake = LibraryIntake(shared.tenants, shared.visitor, library, dict(fields), None)
    shared.changes.start(Addition(library, visit, names, folder=folder, files=candidates, intake=intake))


def read_fields(written: str) -> dict[str, Scalar]:
    """Return fields that were written like ``year=2021, type=report``.

    Raises:
        InputError: If they are of another form.
    """
    fields: dict[str, Scalar] = {}
    for part in parts(written):
        name, sign, value = (it.strip() for it in part.partition("="))
        if not (name and sign and value):
            raise InputError("fields", f"{part!r} is not of the form FIELD=VALUE, for example year=2021")
        fields[name] = literal(value)
    return fields


def parts(written: str) -> list[str]:
    """Return what commas divide; a value in quotation marks may hold some."""
    return [it.strip() for it in _PART.findall(written) if it.strip()]


def _distinct(names: Sequence[str]) -> list[str]:
    """Return distinct names, as files of the same name that are sent at once are different documents."""
    taken, counts, distinct = set(names), Counter[str](), []
    for name in names:
        counts[name] += 1
        path, new = PurePath(name), name
        while counts[name] > 1 and (new := f"{path.stem} ({counts[name]}){path.suffix}") in taken:
            counts[name] += 1
        taken.add(new)
        distinct.append(new)
    return distinct
