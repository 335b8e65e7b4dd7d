"""Credentials for a LangGraph server: the same keys, tokens and tenants as those of the service."""

from typing import Any

from fastapi import HTTPException, Request
from langgraph_sdk import Auth

from memorag_graph.errors import MemoragError
from memorag_graph.serving import guard
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.error_responses import retry_after, status_of
from memorag_graph.serving.served_graph import credentials, tenants
from memorag_graph.serving.told_errors import told_to_client

auth = Auth()
"""Named as ``auth`` in ``langgraph.json``."""

_TENANT = "memorag_tenant"


@auth.authenticate
async def authenticate(request: Request) -> dict[str, Any]:
    """Return the user that a request's key or token belongs to."""
    try:
        principal = await guard.authenticate(request, credentials, tenants.usage.count_request)
    except HTTPException as error:
        raise Auth.exceptions.HTTPException(error.status_code, error.detail, error.headers) from None
    except MemoragError as error:
        raise Auth.exceptions.HTTPException(status_of(error), told_to_client(error), retry_after(error)) from None
    return {
        "identity": principal.name,
        "tenant": principal.tenant,
        "role": principal.role,
        "permissions": [],
        "is_authenticated": True,
    }


@auth.on
async def only_own(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> dict[str, str]:
    """Mark what a user makes with the tenant, and show only what is so marked."""
    metadata = value.setdefault("metadata", {})
    metadata[_TENANT] = ctx.user["tenant"]
    return {_TENANT: ctx.user["tenant"]}


@auth.on.assistants
async def shared_assistants(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> None:
    """Let everybody use the assistants; only the operator changes them."""
    if ctx.action not in ("read", "search") and _principal(ctx).tenant:
        raise Auth.exceptions.HTTPException(403, "only the operator changes assistants")


@auth.on.store
async def no_store(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> None:
    """Keep tenants out of the server's store, which the graph does not use."""
    if _principal(ctx).tenant:
        raise Auth.exceptions.HTTPException(403, "the store is the operator's")


def _principal(ctx: Auth.types.AuthContext) -> Principal:
    return Principal(ctx.user["identity"], ctx.user["tenant"], ctx.user["role"])
