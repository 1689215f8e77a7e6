"""Draws: random numbers that depend on nothing but a seed, a company and a purpose. A numeric module."""

from math import exp
from statistics import NormalDist
from zlib import crc32

import numpy as np

_STANDARD = NormalDist()
_SPARE_BITS = 12
_UNIT = 2.0**-52
"""The 52 bits left of a word make a float strictly between 0 and 1."""


class Draws:
    """One stream of numbers, keyed so that adding a company, or a purpose, changes no other stream.

    Words come straight from NumPy's Philox bit generator, whose stream NumPy promises to keep. It promises no
    such thing of its distributions, so they aren't used.
    """

    __slots__ = ("_bits",)

    def __init__(self, seed: int, company_id: str, purpose: str) -> None:
        stream = crc32(f"{company_id}/{purpose}".encode())
        self._bits = np.random.Philox(key=np.array([seed, stream], np.uint64))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number strictly between `low` and `high`."""
        word = int(self._bits.random_raw())
        return low + (high - low) * ((word >> _SPARE_BITS) + 0.5) * _UNIT

    def lognormal(self, median: float, sigma: float) -> float:
        """A positive number with this median, its logarithm spread normally by `sigma`."""
        return median * exp(sigma * _STANDARD.inv_cdf(self.uniform()))
