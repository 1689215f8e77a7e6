"""An OpenID issuer's tokens: checked with its keys; whose they are is found, or made known at first sight."""

from collections.abc import Mapping
from typing import Any

from api.tokens import NOT_VALID, BadTokenError, claims_of, moment_of, unchecked_issuer
from domain.refusal import Invalid
from domain.text import check_email
from infra.identities import Identities, IdentityTakenError
from infra.keys import Keys
from infra.people import Person

MOST_SUBJECT_CHARACTERS = 255
"""OpenID Connect Core 1.0, section 2."""
# RFC 9068 and what most issuers say or leave out; a logout token, say, is none that lets in.
TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})


class Issuer:
    """Takes the tokens of one OpenID issuer.

    Args:
        url: Its address, which its tokens name.
        audience: What its tokens for us are made out to.
        keys: What they are signed with.
        identities: Whose they are.
    """

    def __init__(self, url: str, audience: str, keys: Keys, identities: Identities) -> None:
        self._url = url
        self._audience = audience
        self._keys = keys
        self._identities = identities

    async def claims(self, token: str, head: Mapping[str, Any]) -> Mapping[str, Any]:
        """The claims of a good token.

        Raises:
            BadTokenError: If it isn't one.
            UnavailableError: If it may be signed with a key not known yet, and the issuer can't be asked.
        """
        # Before the key: no stranger's token makes us ask the issuer.
        if unchecked_issuer(token) != self._url or str(head.get("typ") or "").lower() not in TYPES:
            raise BadTokenError(NOT_VALID)
        algorithm = str(head.get("alg"))
        key = await self._keys.find(head.get("kid"), algorithm)
        if key is None:
            raise BadTokenError(NOT_VALID)
        return claims_of(token, key, algorithm, self._audience, self._url)

    async def person(self, claims: Mapping[str, Any]) -> Person | None:
        """Whose token it is: whoever this subject was before, else whoever has its e-mail, else someone new.

        Raises:
            BadTokenError: If a subject not seen before has no e-mail that the issuer verified, or somebody else's.
            TokenRevokedError: If it was issued before their tokens were revoked.
        """
        subject = claims["sub"]
        if not (subject.isascii() and subject.isprintable() and 0 < len(subject) <= MOST_SUBJECT_CHARACTERS):
            raise BadTokenError(NOT_VALID)
        issued_at = moment_of(claims["iat"])
        known = await self._identities.person(self._url, subject, issued_at)
        if known is not None:
            return known
        email = claims.get("email")
        # Others' letters may become the same as a plain one in lower case.
        if claims.get("email_verified") is not True or not isinstance(email, str) or not email.isascii():
            message = "The token names nobody known here, and no e-mail that its issuer has verified."
            raise BadTokenError(message)
        try:
            check_email(email)
            await self._identities.link(self._url, subject, email)
        except Invalid:
            raise BadTokenError(NOT_VALID) from None
        except IdentityTakenError:
            message = "Somebody else signs in with the token's e-mail."
            raise BadTokenError(message) from None
        return await self._identities.person(self._url, subject, issued_at)
