"""Which place a library is kept in, as a caller names it."""

from pathlib import Path

from memorag_graph.errors import MissingExtraError
from memorag_graph.library.directory_place import DirectoryPlace
from memorag_graph.library.place import Place
from memorag_graph.library.store_url import is_url


def place_of(named: str | Path) -> Place:
    """Return the place of a library.

    Args:
        named: A directory, or the URL of an object store: ``s3://BUCKET/NAME``, ``gs://BUCKET/NAME`` or
            ``az://CONTAINER/NAME``.

    Raises:
        InputError: If the URL cannot be used.
        MissingExtraError: If the extra ``s3`` is needed and not installed.
    """
    if not is_url(named):
        return DirectoryPlace(Path(named))
    try:
        from memorag_graph.library.bucket_place import BucketPlace
    except ImportError:
        raise MissingExtraError("a library on an object store", "s3") from None
    return BucketPlace(str(named))
