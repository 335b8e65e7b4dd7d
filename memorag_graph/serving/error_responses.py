"""Turn errors into HTTP responses that name the field and the reason."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from memorag_graph.errors import (
    MEMORY_IS_FULL,
    CancelledRunError,
    CostLimitError,
    DiskError,
    ForbiddenError,
    InputError,
    LibraryBusyError,
    LibraryError,
    MemoragError,
    MemoryFileError,
    MemoryMismatchError,
    MissingExtraError,
    ModelError,
    NoRoomError,
    QuotaError,
    StorageQuotaError,
    TakenNameError,
    TimeLimitError,
    UnavailableError,
    UnknownDocumentError,
    UnknownLibraryError,
    UnknownMemoryError,
)
from memorag_graph.serving.told_errors import told_to_client

_STATUS: Mapping[type[MemoragError], int] = {
    UnknownMemoryError: 404,
    UnknownDocumentError: 404,
    UnknownLibraryError: 404,
    LibraryBusyError: 409,
    LibraryError: 409,
    TakenNameError: 409,
    InputError: 422,
    ForbiddenError: 403,
    MemoryFileError: 409,
    MemoryMismatchError: 409,
    CostLimitError: 429,
    QuotaError: 429,
    StorageQuotaError: 507,
    NoRoomError: 507,
    TimeLimitError: 504,
    CancelledRunError: 503,
    MissingExtraError: 501,
    ModelError: 503,
    DiskError: 503,
    UnavailableError: 503,
}
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_FIELD_MESSAGE = re.compile(r"(\w+): (.*)")
_WRAPPERS = ("body", "query", "path", "header", "input", "config", "configurable", "inputs")


class ErrorDetail(BaseModel):
    """What is wrong."""

    field: str | None = Field(description="The field of the request that is wrong; null if it is none.")
    message: str = Field(description="What is wrong, and what to do.")


class ErrorBody(BaseModel):
    """The body of every error."""

    error: ErrorDetail


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in {
        400: "The request cannot be read.",
        401: "No valid key or token was sent.",
        403: "The key or token does not allow this.",
        404: "There is no such memory, library or document.",
        408: "The client paused for too long while it sent the body.",
        409: "The memory or library is in use, damaged, or was made with other models; or a name is taken.",
        413: "The request is too large.",
        422: "A field is invalid.",
        429: "A limit is reached; Retry-After says when to try again.",
        501: "An optional dependency is missing on the server.",
        503: "A model or the issuer of tokens is not available, or the server is busy.",
        504: "The request took longer than its time limit.",
        507: "It does not fit in the quota, the memory or the disk.",
    }.items()
}
"""Responses of errors, for the OpenAPI document."""


class Respond(Protocol):
    """Makes the response of an error; :func:`error_response` is one."""

    def __call__(
        self, status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> JSONResponse:
        """Return the response."""


def answer_errors(app: FastAPI, respond: Respond | None = None) -> None:
    """Make an app answer errors.

    Args:
        app: The app.
        respond: Makes the responses; by default they are ``{"error": {"field": ..., "message": ...}}``.
    """
    respond = respond or error_response

    @app.exception_handler(MemoragError)
    async def _memorag(_: Request, error: MemoragError) -> JSONResponse:
        field = error.field if isinstance(error, InputError) else None
        return respond(status_of(error), told_to_client(error), field, retry_after(error))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return respond(422, *_first_error(error.errors()))

    @app.exception_handler(UnicodeDecodeError)
    @app.exception_handler(RecursionError)
    async def _unreadable(_: Request, error: Exception) -> JSONResponse:
        too_deep = isinstance(error, RecursionError)
        return respond(422, "is nested too deeply" if too_deep else "must be JSON in UTF-8", "body")

    @app.exception_handler(MemoryError)
    async def _full(_: Request, error: MemoryError) -> JSONResponse:
        return respond(507, MEMORY_IS_FULL)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = {"Allow": _methods(request)} if error.status_code == 405 else error.headers
        return respond(error.status_code, str(error.detail), headers=headers)


def status_of(error: MemoragError) -> int:
    """Return the HTTP status of an error of this package."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def _methods(request: Request) -> str:
    """Return all methods of a path; each is a route of its own, and Starlette tells those of the first."""
    routes = request.app.router.routes
    known = [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] == Match.FULL for route in routes)
    ]
    return ", ".join(known)


def retry_after(error: MemoragError) -> dict[str, str] | None:
    """Return the header that says when to try again; None if that would not help."""
    return {"Retry-After": str(math.ceil(error.retry_seconds))} if isinstance(error, QuotaError) else None


def error_response(
    status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the JSON response of an error."""
    shown = {"field": field and printable(field), "message": printable(message)}
    return JSONResponse({"error": shown}, status, headers)


def printable(text: str) -> str:
    """Write lone surrogates, which no response can carry, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _first_error(errors: Sequence[Any]) -> tuple[str, str | None]:
    """Return the message and the field of a validation's first error."""
    first = errors[0] if errors else "the request cannot be read"
    if not isinstance(first, Mapping):
        return str(first), None
    parts = [str(part) for part in first["loc"] if part not in _WRAPPERS]
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "string_pattern_mismatch" and parts[-1:] == ["memory_id"]:
        message = "must be the id of a memory; list them with GET /memories"
    named = _FIELD_MESSAGE.fullmatch(message)  # validators of a whole model name the field in the message
    return (named[2], named[1]) if named and not parts else (message, ".".join(parts) or None)
