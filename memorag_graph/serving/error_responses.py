"""Turn errors into HTTP responses that name the field and the reason."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from memorag_graph.errors import (
    CostLimitError,
    InputError,
    MemoragError,
    MemoryFileError,
    MemoryMismatchError,
    MissingExtraError,
    ModelError,
)

_STATUS: Mapping[type[MemoragError], int] = {
    InputError: 422,
    MemoryFileError: 409,
    MemoryMismatchError: 409,
    CostLimitError: 429,
    MissingExtraError: 501,
    ModelError: 503,
}
_FIELD_MESSAGE = re.compile(r"(\w+): (.*)")
_WRAPPERS = ("body", "query", "path", "header", "input", "config", "configurable", "inputs")


def answer_errors(app: FastAPI) -> None:
    """Make an app answer errors as ``{"error": {"field": ..., "message": ...}}``."""

    @app.exception_handler(MemoragError)
    async def _memorag(_: Request, error: MemoragError) -> JSONResponse:
        return error_response(status_of(error), str(error), error.field if isinstance(error, InputError) else None)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return error_response(422, *_first_error(error.errors()))

    @app.exception_handler(UnicodeDecodeError)
    @app.exception_handler(RecursionError)
    async def _unreadable(_: Request, error: Exception) -> JSONResponse:
        too_deep = isinstance(error, RecursionError)
        return error_response(422, "is nested too deeply" if too_deep else "must be JSON in UTF-8", "body")

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return error_response(error.status_code, str(error.detail), headers=error.headers)


def status_of(error: MemoragError) -> int:
    """Return the HTTP status of an error of this package."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def error_response(
    status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the JSON response of an error."""
    return JSONResponse({"error": {"field": field, "message": message}}, status, headers)


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
