"""JSON as it goes over the wire: strict when read, and never broken by what it must write."""

import json

import msgspec


def encode(data: object) -> str:
    """JSON text of an answer. Input may be echoed in a message, so a lone surrogate must not break it."""
    try:
        return msgspec.json.encode(data).decode()
    except UnicodeEncodeError:
        return json.dumps(data)


def decode(text: str | bytes) -> object:
    """What JSON text says; strict, where the standard library takes NaN and half surrogate pairs.

    Raises:
        json.JSONDecodeError: If it isn't JSON in UTF-8, or is nested too deeply or has too long a number to read.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise json.JSONDecodeError(str(fault), "", 0) from None
