"""Make a library with its settings, and open it with its embedding model."""

import uuid
from collections.abc import Mapping

from memorag_graph.errors import InputError, UnknownLibraryError
from memorag_graph.library.catalogue import LIBRARY_ID, Catalogue
from memorag_graph.library.index_place import checked_place
from memorag_graph.library.place import Place
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.registry import Registry

EMBEDDING_MODEL, VECTOR_SIZE, INDEX_AT, INDEX_NAME = "embedding_model", "vector_size", "index_at", "index_name"
"""Settings in the catalogue."""


def create_library(
    place: Place, registry: Registry, embedding_model: str, index_at: str, catalogue_at: str = ""
) -> None:
    """Create an empty library, unless there is one.

    Raises:
        InputError: If its index or its catalogue cannot be kept there.
        LibraryError: If the place holds something else, or the database was set up by a newer version.
        ModelError: If the embedding model cannot be loaded.
        DiskError: If it cannot be written.
        UnavailableError: If a server where something of it is kept does not answer, or refuses.
    """

    def settings() -> Mapping[str, str]:
        name = registry.models.embedding_name(embedding_model or EMBEDDED)
        size = len(registry.models.embeddings(name).embed_query("size"))
        kept = {INDEX_AT: checked_place(index_at), LIBRARY_ID: uuid.uuid4().hex}
        return {EMBEDDING_MODEL: name, VECTOR_SIZE: str(size), **kept}

    place.create(settings, catalogue_at)


def open_catalogue(
    place: Place, registry: Registry, embedding_model: str, index_at: str, catalogue_at: str = ""
) -> Catalogue:
    """Open the catalogue of a library.

    Loading its embedding model may download it, so a stranger's file does not decide which it is.

    Raises:
        LibraryError: If there is none, it is damaged, or made by a newer version.
        InputError: If it has another embedding model, or one that the caller has to name, or its index or catalogue is
            elsewhere.
        UnavailableError: If the database of its catalogue is not named, does not answer, or refuses.
    """
    catalogue = existing_catalogue(place, catalogue_at)
    made_with, models = catalogue.setting(EMBEDDING_MODEL), registry.models
    if embedding_model and models.embedding_name(embedding_model) != made_with:
        other = f"was made with {made_with!r}, not {embedding_model!r}; use that one"
        raise InputError("embedding_model", f"{place.name} {other}")
    if not (embedding_model or made_with == EMBEDDED or made_with in models.loaded_models()):
        raise InputError("embedding_model", f"{place.name} uses {made_with!r}; name it, too, if you trust it")
    kept_at = catalogue.setting(INDEX_AT)
    if index_at and checked_place(index_at) != kept_at:
        kept = f"is at {kept_at}" if kept_at else "lies beside its texts"
        raise InputError("index_at", f"the index of {place.name} {kept}; leave it out")
    return catalogue


def existing_catalogue(place: Place, catalogue_at: str = "") -> Catalogue:
    """Open the catalogue of a library, whatever its embedding model is.

    Raises:
        LibraryError: If there is none, it is damaged, or made by a newer version.
        UnavailableError: If its database is not named, does not answer, or refuses.
    """
    if not place.has_library():
        made = f"make one with: memorag-graph library add FILES --library {place.name}"
        raise UnknownLibraryError(f"there is no library in {place.name}; {made}")
    return place.catalogue(catalogue_at)
