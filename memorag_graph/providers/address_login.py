"""Logins in addresses of providers, such as ``https://user:password@host``.

They are kept out of the address, because logs, traces and reprs show it.
"""

from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit


def login_of(address: str) -> tuple[str, str] | None:
    """Return the user and the password of an address; None if it has none."""
    if "@" not in address:
        return None
    parts = urlsplit(address)
    return (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None


def without_login(address: str) -> str:
    """Return an address without user and password."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def clients_with(login: tuple[str, str]) -> dict[str, Any]:
    """Return the fields of a chat model of the OpenAI family that make it send a login with each request."""
    from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

    return {"http_client": DefaultHttpxClient(auth=login), "http_async_client": DefaultAsyncHttpxClient(auth=login)}
