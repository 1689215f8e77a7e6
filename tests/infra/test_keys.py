"""An issuer's keys: which are taken, when they are fetched, and what happens while the issuer is away."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest

from infra.keys import DISCOVERY, LEAST_RSA_BITS, Keys
from infra.postgres import UnavailableError
from tests.issuer import Json, LittleIssuer, entry, issuing, private_key

RSA, EC, ED = private_key("RS256"), private_key("ES256"), private_key("EdDSA")
FETCH = [DISCOVERY, "/keys"]


@pytest.fixture
async def issuer() -> AsyncIterator[LittleIssuer]:
    async with issuing() as made:
        made.publish(entry(RSA, kid="r"), entry(EC, kid="e"), entry(ED, kid="d"))
        yield made


def keys(issuer: LittleIssuer, pause: float = 3_600.0, fresh: float = 3_600.0) -> Keys:
    return Keys(issuer.url, allow_private=True, pause=pause, fresh=fresh)


@pytest.mark.parametrize(
    ("key_id", "algorithm", "found"),
    [
        *[("r", one, True) for one in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")],
        ("e", "ES256", True),
        ("d", "EdDSA", True),
        # Never as a secret, not at all, by a key of another kind, or of another curve.
        *[(one, "HS256", False) for one in ("r", "e", "d")],
        *[("r", one, False) for one in ("none", "None", "", "HS512", "ES256", "RS1", "rs256")],
        ("e", "ES384", False),
        ("e", "RS256", False),
        ("x", "RS256", False),
        ("", "RS256", False),
    ],
)
async def test_a_key_checks_what_its_kind_signs(issuer: LittleIssuer, key_id: str, algorithm: str, found: bool) -> None:
    assert (await keys(issuer).find(key_id, algorithm) is not None) is found


async def test_without_a_key_id_the_only_key_of_its_algorithm_is_meant(issuer: LittleIssuer) -> None:
    known = keys(issuer, pause=0)
    assert await known.find(None, "RS256") == RSA.public_key()
    assert await known.find(None, "ES256") == EC.public_key()
    issuer.publish(entry(RSA, kid="r"), entry(private_key("RS256"), kid="s"))
    assert await known.find("s", "RS256") is not None
    assert await known.find(None, "RS256") is None


UNFIT: dict[str, Json] = {
    "for secrecy": entry(RSA, kid="k", use="enc"),
    "to sign alone": entry(RSA, kid="k", key_ops=["sign"]),
    "of operations that are no list": entry(RSA, kid="k", key_ops="verify"),
    "by another algorithm": entry(RSA, kid="k", alg="RS512"),
    "by an algorithm of another kind": entry(RSA, kid="k", alg="ES256"),
    "by a symmetric algorithm": entry(RSA, kid="k", alg="HS256"),
    "by an algorithm that is no text": entry(RSA, kid="k", alg=["RS256"]),
    "a secret": {"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "RS256"},
    "of another kind": {"kty": "XYZ", "kid": "k"},
    "of a kind that is no text": {"kty": ["RSA"], "kid": "k"},
    "without its numbers": {"kty": "RSA", "kid": "k"},
    "with numbers that are none": {"kty": "RSA", "kid": "k", "n": "!", "e": 3},
    "too short": entry(private_key("RS256", LEAST_RSA_BITS // 2), kid="k"),
}


@pytest.mark.parametrize("kind", UNFIT)
async def test_a_key_unfit_for_it_is_passed_over(issuer: LittleIssuer, kind: str) -> None:
    issuer.publish(UNFIT[kind], entry(EC, kid="e"))
    known = keys(issuer)
    assert await known.find("k", "RS256") is None
    assert await known.find("e", "ES256") == EC.public_key()


async def test_a_private_half_published_by_mistake_is_not_taken_up(issuer: LittleIssuer) -> None:
    issuer.publish(entry(RSA, kid="r", d="AQAB", p="AQAB", q="AQAB"))
    assert await keys(issuer).find("r", "RS256") == RSA.public_key()


async def test_keys_are_fetched_once_for_all_that_wait(issuer: LittleIssuer) -> None:
    issuer.open.clear()
    known = keys(issuer)
    waiting = [asyncio.ensure_future(known.find("r", "RS256")) for _ in range(50)]
    async with asyncio.timeout(10):
        while not issuer.asked:
            await asyncio.sleep(0.005)
    # One who leaves takes it from nobody.
    waiting.pop(0).cancel()
    issuer.open.set()
    assert await asyncio.gather(*waiting) == [RSA.public_key()] * 49
    assert issuer.asked == FETCH


async def test_a_new_key_is_known_with_its_first_token(issuer: LittleIssuer) -> None:
    known, new = keys(issuer, pause=0), private_key("ES256")
    assert await known.find("r", "RS256") is not None
    issuer.publish(entry(RSA, kid="r"), entry(new, kid="n"))
    assert await known.find("n", "ES256") == new.public_key()
    assert issuer.asked == FETCH * 2
    # Known ones ask nobody.
    assert await known.find("r", "RS256") is not None
    assert issuer.asked == FETCH * 2


async def test_a_flood_of_unknown_keys_does_not_reach_the_issuer(issuer: LittleIssuer) -> None:
    known = keys(issuer)
    assert await asyncio.gather(*[known.find(f"{place}", "RS256") for place in range(1_000)]) == [None] * 1_000
    assert issuer.asked == FETCH
    assert await known.find("r", "RS256") == RSA.public_key()


async def test_an_issuer_that_is_away_takes_away_no_known_key(
    issuer: LittleIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    known = keys(issuer, pause=0)
    assert await known.find("r", "RS256") is not None
    issuer.away = True
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(UnavailableError):
                await known.find("x", "RS256")
    assert await known.find("r", "RS256") == RSA.public_key()
    # Told once, not for every token.
    assert caplog.messages == [f"the keys of the issuer {issuer.url} can't be had: 127.0.0.1 answered with status 503."]
    issuer.away = False
    assert await known.find("x", "RS256") is None


async def test_while_the_issuer_has_never_answered_nothing_can_be_told(issuer: LittleIssuer) -> None:
    issuer.away = True
    known = keys(issuer)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await known.find("r", "RS256")
    assert issuer.asked == FETCH[:1]


async def test_a_withdrawn_key_is_forgotten_in_the_background(issuer: LittleIssuer) -> None:
    known = keys(issuer, pause=0.01, fresh=0.01)
    known.start()
    try:
        assert await known.find("r", "RS256") is not None
        issuer.publish(entry(EC, kid="e"))
        async with asyncio.timeout(10):
            while await known.find("r", "RS256") is not None:
                await asyncio.sleep(0.005)
    finally:
        await known.stop()
    assert known._keeping is not None
    assert known._keeping.done()


BROKEN: dict[str, tuple[str, Json | str]] = {
    "of another issuer": (DISCOVERY, {"issuer": "https://other.example", "jwks_uri": "http://127.0.0.1:1/"}),
    "without an address of keys": (DISCOVERY, {"issuer": "URL"}),
    "with keys in another scheme": (DISCOVERY, {"issuer": "URL", "jwks_uri": "file:///etc/passwd"}),
    "no JSON": (DISCOVERY, "<html>"),
    "a list": (DISCOVERY, "[]"),
    "nested deeply": (DISCOVERY, "[" * 20_000),
    "very long": (DISCOVERY, json.dumps({"issuer": "URL", "filler": "x" * 100_000})),
    "keys that are no list": ("/keys", {"keys": "r"}),
    "no keys": ("/keys", {"keys": []}),
    "keys that are none": ("/keys", {"keys": [None, 1, "r", []]}),
    "half a surrogate pair": ("/keys", '{"keys": ["\\ud800"]}'),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_an_answer_that_cant_be_right_is_as_good_as_none(issuer: LittleIssuer, kind: str) -> None:
    path, document = BROKEN[kind]
    known = keys(issuer, pause=0)
    assert await known.find("r", "RS256") is not None
    issuer.documents[path] = json.loads(json.dumps(document).replace("URL", issuer.url))
    with pytest.raises(UnavailableError):
        await known.find("x", "RS256")
    assert await known.find("r", "RS256") == RSA.public_key()


async def test_an_issuer_in_a_private_network_is_asked_only_where_that_is_allowed(issuer: LittleIssuer) -> None:
    known = Keys(issuer.url, allow_private=False)
    with pytest.raises(UnavailableError):
        await known.find("r", "RS256")
    assert issuer.asked == []
