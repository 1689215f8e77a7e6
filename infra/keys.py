"""The public keys of an OpenID issuer: fetched over HTTP, kept through its rotations and its absences."""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from infra.delivery.message import DeliveryError
from infra.delivery.outward import Resolve, get, looked_up
from infra.postgres import UnavailableError

log = logging.getLogger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
FRESH_SECONDS = 900.0
"""How long keys are used before they are fetched again: a key that the issuer withdrew is good for no longer."""
PAUSE_SECONDS = 10.0
"""Between two fetches at least, whatever tokens come."""
ANSWER_SECONDS = 5.0
MOST_KEYS = 100
LEAST_RSA_BITS = 2_048

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
# By type and curve. Secrets and unknown curves sign nothing here: an issuer's key is never taken for a secret.
_ALGORITHMS: Mapping[tuple[str, str], frozenset[str]] = {
    ("RSA", ""): _RSA,
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}
_PUBLIC_MEMBERS = ("kty", "crv", "n", "e", "x", "y")


@dataclass(frozen=True, slots=True)
class _Key:
    id: object
    algorithms: frozenset[str]
    public: PublicKey


class Keys:
    """What an issuer's tokens are checked with.

    A token with an unknown key has them fetched again, once for all that wait and not more often than every
    `PAUSE_SECONDS`. While the issuer is away, the keys known stay good.

    Args:
        issuer: The issuer's address, as its tokens name it.
        allow_private: Also takes http:// and hosts on a private network.
        pause: Seconds between two fetches at least.
    """

    def __init__(
        self,
        issuer: str,
        *,
        allow_private: bool,
        pause: float = PAUSE_SECONDS,
        fresh: float = FRESH_SECONDS,
        resolve: Resolve = looked_up,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._issuer = issuer
        self._allow_private = allow_private
        self._pause = pause
        self._fresh = fresh
        self._resolve = resolve
        self._ssl_context = ssl_context
        self._known: list[_Key] = []
        self._away: bool | None = None
        self._may_fetch_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Fetch them now and again, in the background."""
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Fetch them no more."""
        for task in (self._keeping, self._fetching):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def find(self, key_id: str | None, algorithm: str) -> PublicKey | None:
        """The key that a token says it was signed with; None where the issuer has none such.

        Args:
            key_id: Left out, it is the only key of that algorithm.

        Raises:
            UnavailableError: If no such key is known and the issuer can't be asked.
        """
        found = self._among_known(key_id, algorithm)
        if found is None:
            await self._fetch_if_due()
            found = self._among_known(key_id, algorithm)
        if found is None and self._away:
            message = "the issuer of tokens can't be reached"
            raise UnavailableError(message)
        return found

    def _among_known(self, key_id: str | None, algorithm: str) -> PublicKey | None:
        fitting = [key for key in self._known if algorithm in key.algorithms and key_id in (None, key.id)]
        return fitting[0].public if len(fitting) == 1 else None

    async def _fetch_if_due(self) -> None:
        loop = asyncio.get_running_loop()
        if self._fetching is None or self._fetching.done():
            if loop.time() < self._may_fetch_at:
                return
            self._may_fetch_at = loop.time() + self._pause
            self._fetching = loop.create_task(self._fetch())
        # One who leaves must not take it from the others.
        await asyncio.shield(self._fetching)

    async def _keep(self) -> None:
        while True:
            await self._fetch_if_due()
            await asyncio.sleep(self._pause if self._away else self._fresh)

    async def _fetch(self) -> None:
        try:
            about = await self._object(self._issuer.rstrip("/") + DISCOVERY)
            if about.get("issuer") != self._issuer:
                raise DeliveryError(f"its discovery document is of another issuer, {str(about.get('issuer'))[:200]!r}")
            listed = (await self._object(str(about.get("jwks_uri")))).get("keys")
            known = [key for one in listed[:MOST_KEYS] if (key := _key(one))] if isinstance(listed, list) else []
            if not known:
                raise DeliveryError("it has no key that tokens can be checked with")
        except DeliveryError as fault:
            if not self._away:
                log.warning("the keys of the issuer %s can't be had: %s", self._issuer, fault)
            self._away = True
        else:
            self._known, self._away = known, False

    async def _object(self, url: str) -> dict[str, object]:
        body = await get(
            url,
            allow_private=self._allow_private,
            resolve=self._resolve,
            ssl_context=self._ssl_context,
            whole_seconds=ANSWER_SECONDS,
        )
        try:
            return msgspec.json.decode(body, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
            raise DeliveryError(f"it answers {url} with something that is no JSON object") from fault


def _key(entry: object) -> _Key | None:
    """The key of an entry of a JWKS (RFC 7517), if it is a public one for signatures."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not _verifies(entry.get("key_ops")):
        return None
    kind = str(entry.get("kty")), str(entry.get("crv", ""))
    algorithms = _ALGORITHMS.get(kind, frozenset())
    if "alg" in entry:
        algorithms &= {str(entry["alg"])}
    if not algorithms:
        return None
    try:
        public = jwt.PyJWK({name: entry[name] for name in _PUBLIC_MEMBERS if name in entry}, min(algorithms)).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(public, RSAPublicKey) and public.key_size < LEAST_RSA_BITS:
        return None
    return _Key(entry.get("kid"), algorithms, public)


def _verifies(uses: object) -> bool:
    return uses is None or (isinstance(uses, list) and "verify" in uses)
