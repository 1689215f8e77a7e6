"""Bearer tokens: made by the command line, checked at every request; who may do what is read from the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt

from infra import tenancy
from infra.people import People, Person

AUDIENCE = "drypowder"
ALGORITHM = "HS256"
LEEWAY = timedelta(seconds=10)
"""How far clocks may be apart."""
MOST_CHARACTERS = 8_192

EXPIRED = "The token has expired."
NOT_VALID = "The token isn't valid."


class BadTokenError(Exception):
    """A token that isn't good, and why, in words that may be shown."""


@dataclass(frozen=True, slots=True)
class Pass:
    """A good token: whose it is, and from when until when."""

    person: Person
    issued_at: datetime
    expires_at: datetime


def issue(secret: str, person: Person, issued_at: datetime, lifetime: timedelta) -> str:
    """A token for a person, good for `lifetime`."""
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
    """

    def __init__(self, secret: str, people: People) -> None:
        self._secret = secret
        self._people = people

    async def admitted(self, header: object) -> Pass:
        """What the token of an `Authorization` value lets in; from here on the work under way sees what its person may.

        Raises:
            BadTokenError: If it lets nobody in.
            UnavailableError: If that can't be told now.
        """
        tenancy.act_for(())
        claims = self._claims(_token(header))
        issued_at, expires_at = _moment(claims["iat"]), _moment(claims["exp"])
        try:
            subject = UUID(claims["sub"])
        except ValueError:
            raise BadTokenError(NOT_VALID) from None
        person = await self._people.person(subject)
        if person is None:
            message = "The token's person is gone."
            raise BadTokenError(message)
        tenancy.act_for(person.organisations, everyone=person.administrator)
        return Pass(person, issued_at, expires_at)

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            return jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                leeway=LEEWAY,
                options={"require": ["sub", "aud", "iat", "exp"]},
            )
        except jwt.ExpiredSignatureError:
            raise BadTokenError(EXPIRED) from None
        except (jwt.InvalidTokenError, RecursionError):
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


def _moment(claim: object) -> datetime:
    """The moment a claim means, seconds since 1970."""
    try:
        return datetime.fromtimestamp(float(str(claim)), UTC)
    except (ValueError, OverflowError, OSError):
        raise BadTokenError(NOT_VALID) from None
