"""Limits on what people type: names, keys and notes."""

import re

from domain.refusal import Invalid

MAX_KEY = 200
MAX_TEXT = 2_000
MAX_EMAIL = 254
"""RFC 5321, section 4.5.3.1.3, without the brackets."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def check_text(text: str, *path: str, most: int = MAX_KEY) -> None:
    """Refuse an empty text, one over `most` characters, and what PostgreSQL or JSON can't hold."""
    if not text.strip():
        message = "This must not be empty."
        raise Invalid(message, *path)
    check_optional_text(text, *path, most=most)


def check_optional_text(text: str | None, *path: str, most: int = MAX_TEXT) -> None:
    """Refuse a text over `most` characters, or with NUL or half of a surrogate pair in it."""
    if text is None:
        return
    if len(text) > most:
        message = f"At most {most} characters."
        raise Invalid(message, *path)
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        message = "This holds a character that isn't text."
        raise Invalid(message, *path)


def check_email(text: str, *path: str) -> None:
    """Refuse what can't be an e-mail address."""
    if len(text) > MAX_EMAIL or not _EMAIL.fullmatch(text) or not text.isprintable():
        message = "An e-mail address is needed."
        raise Invalid(message, *path)
