"""Signed webhooks: checked the way a receiver would."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.refusal import Invalid
from infra.delivery.message import DeliveryError
from infra.delivery.webhook import check_secret, send, signature
from tests.infra.delivery.receivers import HOST, MESSAGE, Request, status, web_server

NOW = datetime(2024, 7, 1, 12, 0, 0, 900_000, tzinfo=UTC)
PLAIN = "sixteen letters!"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def sent(secret: str, now: datetime = NOW) -> Request:
    """What reaches a receiver."""
    async with web_server(status(204)) as receiver:
        await send(f"http://{HOST}:{receiver.port}/hook", secret, MESSAGE, now=now, allow_private=True)
    (request,) = receiver.requests
    return request


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    body = b'{"test": 2432232314}'
    told = signature(WHSEC, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        (PLAIN, PLAIN.encode()),
        (WHSEC, base64.b64decode(WHSEC[6:])),
        ("pässwörter, 16 lang", "pässwörter, 16 lang".encode()),
    ],
)
async def test_a_receiver_finds_the_signature_right(secret: str, key: bytes) -> None:
    request = await sent(secret)
    identity, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert (identity, at) == (MESSAGE.key, "1719835200")
    digest = hmac.new(key, b".".join((identity.encode(), at.encode(), request.body)), hashlib.sha256).digest()
    version, _, told = request.headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert base64.b64decode(told) == digest


async def test_the_body_is_canonical_json() -> None:
    request = await sent(PLAIN)
    assert request.body == b'{"alert":"6f1c","revision":2,"severity":"CRITICAL"}'
    assert request.headers["content-type"] == "application/json"


async def test_a_repeat_has_the_same_id_and_body_at_a_later_moment() -> None:
    first, second = await sent(PLAIN), await sent(PLAIN, NOW.replace(minute=5))
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 300
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize(
    "secret",
    ["", " " * 20, "fifteen letters", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all!", "whsec_ü" * 5, "x" * 201],
)
async def test_a_weak_or_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_secret(secret)
    assert refused.value.path == ("secret",)
    with pytest.raises(DeliveryError) as failure:
        await send("https://example.org/", secret, MESSAGE, now=NOW, allow_private=False)
    assert failure.value.permanent


@pytest.mark.parametrize("secret", [PLAIN, WHSEC, "x" * 200])
def test_a_strong_secret_passes(secret: str) -> None:
    check_secret(secret)


async def test_a_failure_holds_nothing_of_the_secret_or_the_path() -> None:
    async with web_server(status(500)) as receiver:
        url = f"http://{HOST}:{receiver.port}/hidden"
        with pytest.raises(DeliveryError) as failure:
            await send(url, PLAIN, replace(MESSAGE, data={}), now=NOW, allow_private=True)
    assert failure.value.reason == "127.0.0.1 answered with status 500."
