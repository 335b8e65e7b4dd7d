"""Tokens of an OpenID Connect issuer: signed by the issuer's keys, and made for this service.

A token is checked here alone, so it stays valid until it expires (RFC 9068). The tenant comes from a claim that the
issuer signed; a token without one is refused, because the tenant without a name is the operator.
"""

import logging
from collections.abc import Mapping
from typing import Any, get_args

import jwt

from memorag_graph.errors import ForbiddenError
from memorag_graph.service_settings import ServiceOptions
from memorag_graph.serving.credentials import NAME, RANK, Principal, Role
from memorag_graph.serving.issuer_keys import ALGORITHMS, IssuerKeys

_log = logging.getLogger(__name__)

_LEEWAY_SECONDS = 60
"""How far the issuer's clock may differ from this machine's."""

_LONGEST_NAME = 255
_PARTS = 3


class OidcTokens:
    """Recognises the bearer tokens of one issuer.

    Args:
        options: The issuer, the audience and the claims.
        keys: The issuer's keys; by default fetched when the first token comes.
    """

    def __init__(self, options: ServiceOptions, keys: IssuerKeys | None = None) -> None:
        self._options = options
        self._keys = keys or IssuerKeys(options.oidc_issuer)

    def identify(self, secret: str) -> Principal | None:
        """Return whom a token was made for; None if it is no valid token of the issuer. May fetch the issuer's keys.

        Raises:
            ForbiddenError: If it is valid but its claims allow nothing here.
            UnavailableError: If the issuer's keys are needed and cannot be fetched.
        """
        if secret.count(".") != _PARTS - 1 or not secret.isascii():  # a key
            return None
        try:
            claims = self._claims(secret)
        except jwt.PyJWTError as error:
            _log.info("a token was refused: %s", type(error).__name__)  # its message may repeat the token
            return None
        return None if claims is None else self._principal(claims)

    def _claims(self, token: str) -> dict[str, Any] | None:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:  # before a key is fetched
            raise jwt.InvalidAlgorithmError
        key = self._keys.key(header.get("kid", ""))
        if key is None:
            _log.info("a token was refused: its issuer has no such key")
            return None
        return jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._options.oidc_audience,
            issuer=self._options.oidc_issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
        )

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        name, tenant = claims["sub"], claims.get(self._options.oidc_tenant_claim)
        if not (0 < len(name) <= _LONGEST_NAME and name.isprintable()):
            raise ForbiddenError(f"the token's claim 'sub' must be 1 to {_LONGEST_NAME} printable characters")
        if not isinstance(tenant, str) or not NAME.fullmatch(tenant):
            raise ForbiddenError(
                f"the token's claim {self._options.oidc_tenant_claim!r} must name a tenant: lower-case letters, digits "
                "and hyphens, at most 63; ask whoever runs the issuer"
            )
        role = self._role(claims.get(self._options.oidc_role_claim))
        return Principal(name, tenant, role, str(self._options.oidc_issuer))

    def _role(self, claimed: object) -> Role:
        """Return the role of a claim: reader if there is none; of a list, which may hold others, the highest known."""
        if claimed is None:
            return "reader"
        known = [role for role in get_args(Role) if role in (claimed if isinstance(claimed, list) else [claimed])]
        if not known:
            raise ForbiddenError(
                f"the token's claim {self._options.oidc_role_claim!r} must be one of {', '.join(get_args(Role))}; ask "
                "whoever runs the issuer"
            )
        return max(known, key=RANK.__getitem__)
