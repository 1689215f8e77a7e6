"""A little OpenID issuer on a real port: its documents, its keys, and tokens signed with them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from starlette.types import Receive, Scope, Send

AUDIENCE = "fund-web"
Json = dict[str, Any]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_CURVES: dict[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


def private_key(algorithm: str, bits: int = 2_048) -> PrivateKey:
    """A new key that signs by this algorithm."""
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm])
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def entry(key: PrivateKey, **more: object) -> Json:
    """The public half as a JWKS has it."""
    match key:
        case rsa.RSAPrivateKey():
            told = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case ec.EllipticCurvePrivateKey():
            told = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case _:
            told = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**told, **more}


@dataclass(slots=True)
class LittleIssuer:
    """What it answers with, and what it was asked.

    Attributes:
        documents: By path; text is sent as it is.
        asked: Paths in the order they were asked for.
        away: Answers everything with 503.
        open: Cleared, answers wait.
    """

    url: str = ""
    documents: dict[str, Json | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, *keys: Json) -> None:
        """Signs with these keys from now on."""
        self.documents["/keys"] = {"keys": list(keys)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            return
        self.asked.append(scope["path"])
        await self.open.wait()
        document = self.documents.get(scope["path"])
        status = 503 if self.away else 404 if document is None else 200
        body = document if isinstance(document, str) else json.dumps(document)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})

    def token(self, key: PrivateKey | str, algorithm: str, key_id: str | None, typ: str = "JWT", **changed: Any) -> str:
        """A good token of somebody new, but for the claims changed; None leaves one out."""
        now = datetime.now(UTC)
        subject = uuid4().hex
        claims = {
            "iss": self.url, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + timedelta(minutes=5),
            "email": f"{subject}@example.org", "email_verified": True, **changed,
        }  # fmt: skip
        kept = {name: claim for name, claim in claims.items() if claim is not None}
        headers = {"typ": typ} if key_id is None else {"typ": typ, "kid": key_id}
        return jwt.encode(kept, key, algorithm=algorithm, headers=headers)


@asynccontextmanager
async def issuing() -> AsyncIterator[LittleIssuer]:
    """A running issuer without keys yet."""
    issuer = LittleIssuer()
    issuer.open.set()
    server = uvicorn.Server(
        uvicorn.Config(issuer, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off", ws="none")
    )
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        assert not serving.done(), "the issuer did not start"
        await asyncio.sleep(0.01)
    issuer.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    issuer.documents["/.well-known/openid-configuration"] = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
    try:
        yield issuer
    finally:
        issuer.open.set()
        server.should_exit = True
        await serving
