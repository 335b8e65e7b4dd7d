"""Who a client is: keys, tokens and the tenants they belong to.

A key is 256 random bits, so its SHA-256 digest can be kept without a salt or a slow hash: there is nothing to guess.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol, get_args

from filelock import FileLock

from memorag_graph.disk_errors import telling
from memorag_graph.errors import ForbiddenError, InputError, MissingExtraError
from memorag_graph.paths import user_dir
from memorag_graph.private_files import make_private_dir, remove_unfinished, write_private
from memorag_graph.service_settings import ServiceOptions

Role = Literal["reader", "writer", "admin"]
"""reader: ask and list; writer: also memorize and delete; admin: also see the service's figures, if it is the
operator's."""

API_KEY_VARIABLE = "MEMORAG_GRAPH_API_KEY"
KEYS_FILE = "keys.json"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""Of keys and tenants; a tenant's is also that of its folder."""

RANK: Mapping[Role, int] = {role: rank for rank, role in enumerate(get_args(Role))}


@dataclass(frozen=True)
class Principal:
    """Who sent a request.

    Attributes:
        name: Name of the credential.
        tenant: The tenant, which comes from the credential alone; empty for the operator's own memories.
        role: What the credential allows.
        issuer: Who issued the token; empty for keys, which may have the name of a token's user.
    """

    name: str = "anyone"
    tenant: str = ""
    role: Role = "admin"
    issuer: str = ""

    def may(self, role: Role) -> bool:
        """Return whether the credential allows what a role may do."""
        return RANK[self.role] >= RANK[role]

    def require(self, role: Role) -> None:
        """Check that the credential allows what a role may do.

        Raises:
            ForbiddenError: If it does not.
        """
        if not self.may(role):
            raise ForbiddenError(
                f"this needs a key or token with the role {role}; that of {self.name!r} has {self.role}"
            )


class Credentials(Protocol):
    """Recognises what clients send."""

    def identify(self, secret: str) -> Principal | None:
        """Return who sent a secret; None if nobody known did. May read files and ask an issuer of tokens.

        Raises:
            InputError: If the file of keys is damaged.
            ForbiddenError: If a token is valid but allows nothing here.
            UnavailableError: If the issuer of tokens cannot be reached.
        """


@dataclass(frozen=True)
class Everybody:
    """Lets everybody in, as the operator: for a service on loopback without keys."""

    def identify(self, secret: str) -> Principal | None:
        """Return the operator."""
        return Principal()


@dataclass(frozen=True)
class OneKey:
    """One key, the operator's.

    Raises:
        InputError: If an HTTP header cannot carry the key.
    """

    key: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (self.key.isascii() and self.key.isprintable() and self.key == self.key.strip() != ""):
            raise InputError("api_key", "must be printable ASCII without spaces around it, to fit in an HTTP header")

    def identify(self, secret: str) -> Principal | None:
        """Compare a secret with the key in constant time."""
        return Principal("api-key") if hmac.compare_digest(_digest(secret), _digest(self.key)) else None


@dataclass(frozen=True)
class AnyOf:
    """Several credentials; each is asked, so that the time taken does not tell which knows the secret."""

    credentials: Sequence[Credentials]

    def identify(self, secret: str) -> Principal | None:
        """Return who sent a secret."""
        found = [it.identify(secret) for it in self.credentials]
        return next((principal for principal in found if principal), None)


@dataclass(frozen=True)
class Key:
    """A key as it is kept: without the secret.

    Attributes:
        name: Its name, unique in the file.
        tenant: The tenant it belongs to.
        role: What it allows.
        sha256: Digest of the secret, in hexadecimal digits.
        created: When it was made (ISO 8601, UTC).
        revoked: When it was revoked; empty if it is valid.
    """

    name: str
    tenant: str
    role: Role
    sha256: str
    created: str
    revoked: str = ""


def configured_credentials(options: ServiceOptions, api_key: str | None = None) -> Credentials:
    """Return the credentials that are configured.

    They are the operator's key, the keys of tenants in the user's directory, and the tokens of an issuer; without all
    of them, everybody is let in.

    Args:
        options: Name the issuer.
        api_key: The operator's key; by default from the environment, ``MEMORAG_GRAPH_API_KEY``.

    Raises:
        InputError: If an HTTP header cannot carry the key.
        MissingExtraError: If an issuer is named and the library for tokens is not installed.
    """
    file, key = KeyFile(), os.environ.get(API_KEY_VARIABLE) if api_key is None else api_key
    known: list[Credentials] = [*([OneKey(key)] if key else []), *([file] if file.exists() else [])]
    if options.oidc_issuer:
        known.append(_tokens(options))
    return AnyOf(tuple(known)) if known else Everybody()


def _tokens(options: ServiceOptions) -> Credentials:
    try:
        from memorag_graph.serving.oidc import OidcTokens
    except ImportError as error:
        raise MissingExtraError(f"oidc_issuer ({error.name})", "serve") from None
    return OidcTokens(options)


class KeyFile:
    """Named keys in a file that only its owner can read; changes count from the next request on.

    Args:
        path: The file; by default in the user's directory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or user_dir() / KEYS_FILE
        self._read: tuple[tuple[int, int, int], Sequence[Key]] = ((0, 0, 0), ())

    def exists(self) -> bool:
        """Return whether keys were ever made."""
        try:
            self._path.stat()  # not exists(), which is false for files that cannot be looked at, from Python 3.14 on
        except FileNotFoundError:
            return False
        return True

    def identify(self, secret: str) -> Principal | None:
        """Compare a secret with all keys in constant time."""
        sent, found = _digest(secret), None
        for key in self.read():
            if hmac.compare_digest(sent, key.sha256) and not key.revoked:
                found = Principal(key.name, key.tenant, key.role)
        return found

    def read(self) -> Sequence[Key]:
        """Return all keys, revoked ones included.

        Raises:
            InputError: If the file is damaged.
            DiskError: If it cannot be read.
        """
        with telling(self._path, "read"):
            try:
                stat = self._path.stat()
            except FileNotFoundError:
                return ()
            stamp, (known, keys) = (stat.st_ino, stat.st_mtime_ns, stat.st_size), self._read
            if known != stamp:
                keys = self._parse(self._path.read_bytes())
                self._read = (stamp, keys)  # at once: other threads read it
        return keys

    def add(self, name: str, tenant: str, role: Role) -> str:
        """Make a key and return its secret, which is shown this once.

        Raises:
            InputError: If a name cannot be used or exists.
            DiskError: If the file cannot be written.
        """
        for what, value in (("name", name), ("tenant", tenant)):
            if not NAME.fullmatch(value):
                raise InputError(what, f"{value!r} must be lower-case letters, digits and hyphens, at most 63")
        secret = f"mg_{secrets.token_urlsafe(32)}"
        with self._lock():
            if any(key.name == name for key in self.read()):
                raise InputError("name", f"there is a key {name!r} already; choose another name")
            self._write([*self.read(), Key(name, tenant, role, _digest(secret), _now())])
        return secret

    def revoke(self, name: str) -> None:
        """Make a key invalid; its name stays taken, so that logs stay unambiguous.

        Raises:
            InputError: If there is no such valid key.
            DiskError: If the file cannot be written.
        """
        with self._lock():
            if not any(key.name == name and not key.revoked for key in self.read()):
                raise InputError("name", f"there is no valid key {name!r}; list them with: memorag-graph keys list")
            self._write([replace(key, revoked=_now()) if key.name == name else key for key in self.read()])

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with telling(self._path, "written"):
            make_private_dir(self._path.parent)
            with FileLock(self._path.with_suffix(".lock")):
                remove_unfinished(self._path)  # of a killed process
                yield

    def _parse(self, content: bytes) -> Sequence[Key]:
        try:
            return [Key(**key) for key in json.loads(content)]
        except (ValueError, TypeError) as error:
            raise InputError(str(self._path), f"is no file of keys ({error}); restore or delete it") from None

    def _write(self, keys: Sequence[Key]) -> None:
        write_private(self._path, json.dumps([asdict(key) for key in keys], indent=1).encode())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
