"""Bearer tokens: made by the command line, checked at every request; who may do what is read from the database."""

from datetime import datetime, timedelta
from uuid import UUID

import jwt

from infra.people import People, Person

AUDIENCE = "drypowder"
ALGORITHM = "HS256"
LEEWAY = timedelta(seconds=10)
MOST_CHARACTERS = 8_192


class BadTokenError(Exception):
    """A token that isn't good, and why, in words that may be shown."""


def issue(secret: str, person: Person, issued_at: datetime, lifetime: timedelta) -> str:
    """A token for a person, good for `lifetime`."""
    claims = {"sub": str(person.id), "aud": AUDIENCE, "iat": issued_at, "exp": issued_at + lifetime}
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def subject(secret: str, token: str) -> UUID:
    """Id of the person a token was issued to.

    Raises:
        BadTokenError: If it is expired, signed otherwise, for others, or no token at all.
    """
    if len(token) > MOST_CHARACTERS:
        message = "The token is too long."
        raise BadTokenError(message)
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            leeway=LEEWAY,
            options={"require": ["sub", "exp", "aud"]},
        )
        return UUID(claims["sub"])
    except jwt.ExpiredSignatureError:
        message = "The token has expired."
        raise BadTokenError(message) from None
    except (jwt.InvalidTokenError, ValueError):
        message = "The token isn't valid."
        raise BadTokenError(message) from None


async def bearer(secret: str, people: People, header: object) -> Person:
    """The person an `Authorization` value names.

    Raises:
        BadTokenError: If it names nobody.
    """
    if not isinstance(header, str) or not header:
        message = "Give a token: Authorization: Bearer …"
        raise BadTokenError(message)
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        message = "The Authorization header must be: Bearer, a space, a token."
        raise BadTokenError(message)
    person = await people.person(subject(secret, token.strip()))
    if person is None:
        message = "The token's person is gone."
        raise BadTokenError(message)
    return person
