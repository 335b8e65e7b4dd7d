"""Settings of a service: whose tokens it takes, and what each tenant may use."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

LOOPBACK = ("127.0.0.1", "::1", "localhost")

_Limit = Annotated[int | None, Field(ge=1)]


class ServiceOptions(BaseModel):
    """Options of a service, on the command line as behind a LangGraph server.

    Like :class:`memorag_graph.settings.RunOptions`, they come from ``memorag-graph.toml``, ``MEMORAG_GRAPH_*``
    variables and flags.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    oidc_issuer: str = Field("", description="OpenID Connect issuer whose tokens are accepted: its https address.")
    oidc_audience: str = Field(
        "", validate_default=True, description="Audience that tokens must be made for: this service's name there."
    )
    oidc_tenant_claim: str = Field("tenant", min_length=1, description="Claim of a token that names the tenant.")
    oidc_role_claim: str = Field(
        "role", min_length=1, description="Claim of a token with the role, or a list of roles; without it: reader."
    )
    tenant_requests: _Limit = Field(None, description="Requests a minute of each tenant.")
    tenant_jobs: _Limit = Field(None, description="Memorizing jobs at once of each tenant.")
    tenant_tokens: _Limit = Field(None, description="Tokens a day of each tenant.")
    tenant_documents: _Limit = Field(None, description="Documents of each tenant.")
    tenant_mb: _Limit = Field(None, description="MB of memories of each tenant.")
    libraries: str = Field(
        "", description="Where libraries are kept: a directory, or s3://BUCKET/NAME (also gs, az) with Postgres."
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _is_an_issuer(cls, issuer: str) -> str:
        if issuer and (fault := address_fault(issuer)):
            raise PydanticCustomError("issuer", fault)
        return issuer

    @field_validator("oidc_audience")
    @classmethod
    def _is_given_with_an_issuer(cls, audience: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not audience:
            raise PydanticCustomError(
                "audience", "is needed with oidc_issuer; otherwise tokens that are meant for others would be accepted"
            )
        return audience


def address_fault(address: str) -> str:
    """Return why an address of an issuer cannot be trusted; empty if it can: https, or on this machine."""
    try:
        parts = urlsplit(address)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        return "must be an address"
    if not has_host or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        return "must begin with https:// (http:// only on loopback)"
    if parts.query or parts.fragment or "@" in parts.netloc:
        return "must have no login, query and fragment"
    return ""
