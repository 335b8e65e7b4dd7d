"""Describe the endpoints of an app and of the app mounted in it in one OpenAPI document."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_EVENT = {"type": "object", "properties": {name: {"type": "string"} for name in ("event", "data", "id")}}
_EVENTS = {"text/event-stream": {"schema": _EVENT}}


def describe_together(app: FastAPI, path: str, mounted: FastAPI) -> None:
    """Make an app's OpenAPI document include the endpoints of another that is mounted at a path."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
            inner = mounted.openapi()
            for endpoint, methods in inner["paths"].items():
                if endpoint.rpartition("/")[2].startswith("stream"):
                    methods["post"]["responses"]["200"]["content"] = _EVENTS
            schema["paths"] |= {f"{path}{route}": methods for route, methods in inner["paths"].items()}
            for kind, parts in inner.get("components", {}).items():
                schema.setdefault("components", {}).setdefault(kind, {}).update(parts)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
