"""How requests use an inference server: whose cache they read, in which session, and how urgent they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.providers.cache_salt import cache_salt, require_secret, service_secret
from memorag_graph.providers.inference_server import Engine, ServerFacts

AT_ONCE = 8
"""Default maximum of requests at once."""

_VLLM_LATER = 1
"""vLLM runs requests with lower numbers first, and those that name none have 0."""


@dataclass(frozen=True)
class ServerUse:
    """How to use a server.

    Attributes:
        tenant: Whose cache is read; None for one that is not kept apart.
        secret: Secret of the salts; by default that of this user's services.
        engine: The server's program, where it does not tell; by default what it tells.
        by_priority: Whether the server schedules by priority; SGLang tells that itself.
        kv_transfer_params: Parameters of vLLM's connectors, such as LMCache, sent with each request.
        warms_up: Whether the server reads a memory before its first question.
        at_once: Maximum requests at once.

    Raises:
        InputError: If the secret could be guessed, the program is unknown, or a value is of another type.
    """

    tenant: str | None = None
    secret: str = field(default="", repr=False)
    engine: Engine | None = None
    by_priority: bool = False
    kv_transfer_params: Mapping[str, Any] = field(default_factory=dict)
    warms_up: bool = True
    at_once: int = AT_ONCE

    def __post_init__(self) -> None:
        """Check what does not need the server."""
        if self.tenant is not None and not isinstance(self.tenant, str):
            raise InputError("tenant", f"must be a text, not {type(self.tenant).__name__}")
        if not isinstance(self.kv_transfer_params, Mapping):
            raise InputError("kv_transfer_params", f"must be a dict, not {type(self.kv_transfer_params).__name__}")
        if self.secret:
            require_secret(self.secret)
        if self.engine not in (None, "vllm", "sglang", ""):
            raise InputError("engine", f"{self.engine!r} is unknown; choose from vllm and sglang, or leave it out")

    def of_tenant(self, tenant: str) -> "ServerUse":
        """Return the use of the same server by another tenant."""
        return replace(self, tenant=tenant)

    @property
    def is_apart(self) -> bool:
        """Whether the cache is kept apart from that of others."""
        return self.tenant is not None

    def told(self, facts: ServerFacts) -> ServerFacts:
        """Return what is known of a server: the caller's word, else its own.

        Raises:
            InputError: If the tenants of this server would share a cache although each has a salt.
        """
        known = facts if self.engine is None else replace(facts, engine=self.engine)
        if self.is_apart and known.engine == "sglang" and known.lmcache is not False:
            reason = "keeps its cache in LMCache" if known.lmcache else "does not tell whether it keeps it in LMCache"
            raise InputError(
                "model",
                f"this SGLang server {reason}, which ignores salts, so tenants could find out by timing what others "
                "ask; start it without --enable-lmcache, or serve the model with vLLM",
            )
        return known

    def fields(self, facts: ServerFacts, session: str, *, later: bool) -> dict[str, Any]:
        """Return what a request to a server says besides its messages; nothing to a server that is not known.

        Args:
            facts: What is known of the server.
            session: Names what the request begins with: a memory and its shard; empty for none.
            later: Whether the request may wait for others.
        """
        if not facts.engine:
            return {}
        fields: dict[str, Any] = {"session_id": session} if session else {}
        priority = _VLLM_LATER if self.by_priority and facts.engine == "vllm" else facts.later
        if priority is not None:
            fields["priority"] = priority if later else 0
        if self.kv_transfer_params:
            fields["kv_transfer_params"] = dict(self.kv_transfer_params)
        return fields

    def secret_fields(self, facts: ServerFacts) -> dict[str, str]:
        """Return what a request says that no trace may show: the tenant's salt."""
        if self.tenant is None or not facts.engine:
            return {}
        return {"cache_salt": cache_salt(self.secret or service_secret(), self.tenant)}
