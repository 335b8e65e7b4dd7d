"""Results of units of work, kept until the library has the documents that they are of.

A process that is killed while it takes documents in leaves them, so that the next one does not do the same work again.
"""

import hashlib
import json
from collections.abc import Collection

from memorag_graph.library.blobs import Blobs
from memorag_graph.library.place import Place
from memorag_graph.version import __version__

UNITS = "units"
"""Folder of a library."""

_DIGEST_BYTES = 32


def unit_address(kind: str, *decisive: str) -> str:
    """Return the name of a unit's result: a hash of all that decides it.

    Args:
        kind: What is done.
        *decisive: The texts with which it is done, and the model.
    """
    return hashlib.sha256(json.dumps([__version__, kind, *decisive]).encode()).hexdigest()


class KeptUnits:
    """Results of units, as blobs of a library.

    Args:
        place: Where the library is.
    """

    def __init__(self, place: Place) -> None:
        self._blobs: Blobs = place.blobs(UNITS)

    def add(self, address: str, result: bytes) -> None:
        """Keep a result, unless it is there already.

        Raises:
            DiskError, UnavailableError: If it cannot be written.
        """
        self._blobs.add(address, hashlib.sha256(result).digest() + result)

    def read(self, address: str) -> bytes | None:
        """Return a result; None if it is not there, or damaged.

        Raises:
            UnavailableError: If the store where it lies does not answer.
        """
        try:
            kept = self._blobs.read(address)
        except OSError:
            return None
        digest, result = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
        if hashlib.sha256(result).digest() == digest:
            return result
        self.remove([address])  # so that it is written anew
        return None

    def remove(self, addresses: Collection[str]) -> None:
        """Remove results.

        Raises:
            DiskError, UnavailableError: If they cannot be removed.
        """
        self._blobs.remove(addresses)

    def sweep(self) -> None:
        """Remove all results.

        Raises:
            DiskError, UnavailableError: If they cannot be removed.
        """
        self._blobs.keep_only(())
