"""Who visits the demo: known by a key or token, typed into its page or sent by a proxy with each request."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping

from memorag_graph.serving.credentials import Credentials, Everybody, Principal

SESSION = "memorag_graph_session"
"""Cookie of a visitor who logged in."""

MAX_SESSIONS = 10_000
"""Visitors that stay logged in; the least recently seen is logged out first."""

_BEARER = "bearer "


class Visitors:
    """Recognises visitors. Thread-safe.

    Keys and tokens are kept in this process alone, and looked up anew each time, so that one that was revoked or has
    expired ends its visit.

    Args:
        credentials: Recognises keys and tokens.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._secrets: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def has_login(self) -> bool:
        """Whether visitors have to log in; without keys everybody is the operator."""
        return not isinstance(self._credentials, Everybody)

    def find(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Principal | None:
        """Return who sent a request; None if nobody known did.

        A key or token in a header counts before the cookie of a visitor who logged in.

        Args:
            headers: Its headers; the names in lower case, or found in any case.
            cookies: Its cookies.

        Raises:
            InputError: If the file of keys is damaged.
            ForbiddenError: If a token is valid but allows nothing here.
            UnavailableError: If the issuer of tokens cannot be reached.
        """
        secret = sent_secret(headers) or self._secret(cookies.get(SESSION, ""))
        return self._credentials.identify(secret) if secret or not self.has_login else None

    def admit(self, secret: str) -> str | None:
        """Return the session of a visitor who logs in; None if nobody has this key or token.

        Raises:
            MemoragError: As :meth:`find`.
        """
        if not secret or self._credentials.identify(secret) is None:
            return None
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._secrets[session] = secret
            if len(self._secrets) > MAX_SESSIONS:
                self._secrets.popitem(last=False)
        return session

    def leave(self, session: str) -> None:
        """End a session."""
        with self._lock:
            self._secrets.pop(session, None)

    def _secret(self, session: str) -> str:
        with self._lock:
            if session in self._secrets:
                self._secrets.move_to_end(session)
            return self._secrets.get(session, "")


def sent_secret(headers: Mapping[str, str]) -> str:
    """Return the key or token that a proxy or program sends in a header, as to the service; empty if there is none."""
    if key := headers.get("x-api-key", ""):
        return key
    authorization = headers.get("authorization", "")
    return authorization[len(_BEARER) :].strip() if authorization.lower().startswith(_BEARER) else ""
