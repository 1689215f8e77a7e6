"""Depth: how much of something a test does in `make test`, and how much for long, in `make soak` (DRYPOWDER_LONG=1)."""

import os

LONG = os.environ.get("DRYPOWDER_LONG") == "1"


def deep(usual: int, long: int) -> int:
    """So many of whatever there may be more or fewer of."""
    return long if LONG else usual
