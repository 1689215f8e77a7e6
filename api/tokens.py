"""Bearer tokens: JSON Web Tokens, and what every one must hold to be good."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from infra.keys import PublicKey

AUDIENCE = "drypowder"
ALGORITHM = "HS256"
LEEWAY = timedelta(seconds=10)
"""How far clocks may be apart."""

EXPIRED = "The token has expired."
NOT_VALID = "The token isn't valid."
REVOKED = "The token was revoked."


class BadTokenError(Exception):
    """A token that isn't good, and why, in words that may be shown."""


def head_of(token: str) -> Mapping[str, Any]:
    """What a token says of itself, before anything is checked.

    Raises:
        BadTokenError: If it is no token.
    """
    try:
        return jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, RecursionError):
        raise BadTokenError(NOT_VALID) from None


def claims_of(
    token: str, key: str | PublicKey, algorithm: str, audience: str, issuer: str | None = None
) -> Mapping[str, Any]:
    """The claims of a token for this audience, signed with this key by this algorithm.

    Raises:
        BadTokenError: If it isn't one, or not good now.
    """
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["sub", "aud", "iat", "exp"]},
        )
    except jwt.ExpiredSignatureError:
        raise BadTokenError(EXPIRED) from None
    except (jwt.InvalidTokenError, RecursionError):
        raise BadTokenError(NOT_VALID) from None


def unchecked_issuer(token: str) -> object:
    """Who a token says made it, before anything is checked.

    Raises:
        BadTokenError: If it is no token.
    """
    try:
        return jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.InvalidTokenError, RecursionError):
        raise BadTokenError(NOT_VALID) from None


def moment_of(claim: object) -> datetime:
    """The moment a claim means, in seconds since 1970.

    Raises:
        BadTokenError: If it means none.
    """
    try:
        return datetime.fromtimestamp(float(str(claim)), UTC)
    except (ValueError, OverflowError, OSError):
        raise BadTokenError(NOT_VALID) from None
