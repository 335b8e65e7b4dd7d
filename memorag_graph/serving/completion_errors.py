"""Errors in the shape of OpenAI's protocol."""

from collections.abc import Mapping

from fastapi.responses import JSONResponse

from memorag_graph.serving.error_responses import printable

_INVALID = 400
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
_FIRST_OF_SERVER = 500


def completion_error(
    status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the response of an error; invalid input is 400, as that protocol has it."""
    status = _INVALID if status == 422 else status
    return JSONResponse(error_body(status, message, field), status, headers)


def error_body(status: int, message: str, field: str | None = None) -> dict[str, object]:
    """Return the body of an error, which is also an event of a stream."""
    kind = _TYPES.get(status, "server_error" if status >= _FIRST_OF_SERVER else "invalid_request_error")
    code = "model_not_found" if status == 404 and field == "model" else _CODES.get(status)
    named = field and printable(field)
    return {"error": {"message": printable(message), "type": kind, "param": named, "code": code}}
