"""The Kelly fraction: how much of one's capital a bet is worth at most. A numeric module."""

from typing import Final

import numpy as np
from scipy.optimize import brentq

from domain.reserves.exits import Floats

ALL: Final = 1.0 - 1e-9
"""As good as everything: what may be lost whole is never worth it."""


def kelly_fraction(multiples: Floats) -> float:
    """The fraction of capital, 0 to 1, that makes capital grow fastest if it is put in again and again.

    The largest E[ln(1 + f (M − 1))]. Half of it is what people take who doubt their odds. Source: Kelly, 1956. The
    rule of thumb, the mean gain over the variance, comes near it where gains are small, and is far off where they are
    rare and large.

    Args:
        multiples: What a dollar brings, equally likely each, 0 or more, shape (paths,).
    """
    gains = multiples - 1.0

    def growth(fraction: float) -> float:
        return float(np.mean(gains / (1.0 + fraction * gains)))

    if growth(0.0) <= 0.0:
        return 0.0
    return 1.0 if growth(ALL) >= 0.0 else float(brentq(growth, 0.0, ALL))
