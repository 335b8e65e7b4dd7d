"""Objects beneath a URL of an object store (S3, Google Cloud Storage, Azure), and what to tell where it is away."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore, from_url

from memorag_graph.errors import InputError, UnavailableError, first_line
from memorag_graph.library.silence import Silent, silence_of
from memorag_graph.library.store_url import checked_url

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

TRIED_SECONDS = 10.0
"""For how long a request is tried again, with growing random pauses, where the store does not answer."""

_MOST_TRIES = 40
_CONNECT_SECONDS, _REQUEST_SECONDS = 5, 60

_REFUSAL = re.compile(r"status code: (4(?!08|29)\d\d|501)|incorrectly configured region")
"""What a store answers that will answer the same again: not that it waited too long, or had too many requests."""

_UNKNOWN = "status code: 501"
CONDITIONAL_WRITES = (
    "use a store that knows conditional writes (If-None-Match), as one that does not may lose what two write at once"
)

_CODE = re.compile(r"<Code>(\w+)</Code>")
_ADDRESS = re.compile(r"(https?://)(?:[^/\s@]*@)?([^/\s@]+)")  # without a login
_LOST = re.compile("NoSuchBucket|ContainerNotFound|specified bucket does not exist")
_NO_CREDENTIALS = re.compile(r"https?://(169\.254\.|metadata\.|[^/]+/latest/api/token)")
"""Addresses that tell a machine in a cloud its credentials; asked where the environment holds none."""

_ADDRESSES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
"""Environment variables that name a server."""

_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"


def store_of_environment() -> str:
    """Return what the environment says of the store besides a URL: other servers may have a bucket of the same name."""
    named = (os.environ.get(it, "") for it in (*_ADDRESSES, _ACCOUNT))
    return " ".join(address.rpartition("//")[2].rpartition("@")[2].rstrip("/") for address in named if address)


class Bucket:
    """The objects beneath a URL. Safe to use from several threads.

    The credentials are those of the environment, under the names that the store's own tools use, or of the machine's
    role. A store that does not answer is waited for once, for :data:`TRIED_SECONDS`; from then on, until it answers, a
    call of the process tries once every few seconds, and the others fail at once.

    Args:
        url: ``s3://BUCKET/NAME``, ``gs://BUCKET/NAME`` or ``az://CONTAINER/NAME``.

    Attributes:
        url: The URL, without a slash at its end.
        engine: What clients of a service are told of it.

    Raises:
        InputError: If it is no such URL, or the environment lacks something.
    """

    engine = "the object store"

    def __init__(self, url: str) -> None:
        self.url = checked_url(url)
        self._silence = silence_of(f"{'/'.join(self.url.split('/')[:3])} {store_of_environment()}")  # of the bucket
        try:
            self._patient, self._impatient = _store(self.url, TRIED_SECONDS), _store(self.url, 0)
        except BaseError as error:
            raise InputError("library", f"{self.url} cannot be used ({first_line(error)})") from None

    def read(self, name: str) -> bytes:
        """Return an object.

        Raises:
            FileNotFoundError: If there is none.
            UnavailableError: If the store does not answer, or refuses.
        """
        return self.read_version(name)[0]

    def read_version(self, name: str) -> tuple[bytes, dict[str, str]]:
        """Return an object, and its version for :meth:`swap`.

        Raises:
            FileNotFoundError: If there is none.
            UnavailableError: If the store does not answer, or refuses.
        """
        with self._answering() as store:
            found = obstore.get(store, name)
            tags = {"e_tag": found.meta.get("e_tag"), "version": found.meta.get("version")}
            return bytes(found.bytes()), {key: tag for key, tag in tags.items() if tag is not None}

    def has(self, name: str) -> bool:
        """Return whether there is an object of a name.

        Raises:
            UnavailableError: If the store does not answer, or refuses.
        """
        with self._answering() as store, suppress(FileNotFoundError):
            obstore.head(store, name)
            return True
        return False

    def create(self, name: str, content: bytes) -> bool:
        """Write an object unless there is one of that name; return whether there was none.

        Raises:
            UnavailableError: If the store does not answer, or refuses.
        """
        with self._answering() as store:
            try:
                obstore.put(store, name, content, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def swap(self, name: str, content: bytes, version: Mapping[str, str]) -> bool:
        """Replace an object if it still has a version; return whether it had.

        Raises:
            UnavailableError: If the store does not answer, or refuses.
        """
        with self._answering() as store:
            try:
                obstore.put(store, name, content, mode={**version})  # type: ignore[arg-type]
            except PreconditionError:
                return False
        return True

    def sizes(self, folder: str = "") -> dict[str, int]:
        """Return the names of all objects, or of those in a folder, and their bytes.

        Raises:
            UnavailableError: If the store does not answer, or refuses.
        """
        return {name: it["size"] for name, it in self._listed(folder).items()}

    def tags(self, folder: str) -> dict[str, str]:
        """Return the names of the objects in a folder, and what changes with the content of each.

        Raises:
            UnavailableError: If the store does not answer, or refuses.
        """
        return {name: it["e_tag"] or str(it["last_modified"]) for name, it in self._listed(folder).items()}

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder, or of the uppermost ones.

        Raises:
            UnavailableError: If the store does not answer, or refuses.
        """
        with self._answering() as store:
            return list(obstore.list_with_delimiter(store, folder or None)["common_prefixes"])

    def delete(self, names: Collection[str]) -> None:
        """Delete objects; those that are not there cost nothing.

        Raises:
            UnavailableError: If the store does not answer, or refuses.
        """
        with self._answering() as store:
            try:
                obstore.delete(store, list(names))
            except FileNotFoundError as error:  # not all stores pass over what is not there
                if _LOST.search(str(error)):
                    raise
                for name in names:
                    with suppress(FileNotFoundError):
                        obstore.delete(store, name)

    def require_answer(self) -> None:
        """Check that the store answers, and has the bucket.

        Raises:
            UnavailableError: If it does not answer, or refuses.
        """
        self.sizes("nothing")

    def require_not_silent(self) -> None:
        """Fail at once, as all calls do, where the store has just not answered; for whoever asks it by other means.

        Raises:
            UnavailableError: If it has not, and does not yet.
        """
        if self._silence.is_on:
            self.require_answer()

    def lance_options(self) -> dict[str, str]:
        """Return what LanceDB has to be told to reach it; it reads the rest from the environment, too."""
        return {
            "allow_http": str(_is_plain()).lower(),
            "client_max_retries": "5",  # it tries several times itself
            "client_retry_timeout": str(int(TRIED_SECONDS)),
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "timeout": f"{_REQUEST_SECONDS}s",
        }

    def _listed(self, folder: str) -> "dict[str, ObjectMeta]":
        with self._answering() as store:
            return {it["path"]: it for part in obstore.list(store, folder or None, chunk_size=1000) for it in part}

    @contextmanager
    def _answering(self) -> Iterator[ObjectStore]:
        """Lend the store for one request, and tell what failed.

        Raises:
            FileNotFoundError: If there is no such object.
            UnavailableError: If the store does not answer, or refuses.
        """
        if (silent := self._silence.pause()) is not None:
            raise self._away(silent)
        try:
            yield self._impatient if self._silence.is_on else self._patient
        except FileNotFoundError as error:
            if _LOST.search(str(error)):
                raise self._refusing(error) from error
            self._silence.end()
            raise
        except BaseError as error:
            is_refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
            if is_refused or _NO_CREDENTIALS.search(str(error)) or _REFUSAL.search(str(error)):
                raise self._refusing(error) from error
            raise self._away(self._silence.go_on(_address(error), _reason(error))) from error
        self._silence.end()

    def _refusing(self, error: Exception) -> UnavailableError:
        reason, told = _reason(error), str(error)
        if _NO_CREDENTIALS.search(told):
            return UnavailableError(
                f"there are no credentials for {self.url}, neither in the environment nor of this machine ({reason}); "
                "nothing is lost: put them into the environment, and try again",
                self.engine,
            )
        self._silence.end()
        rights = (
            "see to the bucket's name, the region and the credentials in the environment and what they may do, and try"
        )
        cure = CONDITIONAL_WRITES if _UNKNOWN in told else f"{rights} again"
        what = f"the object store at {_address(error)}, where {self.url} is,"
        return UnavailableError(f"{what} refuses ({reason}); nothing is lost: {cure}", self.engine)

    def _away(self, silent: Silent) -> UnavailableError:
        return UnavailableError(
            f"the object store at {silent.address}, where {self.url} is, has not answered since {silent.since} "
            f"({silent.reason}); nothing is lost: start it, or see to its address in the environment, and try again. "
            "Meanwhile single memories, and libraries in directories, can be asked",
            self.engine,
            silent.since,
        )


def _store(url: str, tried_seconds: float) -> ObjectStore:
    client: ClientConfig = {
        "allow_http": _is_plain(),
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "timeout": timedelta(seconds=_REQUEST_SECONDS),
    }
    tries: RetryConfig = {
        "max_retries": _MOST_TRIES if tried_seconds else 0,
        "retry_timeout": timedelta(seconds=tried_seconds),
        "backoff": {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(seconds=1), "base": 2},
    }
    return from_url(url, client_options=client, retry_config=tries)


def _is_plain() -> bool:
    """Return whether the environment names a server that is reached without encryption."""
    return any(os.environ.get(it, "").startswith("http://") for it in _ADDRESSES)


def _address(error: Exception) -> str:
    found = _ADDRESS.search(str(error))
    return f"{found[1]}{found[2]}" if found else "its address"


def _reason(error: Exception) -> str:
    told = first_line(error).partition("<?xml")[0].rpartition(" - ")[2].strip(" :")
    code = _CODE.search(str(error))
    return f"{told}: {code[1]}" if code else told
