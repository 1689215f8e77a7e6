"""Signing in with an OpenID issuer's tokens: which are good, and whose they are."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.app import application
from infra.identities import Identities
from infra.runtime import Runtime
from infra.settings import Settings
from tests.api.asking import Caller, Json
from tests.api.serving import serving
from tests.api.test_security import NOT_VALID, part, text
from tests.conftest import SECRET, Live, Servers
from tests.issuer import AUDIENCE, LittleIssuer, entry, issuing, private_key

VIEWER = "{ viewer { id email isAdministrator memberships { role } } }"
RSA, EC, STRANGE = private_key("RS256"), private_key("ES256"), private_key("RS256")


@dataclass(frozen=True, slots=True)
class Taking:
    """An API that takes an issuer's tokens beside its own."""

    issuer: LittleIssuer
    http: httpx.AsyncClient

    def signed(self, **changed: Any) -> str:
        return self.issuer.token(RSA, "RS256", "r", **changed)

    async def viewer(self, token: str) -> Json:
        viewer: Json = (await Caller(self.http, token).data(VIEWER))["viewer"]
        return viewer

    async def refused(self, token: str) -> str:
        error = await Caller(self.http, token).error(VIEWER)
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        message: str = error["message"]
        return message


@pytest_asyncio.fixture(scope="module")
async def taking(servers: Servers) -> AsyncIterator[Taking]:
    async with issuing() as issuer:
        issuer.publish(entry(RSA, kid="r"), entry(EC, kid="e"))
        settings = Settings(oidc_issuer=issuer.url, oidc_audience=AUDIENCE, allow_private_issuer=True)
        app = application(settings, servers.database_url, servers.redis_url, SECRET)
        async with serving(app) as http:
            yield Taking(issuer, http)


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


# Whose a token is.


async def test_somebody_new_is_made_known_without_any_role(taking: Taking) -> None:
    token = taking.signed(sub="auth0|ann", email="Ann@Example.org")
    viewer = await taking.viewer(token)
    assert viewer == {"id": viewer["id"], "email": "ann@example.org", "isAdministrator": False, "memberships": []}
    # Under another e-mail too, and without any.
    assert await taking.viewer(taking.signed(sub="auth0|ann", email="ann@elsewhere.org")) == viewer
    assert await taking.viewer(taking.signed(sub="auth0|ann", email=None, email_verified=None)) == viewer


async def test_whoever_has_the_verified_e_mail_is_linked_once(taking: Taking, live: Live) -> None:
    person = await live.runtime.people.enrol(f"{uuid4().hex}@example.org", administrator=True)
    linked = await taking.viewer(taking.signed(sub=f"first {person.id}", email=person.email.upper()))
    assert (linked["id"], linked["isAdministrator"]) == (str(person.id), True)
    # An address that the issuer gave to somebody else since is no way in.
    message = await taking.refused(taking.signed(sub=f"second {person.id}", email=person.email))
    assert message == "Somebody else signs in with the token's e-mail."


async def test_one_seen_first_many_times_at_once_is_one_person(taking: Taking) -> None:
    token = taking.signed()
    viewers = await asyncio.gather(*[taking.viewer(token) for _ in range(12)])
    assert len({viewer["id"] for viewer in viewers}) == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None},
        {"email": ["ann@example.org"]},
        {"email": "ann@exam\u212aple.org"},
    ],
)
async def test_an_e_mail_that_the_issuer_has_not_verified_lets_nobody_new_in(taking: Taking, claims: Json) -> None:
    message = "The token names nobody known here, and no e-mail that its issuer has verified."
    assert await taking.refused(taking.signed(**claims)) == message


async def test_our_own_tokens_go_on_being_taken(taking: Taking, live: Live) -> None:
    assert (await taking.viewer(await live.token(administrator=True)))["isAdministrator"]


# Which tokens are good.


async def test_every_algorithm_of_a_published_key_is_taken(taking: Taking) -> None:
    subject = uuid4().hex
    for key, key_id, algorithm in ((RSA, "r", "RS256"), (RSA, "r", "PS512"), (EC, "e", "ES256"), (EC, None, "ES256")):
        token = taking.issuer.token(key, algorithm, key_id, sub=subject, email=f"{subject}@example.org")
        assert (await taking.viewer(token))["email"] == f"{subject}@example.org"


async def test_clocks_may_be_a_little_apart(taking: Taking) -> None:
    for claims in (
        {"exp": ago(seconds=3)},
        {"nbf": ago(seconds=-3)},
        {"iat": ago(seconds=-3)},
        {"aud": ["other", AUDIENCE]},
    ):
        assert await taking.viewer(taking.signed(**claims))


def forged(taking: Taking, secret: bytes, algorithm: str = "HS256") -> str:
    """Signed with a public key as though it were a secret."""
    _, claims, _ = taking.signed().split(".")
    signed = f"{part({'alg': algorithm, 'kid': 'r', 'typ': 'JWT'})}.{claims}"
    signature = hmac.new(secret, signed.encode(), sha256).digest()
    return f"{signed}.{text(signature)}"


PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
BAD: dict[str, tuple[Callable[[Taking], str], str]] = {
    "expired": (lambda to: to.signed(exp=ago(seconds=15)), "The token has expired."),
    "not yet good": (lambda to: to.signed(nbf=ago(seconds=-60)), NOT_VALID),
    "issued tomorrow": (lambda to: to.signed(iat=ago(days=-1), exp=ago(days=-2)), NOT_VALID),
    "for another audience": (lambda to: to.signed(aud="drypowder"), NOT_VALID),
    "for no audience": (lambda to: to.signed(aud=None), NOT_VALID),
    "of another issuer": (lambda to: to.signed(iss="https://other.example"), NOT_VALID),
    "of the issuer with a slash": (lambda to: to.signed(iss=f"{to.issuer.url}/"), NOT_VALID),
    "of no issuer": (lambda to: to.signed(iss=None), NOT_VALID),
    "without an end": (lambda to: to.signed(exp=None), NOT_VALID),
    "without a moment of issue": (lambda to: to.signed(iat=None), NOT_VALID),
    "without a subject": (lambda to: to.signed(sub=None, email="x@example.org"), NOT_VALID),
    "with an empty subject": (lambda to: to.signed(sub=""), NOT_VALID),
    "with a long subject": (lambda to: to.signed(sub="x" * 256), NOT_VALID),
    "with a subject that is no text": (lambda to: to.signed(sub="a\0b"), NOT_VALID),
    "with half a surrogate pair": (lambda to: to.signed(sub="\ud800"), NOT_VALID),
    "with an e-mail that is none": (lambda to: to.signed(email="ann"), NOT_VALID),
    "with an e-mail that is no text": (lambda to: to.signed(email="ann@exam\0ple.org"), NOT_VALID),
    "with a long e-mail": (lambda to: to.signed(email=f"{'x' * 250}@example.org"), NOT_VALID),
    "with a strange key": (lambda to: to.issuer.token(STRANGE, "RS256", "r"), NOT_VALID),
    "with an unknown key": (lambda to: to.issuer.token(STRANGE, "RS256", "x"), NOT_VALID),
    "with a key named as another": (lambda to: to.issuer.token(RSA, "RS256", "e"), NOT_VALID),
    "with the public key as a secret": (lambda to: forged(to, PEM), NOT_VALID),
    "with the public key's bytes as a secret": (lambda to: forged(to, DER), NOT_VALID),
    "with another HMAC of the public key": (lambda to: forged(to, PEM, "HS512"), NOT_VALID),
    "unsigned": (lambda to: f"{part({'alg': 'none', 'kid': 'r'})}.{to.signed().split('.')[1]}.", NOT_VALID),
    "of no algorithm": (lambda to: f"{part({'kid': 'r'})}.{to.signed().split('.')[1]}.x", NOT_VALID),
    "unsigned and said to be signed": (lambda to: to.signed().rpartition(".")[0] + ".", NOT_VALID),
    "with our secret": (
        lambda to: to.issuer.token(SECRET, "HS256", "r"),
        NOT_VALID,
    ),
    "that is a logout token": (
        lambda to: to.issuer.token(RSA, "RS256", "r", typ="logout+jwt"),
        NOT_VALID,
    ),
    "that is very long": (lambda to: to.signed(more="x" * 8_192), "The token is too long."),
    "with claims nested deeply": (lambda to: f"{to.signed().split('.')[0]}.{text('[' * 5_000)}.x", NOT_VALID),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_token_lets_nobody_in(taking: Taking, runtime: Runtime, name: str) -> None:
    make, reason = BAD[name]
    before = await runtime.pool.fetchval("SELECT count(*) FROM identity")
    assert await taking.refused(make(taking)) == reason
    assert await runtime.pool.fetchval("SELECT count(*) FROM identity") == before


async def test_a_flood_of_strangers_tokens_does_not_reach_the_issuer(taking: Taking) -> None:
    assert await taking.viewer(taking.signed())
    asked = len(taking.issuer.asked)
    strangers = [taking.issuer.token(STRANGE, "RS256", f"unknown {place}") for place in range(50)]
    assert set(await asyncio.gather(*[taking.refused(token) for token in strangers])) == {NOT_VALID}
    # One fetch of two documents, unless one was due.
    assert len(taking.issuer.asked) - asked in (0, 2)


async def test_while_the_issuer_is_away_known_keys_are_good_and_unknown_ones_cant_be_told(
    servers: Servers, live: Live
) -> None:
    async with issuing() as issuer:
        issuer.away = True
        issuer.publish(entry(RSA, kid="r"))
        settings = Settings(oidc_issuer=issuer.url, oidc_audience=AUDIENCE, allow_private_issuer=True)
        async with serving(application(settings, servers.database_url, servers.redis_url, SECRET)) as http:
            response = await Caller(http, issuer.token(RSA, "RS256", "r")).send(json.dumps({"query": VIEWER}))
            assert response.status_code == 503
            assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            # Our own ask no issuer.
            assert "errors" not in await Caller(http, await live.token()).ask(VIEWER)


async def test_an_erased_person_is_somebody_new(taking: Taking, runtime: Runtime) -> None:
    token = taking.signed()
    first = await taking.viewer(token)
    await runtime.pool.execute("DELETE FROM person WHERE id = $1", first["id"])
    second = await taking.viewer(token)
    assert (second["email"], second["id"] == first["id"]) == (first["email"], False)
    assert await Identities(runtime.pool).person(taking.issuer.url, "nobody", datetime.now(UTC)) is None
