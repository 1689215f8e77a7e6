"""Channels' secrets at rest: a copy of the database alone must not let anybody write to a fund's channels."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Sets this key apart from whatever else is derived from the same secret.
_LABEL = b"drypowder: secrets at rest, 1"
_FORM = "v1."
_KEY_BYTES = 32
# What AES-GCM is defined for (NIST SP 800-38D, 8.2); drawn at random, safe for 2^32 texts under one secret.
_NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed text that can't be opened: the installation's secret has changed, or the text was moved or altered."""


class Sealed:
    """Seals small texts with a key derived from the installation's signing secret, and opens them again."""

    def __init__(self, secret_text: str) -> None:
        derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_LABEL).derive(secret_text.encode())
        self._cipher = AESGCM(derived)

    def seal(self, text: str, place: str) -> str:
        """The text sealed for one place, such as "fund-id/EMAIL"; sealed again it looks different."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())
        return _FORM + base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, place: str) -> str:
        """The text that was sealed for that place.

        Raises:
            SealBroken: If it was sealed with another secret or for another place, or isn't whole.
        """
        try:
            if not sealed.startswith(_FORM):
                raise ValueError
            found = base64.b64decode(sealed.removeprefix(_FORM), altchars=b"-_", validate=True)
            return self._cipher.decrypt(found[:_NONCE_BYTES], found[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            message = (
                f"What is stored for {place} can't be opened: the secret of this installation (DRYPOWDER_SECRET) has "
                "changed since. Enter it again."
            )
            raise SealBroken(message) from None
