"""Depth: how much of something a test does in `make test`, and how much for long, in `make soak` (DRYPOWDER_LONG=1)."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
LONG = os.environ.get("DRYPOWDER_LONG") == "1"


def variants(usual: Sequence[T], further: Sequence[T]) -> list[T]:
    """Inputs of a test that costs much for what the further ones add."""
    return [*usual, *further] if LONG else [*usual]


def deep(usual: int, long: int) -> int:
    """So many of whatever there may be more or fewer of."""
    return long if LONG else usual
