"""Describe the endpoints of an app and of the apps mounted in it in one OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_EVENT = {"type": "object", "properties": {name: {"type": "string"} for name in ("event", "data", "id")}}
_EVENTS = {"text/event-stream": {"schema": _EVENT}}


def describe_together(app: FastAPI, mounted: Mapping[str, FastAPI]) -> None:
    """Make an app's OpenAPI document include the endpoints of others that are mounted at paths."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for path, inner in mounted.items():
                _include(schema, path, inner.openapi())
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _include(schema: dict[str, Any], path: str, inner: dict[str, Any]) -> None:
    """Add the endpoints of an app, mounted at a path, to the document of another."""
    for endpoint, methods in inner["paths"].items():
        if endpoint.rpartition("/")[2].startswith("stream"):
            methods["post"]["responses"]["200"]["content"] = _EVENTS
    schema["paths"] |= {f"{path}{route}": methods for route, methods in inner["paths"].items()}
    for kind, parts in inner.get("components", {}).items():
        schema.setdefault("components", {}).setdefault(kind, {}).update(parts)
