"""Who is let in: by a token of our own, or one of an OpenID issuer. What they may do is read from the database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt

from api.issuer import Issuer
from api.tokens import ALGORITHM, AUDIENCE, NOT_VALID, REVOKED, BadTokenError, claims_of, head_of, moment_of
from infra import tenancy
from infra.identities import Identities
from infra.keys import Keys
from infra.people import People, Person, TokenRevokedError
from infra.runtime import Runtime
from infra.settings import Settings

MOST_CHARACTERS = 8_192


@dataclass(frozen=True, slots=True)
class Pass:
    """A good token: whose it is, and from when until when."""

    person: Person
    issued_at: datetime
    expires_at: datetime


def issue(secret: str, person: Person, issued_at: datetime, lifetime: timedelta) -> str:
    """A token of our own for a person, good for `lifetime`."""
    claims = {
        "sub": str(person.id),
        "aud": AUDIENCE,
        # With its fraction: a token made right after a revocation must be told from those before.
        "iat": issued_at.timestamp(),
        "exp": issued_at + lifetime,
        "jti": uuid4().hex,
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


class Gate:
    """Lets in whoever has a good token.

    Args:
        secret: What our own tokens are signed with.
        people: Who is who.
        issuer: Whose tokens are taken too.
    """

    def __init__(self, secret: str, people: People, issuer: Issuer | None) -> None:
        self._secret = secret
        self._people = people
        self._issuer = issuer

    async def admitted(self, header: object) -> Pass:
        """What the token of an `Authorization` value lets in; from here on the work under way sees what its person may.

        Raises:
            BadTokenError: If it lets nobody in.
            UnavailableError: If that can't be told now.
        """
        tenancy.act_for(())
        token = _token(header)
        head = head_of(token)
        try:
            # The algorithm decides, and with it the key: our secret checks none of theirs, their keys none of ours.
            if head.get("alg") == ALGORITHM or self._issuer is None:
                claims = claims_of(token, self._secret, ALGORITHM, AUDIENCE)
                person = await self._people.person(_own_subject(claims), moment_of(claims["iat"]))
            else:
                claims = await self._issuer.claims(token, head)
                person = await self._issuer.person(claims)
        except TokenRevokedError:
            raise BadTokenError(REVOKED) from None
        if person is None:
            message = "The token's person is gone."
            raise BadTokenError(message)
        tenancy.act_for(person.organisations, everyone=person.administrator)
        return Pass(person, moment_of(claims["iat"]), moment_of(claims["exp"]))


def _own_subject(claims: Mapping[str, Any]) -> UUID:
    try:
        return UUID(claims["sub"])
    except ValueError:
        raise BadTokenError(NOT_VALID) from None


def _token(header: object) -> str:
    if not isinstance(header, str) or not header:
        message = "Give a token: Authorization: Bearer …"
        raise BadTokenError(message)
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        message = "The Authorization header must be: Bearer, a space, a token."
        raise BadTokenError(message)
    if len(token) > MOST_CHARACTERS:
        message = "The token is too long."
        raise BadTokenError(message)
    return token


@asynccontextmanager
async def guarded(settings: Settings, secret: str, runtime: Runtime) -> AsyncIterator[Gate]:
    """The gate that the settings ask for, with the issuer's keys kept fresh."""
    if not settings.oidc_issuer:
        yield Gate(secret, runtime.people, None)
        return
    keys = Keys(settings.oidc_issuer, allow_private=settings.allow_private_issuer)
    issuer = Issuer(settings.oidc_issuer, settings.oidc_audience or "", keys, Identities(runtime.pool))
    keys.start()
    try:
        yield Gate(secret, runtime.people, issuer)
    finally:
        await keys.stop()
