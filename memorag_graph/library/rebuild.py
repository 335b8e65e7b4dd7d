"""Make the index of a library again beside the old one, then change to it in one transaction.

The texts and the catalogue are the truth; the index is a cache. The new one has another name, which the catalogue keeps
while it is made, so that a killed rebuild goes on where it was.
"""

import json
import uuid
from pathlib import Path

from memorag_graph.documents.kept_files import KEPT, KeptFiles
from memorag_graph.library.catalogue import Catalogue
from memorag_graph.library.entry import Report
from memorag_graph.library.home import (
    EMBEDDING_MODEL,
    INDEX_AT,
    INDEX_NAME,
    LIBRARY_ID,
    VECTOR_SIZE,
    changing,
    existing_catalogue,
    open_catalogue,
)
from memorag_graph.library.index_place import FIRST_INDEX, checked_place, delete_tables, open_tables
from memorag_graph.library.stored_memories import StoredMemories
from memorag_graph.library.stored_texts import StoredTexts
from memorag_graph.library.stores import MEMORIES, TEXTS, WEIGHT, Stores
from memorag_graph.progress import ReportProgress
from memorag_graph.registry import Registry

_MAKING, _LEAVING = "index_being_made", "index_to_delete"
"""Settings: the index that is being made, and the one that was left, each as JSON."""


def rebuild(
    directory: Path,
    registry: Registry,
    embedding_model: str,
    index_at: str | None,
    report: Report,
    progress: ReportProgress,
) -> None:
    """Make the index again; see :meth:`memorag_graph.library.library.Library.rebuild`."""
    if not embedding_model:  # then the library's own has to be trusted
        open_catalogue(directory, registry, "", "")
    catalogue = existing_catalogue(directory)
    model = registry.models.embedding_name(embedding_model or catalogue.setting(EMBEDDING_MODEL))
    embeddings = registry.models.embeddings(model)
    size = str(len(embeddings.embed_query("size")))
    place = catalogue.setting(INDEX_AT) if index_at is None else checked_place(index_at)
    wanted = {EMBEDDING_MODEL: model, VECTOR_SIZE: size, INDEX_AT: place}
    with changing(directory) as is_unfinished:
        finish_rebuild(directory, catalogue)
        made = _begun(directory, catalogue, wanted)
        chunks, notes = open_tables(place, directory, catalogue.setting(LIBRARY_ID), int(size), made[INDEX_NAME])
        texts, originals = StoredTexts(directory / TEXTS), KeptFiles(directory / KEPT)
        stores = Stores(catalogue, texts, originals, chunks, notes, StoredMemories(directory / MEMORIES))
        stores.repair(lambda: embeddings, is_unfinished=is_unfinished, progress=progress)
        left = {key: catalogue.setting(key) for key in (INDEX_AT, INDEX_NAME)}
        settings = {**made, **stores.found_weights(embeddings), _MAKING: "", _LEAVING: json.dumps(left)}
        catalogue.change_settings(settings, without=WEIGHT)
        finish_rebuild(directory, catalogue)
    entries = catalogue.entries()
    report.indexed += [entry.name for entry in entries]
    report.chunks += sum(entry.chunks for entry in entries)


def finish_rebuild(directory: Path, catalogue: Catalogue) -> None:
    """Delete the index that a rebuild has left.

    Raises:
        DiskError: If it cannot be deleted.
        UnavailableError: If its server cannot be reached.
    """
    if left := catalogue.setting(_LEAVING):
        _delete(directory, catalogue, json.loads(left))
        catalogue.set(_LEAVING, "")


def give_up_rebuild(directory: Path, catalogue: Catalogue) -> None:
    """Delete the index that a killed rebuild has begun, as before documents are removed, of which it may hold rows.

    Raises:
        DiskError: If it cannot be deleted.
        UnavailableError: If its server cannot be reached.
    """
    if begun := catalogue.setting(_MAKING):
        _delete(directory, catalogue, json.loads(begun))
        catalogue.set(_MAKING, "")


def _begun(directory: Path, catalogue: Catalogue, wanted: dict[str, str]) -> dict[str, str]:
    """Return the settings of the index that is to be made: the one that a killed process began, if it is the same."""
    begun: dict[str, str] = json.loads(catalogue.setting(_MAKING) or "{}")
    if begun and {key: begun[key] for key in wanted} == wanted:
        return begun
    give_up_rebuild(directory, catalogue)
    made = {**wanted, INDEX_NAME: f"{FIRST_INDEX}-{uuid.uuid4().hex[:8]}"}
    catalogue.set(_MAKING, json.dumps(made))
    return made


def _delete(directory: Path, catalogue: Catalogue, index: dict[str, str]) -> None:
    delete_tables(index[INDEX_AT], directory, catalogue.setting(LIBRARY_ID), index[INDEX_NAME] or FIRST_INDEX)
