"""URLs of object stores: a bucket, and a name in it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from memorag_graph.errors import InputError

_SCHEMES = ("s3", "gs", "az")

_SEGMENT = re.compile(r"[\w.=@+-]+", re.ASCII)


def is_url(named: str | Path) -> bool:
    """Return whether a library's name is a URL, and no directory."""
    return "://" in str(named)


def is_store(named: str) -> bool:
    """Return whether a name is a URL of an object store, by its scheme."""
    return urlsplit(named).scheme in _SCHEMES


def checked_url(url: str, field: str = "library", instead: str = "a directory") -> str:
    """Return a URL on an object store; no message repeats one that may hold a password.

    Args:
        url: The URL.
        field: The argument that gives it, for errors.
        instead: What that may be besides.

    Raises:
        InputError: If it is no such URL.
    """
    parts = urlsplit(url)
    has_login = "@" in parts.netloc or (":" in parts.netloc and "@" in parts.path)  # a slash in a password tears it
    if has_login or parts.query or parts.fragment:
        raise InputError(field, "must hold no login and no parameters; put the credentials into the environment")
    names = parts.path.strip("/").split("/")
    is_named = all(map(is_segment, names))
    if parts.scheme not in _SCHEMES or not _SEGMENT.fullmatch(parts.netloc) or not is_named:
        raise InputError(
            field,
            f"{url} must be {instead}, or a bucket and a name in it, such as s3://BUCKET/NAME, gs://BUCKET/NAME or "
            "az://CONTAINER/NAME, of letters without accents, digits and . _ - = + @",
        )
    return f"{parts.scheme}://{parts.netloc}/{'/'.join(names)}"


def is_segment(name: str) -> bool:
    """Return whether a name can stand between two slashes of such a URL."""
    return bool(_SEGMENT.fullmatch(name) and name.strip("."))
