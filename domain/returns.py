"""Returns: multiples of what was paid in."""

from datetime import datetime

Flow = tuple[datetime, int]
"""When, and cents: negative paid, positive received."""


def ratio(part: int, whole: int) -> float | None:
    """`part / whole`; None when there is no whole."""
    return part / whole if whole else None
