"""The public keys of an OpenID Connect issuer, fetched when they are needed and not more often."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

from memorag_graph.errors import UnavailableError
from memorag_graph.service_settings import address_fault

_log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones only: with a symmetric one, whoever knows the public key could sign."""

_PLACE = "/.well-known/openid-configuration"
_TIMEOUT_SECONDS = 5.0
_FRESH_SECONDS = 600.0
_WAIT_SECONDS = 2.0
"""How long a request waits for the look of another one, so that a dead issuer does not occupy all threads."""

_USABLE_SECONDS = 3600.0
"""Known keys outlive a failure of the issuer for this long; then one that it withdrew must not count any more."""

PAUSE_SECONDS = 10.0
"""Between two looks at the issuer, whatever tokens say: forged ones must not make this service flood it."""


@dataclass(frozen=True)
class _Fetched:
    """What the issuer last said.

    Attributes:
        at: When.
        keys: Its keys for signatures, by id; the one without an id has an empty one.
    """

    at: float = float("-inf")
    keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict)


class IssuerKeys:
    """The keys of an issuer. Thread-safe.

    Args:
        issuer: Its address.
        clock: Returns seconds that never go back.
    """

    def __init__(self, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._clock = clock
        self._fetched = _Fetched()
        self._tried = float("-inf")
        self._fault = ""
        self._lock = threading.Lock()

    def key(self, key_id: str) -> jwt.PyJWK | None:
        """Return a key by its id; None if the issuer has none.

        Raises:
            UnavailableError: If the issuer has to be asked and does not answer.
        """
        known = self._known(key_id, _USABLE_SECONDS)
        if self._known(key_id, _FRESH_SECONDS):
            return known
        has_looked = self._lock.acquire(timeout=0 if known else _WAIT_SECONDS)  # who knows the key need not wait
        if has_looked:
            try:
                if self._clock() - self._tried >= PAUSE_SECONDS and not self._known(key_id, _FRESH_SECONDS):
                    self._look()
            finally:
                self._lock.release()
        known = self._known(key_id, _USABLE_SECONDS)
        if known is None and (self._fault or not has_looked):
            fault = self._fault or "it has not answered yet"
            raise UnavailableError(f"the issuer of tokens cannot be asked for its keys: {fault}; try again later")
        return known

    def _known(self, key_id: str, seconds: float) -> jwt.PyJWK | None:
        fetched = self._fetched
        return fetched.keys.get(key_id) if self._clock() - fetched.at < seconds else None

    def _look(self) -> None:
        self._tried = self._clock()
        try:
            self._fetched, self._fault = _Fetched(self._clock(), self._fetch()), ""
        except httpx.HTTPStatusError as error:
            self._fault = f"HTTP {error.response.status_code}"
        except (httpx.HTTPError, OSError) as error:
            self._fault = type(error).__name__
        except (httpx.InvalidURL, jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError):
            self._fault = "its answer is not what OpenID Connect Discovery prescribes"
        if self._fault:
            _log.warning("the issuer %s cannot be asked for its keys: %s", self._issuer, self._fault)

    def _fetch(self) -> Mapping[str, jwt.PyJWK]:
        with httpx.Client(timeout=_TIMEOUT_SECONDS) as client:
            described = _json(client, self._issuer.rstrip("/") + _PLACE)
            if described["issuer"] != self._issuer:
                raise ValueError("another issuer")
            if fault := address_fault(described["jwks_uri"]):
                raise ValueError(fault)
            found = jwt.PyJWKSet.from_dict(_json(client, described["jwks_uri"]))
        return {
            key.key_id or "": key
            for key in found
            if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
        }


def _json(client: httpx.Client, address: str) -> dict[str, Any]:
    content: dict[str, Any] = client.get(address).raise_for_status().json()
    return content
