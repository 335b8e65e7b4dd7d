"""Salts for the prefix caches of inference servers, so that no tenant can tell by timing what another one asked.

A cache answers faster what it has read before. With a salt of its own, a tenant meets only what it sent itself.
"""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from filelock import FileLock

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError
from memorag_graph.paths import user_dir
from memorag_graph.private_files import make_private_dir, write_private

SECRET_VARIABLE = "MEMORAG_GRAPH_CACHE_SECRET"  # noqa: S105 - the variable's name
"""Variable with the secret; the processes of one service share it, so that they share their caches."""

_FILE = "cache-secret"
_BYTES = 32
_SHORTEST = 16


def cache_salt(secret: str, tenant: str) -> str:
    """Return the salt of a tenant, which tells neither the tenant nor the secret.

    Args:
        secret: The secret of the service.
        tenant: Name of the tenant, from its credential.
    """
    digest = hmac.new(secret.encode(), b"memorag-graph cache salt\n" + tenant.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def require_secret(secret: str, given_as: str = "secret") -> str:
    """Return a secret if it is long enough.

    Args:
        secret: The secret.
        given_as: Where it was given, for the error.

    Raises:
        InputError: If it could be guessed.
    """
    if len(secret) < _SHORTEST:
        raise InputError(
            given_as, f"must have at least {_SHORTEST} characters, best random ones, so as not to be guessed"
        )
    return secret


def service_secret() -> str:
    """Return the secret of this user's services: ``MEMORAG_GRAPH_CACHE_SECRET``, else one that is made once and kept.

    Raises:
        InputError: If the secret could be guessed.
        DiskError: If the file of the secret cannot be read or written.
    """
    if given := os.environ.get(SECRET_VARIABLE):
        return require_secret(given, SECRET_VARIABLE)
    path = user_dir() / _FILE
    if not path.exists():
        _make(path)
    with telling(path, "read"):
        return require_secret(path.read_text(encoding="ascii", errors="replace"), f"the file {_FILE}")


def _make(path: Path) -> None:
    with telling(path, "written"):
        make_private_dir(path.parent)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():  # made by another process meanwhile
                write_private(path, secrets.token_urlsafe(_BYTES).encode())
