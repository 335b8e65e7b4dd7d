"""An OpenID Connect issuer on loopback: signs tokens, publishes its keys, and fails as it is told."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from memorag_graph.service_settings import ServiceOptions

AUDIENCE = "memorag"
_KINDS: dict[str, Any] = {"RS256": RSAAlgorithm, "PS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


def new_key(algorithm: str = "ES256", bits: int = 2048) -> Any:
    """Make a private key for an algorithm."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, bits)


class Handler(BaseHTTPRequestHandler):
    server: "Issuer"

    def log_message(self, *args: object) -> None:
        """Write nothing."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        time.sleep(self.server.seconds)
        answer = {"/jwks": self.server.jwks, "/.well-known/openid-configuration": self.server.described}[self.path]
        body = json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Issuer(ThreadingHTTPServer):
    """The issuer; ``asked`` are the paths that were read."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.described = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}
        self.jwks: dict[str, Any] = {"keys": []}
        self.asked: list[str] = []
        self.status = 200
        self.seconds = 0.0
        self.keys: dict[str, tuple[Any, str]] = {}
        self.add_key("first")
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def add_key(self, key_id: str, algorithm: str = "ES256", bits: int = 2048, **published: Any) -> None:
        """Make and publish a key."""
        key = new_key(algorithm, bits)
        self.keys[key_id] = key, algorithm
        public = json.loads(_KINDS[algorithm].to_jwk(key.public_key()))
        self.jwks["keys"].append({**public, "kid": key_id, "alg": algorithm, "use": "sig", **published})

    def token(self, key_id: str = "first", /, **claims: Any) -> str:
        """Sign a token; claims that are None are left out."""
        key, algorithm = self.keys[key_id]
        return self.signed(key, algorithm, {"kid": key_id}, **claims)

    def signed(self, key: Any, algorithm: str, header: dict[str, Any], /, **claims: Any) -> str:
        """Sign a token with any key."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "tenant": "acme", "exp": now + 600, "iat": now}
        given = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(given, key, algorithm, {**header})

    def public_pem(self, key_id: str = "first") -> bytes:
        """Return a public key as text."""
        pem: bytes = self.keys[key_id][0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    @property
    def options(self) -> ServiceOptions:
        """The options of a service that accepts the tokens."""
        return ServiceOptions(oidc_issuer=self.url, oidc_audience=AUDIENCE)

    def stop(self) -> None:
        """Be gone."""
        self.shutdown()
        self.server_close()
