"""Make the index of a library again beside the old one, then change to it in one transaction.

The texts and the catalogue are the truth; the index is a cache. The new one has another name, which the catalogue keeps
while it is made, so that a killed rebuild goes on where it was.
"""

import json
import logging
import uuid

from memorag_graph.errors import LibraryBusyError, UnavailableError
from memorag_graph.library.catalogue import LIBRARY_ID, Catalogue
from memorag_graph.library.chosen_workers import chosen_workers
from memorag_graph.library.entry import Report
from memorag_graph.library.home import (
    EMBEDDING_MODEL,
    INDEX_AT,
    INDEX_NAME,
    VECTOR_SIZE,
    existing_catalogue,
    open_catalogue,
)
from memorag_graph.library.index_place import FIRST_INDEX, checked_place, delete_tables, open_tables
from memorag_graph.library.place import Place
from memorag_graph.library.stores import WEIGHT, Stores
from memorag_graph.progress import ReportProgress
from memorag_graph.registry import Registry

_MAKING, _LEFT = "index_being_made", "indexes_to_delete"
"""Settings: the index that is being made, and a list of those that were left, as JSON."""

_log = logging.getLogger(__name__)


def rebuild(
    place: Place,
    registry: Registry,
    embedding_model: str,
    index_at: str | None,
    catalogue_at: str,
    ray: str,
    report: Report,
    progress: ReportProgress,
) -> None:
    """Make the index again; see :meth:`memorag_graph.library.library.Library.rebuild`."""
    if not embedding_model:  # then the library's own has to be trusted
        open_catalogue(place, registry, "", "", catalogue_at)
    catalogue = existing_catalogue(place, catalogue_at)
    before = _in_use(catalogue)
    model = registry.models.embedding_name(embedding_model or before[EMBEDDING_MODEL])
    embeddings = registry.models.embeddings(model)
    size = str(len(embeddings.embed_query("size")))
    wanted_at = before[INDEX_AT] if index_at is None else checked_place(index_at)
    wanted = {EMBEDDING_MODEL: model, VECTOR_SIZE: size, INDEX_AT: wanted_at}
    with place.changing() as is_unfinished:
        if _in_use(catalogue) != before:  # what was not named would be changed back
            raise LibraryBusyError(f"somebody else made the index of {place.name} again meanwhile; try again if needed")
        delete_left(place, catalogue)
        made = _begun(place, catalogue, wanted)
        chunks, notes = open_tables(wanted_at, place, catalogue.setting(LIBRARY_ID), int(size), made[INDEX_NAME])
        stores = Stores.at(place, catalogue, chunks, notes)
        with chosen_workers(ray, place, registry.models, model, is_unfinished=is_unfinished) as workers:
            stores.repair(workers, is_unfinished=is_unfinished, progress=progress)
            stores.settle()  # a process that was killed may have made the rows only
            weights = stores.found_weights(workers)
        settings = {**made, **weights, **_leaving(catalogue, before)}
        catalogue.change_settings(settings, without=WEIGHT)
        delete_left(place, catalogue)
    entries = catalogue.entries()
    report.indexed += [entry.name for entry in entries]
    report.chunks += sum(entry.chunks for entry in entries)


def delete_left(place: Place, catalogue: Catalogue, *, insist: bool = False) -> None:
    """Delete the indexes that rebuilds have left.

    Args:
        place: Where the library is.
        catalogue: Its catalogue.
        insist: Whether all of them have to be deleted now, as before documents are removed, of which they may hold
            rows. Else one whose server cannot be reached is deleted by a later change.

    Raises:
        DiskError: If one cannot be deleted.
        UnavailableError: If the server of one cannot be reached, and all have to be deleted.
    """
    left = _left(catalogue)
    for index in tuple(left):
        try:
            _delete(place, catalogue, index)
        except UnavailableError as error:
            told = f"the index that was left at {index[INDEX_AT]} could not be deleted"
            if insist:
                message = f"{told}, and may hold what is to be removed; nothing was removed. {error}"
                raise UnavailableError(message, error.engine, error.since) from error
            _log.warning("%s; the next change tries again. %s", told, error)
        else:
            left.remove(index)
            catalogue.change_settings({_LEFT: json.dumps(left)})


def give_up_rebuild(catalogue: Catalogue) -> None:
    """Leave the index that a killed rebuild has begun, as before documents are removed, of which it may hold rows.

    Raises:
        DiskError: If the catalogue cannot be written.
    """
    if begun := catalogue.setting(_MAKING):
        catalogue.change_settings(_leaving(catalogue, json.loads(begun)))


def _begun(place: Place, catalogue: Catalogue, wanted: dict[str, str]) -> dict[str, str]:
    """Return the settings of the index that is to be made: the one that a killed process began, if it is the same."""
    begun: dict[str, str] = json.loads(catalogue.setting(_MAKING) or "{}")
    if begun and {key: begun[key] for key in wanted} == wanted:
        return begun
    give_up_rebuild(catalogue)
    delete_left(place, catalogue)
    made = {**wanted, INDEX_NAME: f"{FIRST_INDEX}-{uuid.uuid4().hex[:8]}"}
    _delete(place, catalogue, made)  # there is none, but a place that cannot be reached is told before it is noted
    catalogue.change_settings({_MAKING: json.dumps(made)})
    return made


def _in_use(catalogue: Catalogue) -> dict[str, str]:
    """Return the settings of the index that is in use."""
    return {key: catalogue.setting(key) for key in (EMBEDDING_MODEL, INDEX_AT, INDEX_NAME)}


def _left(catalogue: Catalogue) -> list[dict[str, str]]:
    left: list[dict[str, str]] = json.loads(catalogue.setting(_LEFT) or "[]")
    return left


def _leaving(catalogue: Catalogue, index: dict[str, str]) -> dict[str, str]:
    """Return the settings with which an index is left, and none is being made."""
    left = {key: index[key] for key in (INDEX_AT, INDEX_NAME)}
    return {_MAKING: "", _LEFT: json.dumps([*_left(catalogue), left])}


def _delete(place: Place, catalogue: Catalogue, index: dict[str, str]) -> None:
    delete_tables(index[INDEX_AT], place, catalogue.setting(LIBRARY_ID), index[INDEX_NAME] or FIRST_INDEX)
