"""Webhooks signed as Standard Webhooks asks, so that receivers check them with a library they already have."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from domain.refusal import Invalid
from domain.text import check_text
from infra.codec import canonical_json
from infra.delivery.message import DeliveryError, Message
from infra.delivery.outward import post

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every such secret starts with
LEAST_SECRET = 16
"""Bytes of a key, or characters of a secret given as plain text."""


def check_secret(secret: str) -> None:
    """Refuse what is no signing secret.

    Raises:
        Invalid: If it is too short or too long, or what follows whsec_ isn't base64.
    """
    _key(secret)


def _key(secret: str) -> bytes:
    check_text(secret, "secret")
    if not secret.startswith(SECRET_PREFIX):
        if len(secret) < LEAST_SECRET:
            raise Invalid(f"The secret must have at least {LEAST_SECRET} characters.", "secret")
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"After {SECRET_PREFIX} the secret must be base64.", "secret") from None
    if len(key) < LEAST_SECRET:
        raise Invalid(f"The secret must hold at least {LEAST_SECRET} bytes.", "secret")
    return key


def signature(secret: str, key: str, at: int, body: bytes) -> str:
    """The signature of one attempt; the body and `key` of a repeat are the same, its moment isn't.

    Source: Standard Webhooks 1.0, "Signature scheme", symmetric.

    Args:
        key: The message's, which the receiver tells a repeat by.
        at: The attempt's moment, in seconds since 1970.

    Raises:
        Invalid: As `check_secret`.
    """
    signed = f"{key}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


async def send(url: str, secret: str, message: Message, *, now: datetime, allow_private: bool) -> None:
    """Send what the message holds for programs, as canonical JSON.

    Args:
        allow_private: As `post`.

    Raises:
        DeliveryError: If it was not taken.
    """
    body, at = canonical_json(dict(message.data)).encode(), int(now.timestamp())
    try:
        signed = signature(secret, message.key, at, body)
    except Invalid as refusal:
        raise DeliveryError(refusal.message, permanent=True) from None
    headers = {
        "content-type": "application/json",
        "webhook-id": message.key,
        "webhook-timestamp": str(at),
        "webhook-signature": signed,
    }
    await post(url, body, headers, allow_private=allow_private)
