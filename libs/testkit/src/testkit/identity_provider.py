"""An OpenID provider of the tests' own: real HTTP on a free port, keys of its own, and faults on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "headwater", "between us"


@dataclass
class IdentityProvider:
    """`claims` are what it says of whoever signs in; `spoil` changes the claims before they are signed."""

    issuer: str = ""
    key: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65537, 2048))
    key_id: str = "k1"
    claims: dict[str, Any] = field(default_factory=dict)
    spoil: dict[str, Any] = field(default_factory=dict)
    published_key: RSAPrivateKey | None = None
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def sign_in(self, authorization_url: str) -> tuple[str, str]:
        """What a person does there; returns the code and the state that go back."""
        parts = urlsplit(authorization_url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize"
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["client_id"] == CLIENT_ID
        code = uuid4().hex
        self.codes[code] = query
        return code, query["state"]

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        if path == "/keys":
            public = (self.published_key or self.key).public_key()
            entry = json.loads(RSAAlgorithm.to_jwk(public))
            return 200, {"keys": [entry | {"kid": self.key_id, "use": "sig"}]}
        if path == "/token":
            return self._token(form, authorization)
        return 404, {}

    def _token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        query = self.codes.pop(form.get("code", ""), None)
        proof = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '%20')}".encode()).decode()
        verifier = form.get("code_verifier", "").encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
        if (
            query is None
            or authorization != f"Basic {proof}"
            or challenge != query["code_challenge"]
            or form.get("redirect_uri") != query["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 60,
            "nonce": query["nonce"],
        } | self.claims
        claims = {name: value for name, value in (claims | self.spoil).items() if value is not None}
        key: Any = self.key if self.algorithm == "RS256" else CLIENT_SECRET
        if self.algorithm == "none":
            key = None
        token = jwt.encode(claims, key, self.algorithm, headers={"kid": self.key_id})
        return 200, {"id_token": token, "access_token": "a", "token_type": "Bearer"}


@contextmanager
def an_identity_provider() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            status, tree = provider.answer(path, form, self.headers.get("Authorization", ""))
            body = json.dumps(tree).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def settings_for(provider: IdentityProvider, public_url: str = "http://127.0.0.1:1") -> dict[str, str]:
    """What identity's environment says about it."""
    return {
        "IDENTITY_PROVIDERS": "corp",
        "IDENTITY_PUBLIC_URL": public_url,
        "IDENTITY_PROVIDER_CORP_TITLE": "The corporation",
        "IDENTITY_PROVIDER_CORP_ISSUER": provider.issuer,
        "IDENTITY_PROVIDER_CORP_CLIENT_ID": CLIENT_ID,
        "IDENTITY_PROVIDER_CORP_CLIENT_SECRET": CLIENT_SECRET,
    }
