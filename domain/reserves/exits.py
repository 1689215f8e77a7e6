"""Exits: what a company's equity may be worth, in closed form, and what a class of shares gets of it.

A numeric module: float64 throughout. Payoffs are sums of calls, so that their means need no simulation.
"""

from dataclasses import dataclass
from math import exp, inf, isfinite, log
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from domain.forecasting import PreferenceKind

LARGEST_EXIT: Final = 100e9
"""Equity values above this are cut off: no venture-backed company is in sight of it. The design's section 2."""
MOST_EXPONENT: Final = 700.0
"""Near the largest that a float's exponential can hold; what is left of so spread a value below any cut is nothing."""
Floats = NDArray[np.float64]


class Exit(Protocol):
    """A distribution of equity values, in dollars."""

    def mean(self) -> float:
        """Expected value."""

    def call(self, strike: float) -> float:
        """E[(X − strike)+]; the mean for a strike of 0 or less, less the strike."""

    def quantile(self, shares: Floats) -> Floats:
        """The values below which these shares of the exits lie, each 0 to 1; same shape."""


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A value whose logarithm is normal; `sigma` 0 is certain. Cut off at `most`: what lies above isn't there.

    Source: Black's formula for the calls; the cut conditions on X ≤ most.
    """

    median: float
    sigma: float
    most: float = inf

    @classmethod
    def with_mean(cls, mean: float, sigma: float, most: float = inf) -> "Lognormal":
        """The one with this mean before any cut."""
        return cls(mean * exp(-sigma * sigma / 2), sigma, most)

    def mean(self) -> float:
        """Expected value."""
        return self.call(0.0)

    def call(self, strike: float) -> float:
        """E[(X − strike)+]."""
        return float(lognormal_call(self.median, self.sigma, self.most, strike))

    def quantile(self, shares: Floats) -> Floats:
        """The values below which these shares of the exits lie."""
        if self.median <= 0 or self.sigma == 0:
            return np.full(np.shape(shares), min(max(self.median, 0.0), self.most))
        below = ndtr((np.log(self.most) - log(self.median)) / self.sigma)
        found: Floats = self.median * np.exp(self.sigma * ndtri(np.asarray(shares) * below))
        return np.minimum(found, self.most)


def lognormal_call(
    median: float | Floats, sigma: float | Floats, most: float | Floats, strike: float | Floats
) -> Floats:
    """E[(X − strike)+] of lognormal values cut off at `most`; all four broadcast together, as many as they make."""
    low = np.maximum(strike, 0.0)
    certain = np.maximum(np.minimum(median, most) - low, 0.0)
    spread = np.logical_and(np.greater(sigma, 0.0), np.greater(median, 0.0))
    deviation, middle = np.where(spread, sigma, 1.0), np.where(spread, median, 1.0)
    centre = np.log(middle)
    upper = (np.log(most) - centre) / deviation
    lower = np.where(low > 0.0, (np.log(np.where(low > 0.0, low, 1.0)) - centre) / deviation, -inf)
    mean = middle * np.exp(np.minimum(deviation * deviation / 2.0, MOST_EXPONENT))
    above = mean * _between(lower - deviation, upper - deviation) - low * _between(lower, upper)
    below = ndtr(upper)
    # Where everything lies above the cut, what is left of it lies there.
    found = np.where(
        spread & (below > 0.0), np.maximum(above, 0.0) / np.where(below > 0.0, below, 1.0), certain
    ) - np.minimum(strike, 0.0)
    return np.asarray(found)


@dataclass(frozen=True, slots=True)
class Pareto:
    """A value of at least `least` with a tail that falls by the power `alpha`, above 1. Cut off at `most`."""

    least: float
    alpha: float
    most: float = inf

    def mean(self) -> float:
        """Expected value."""
        return self.call(0.0)

    def call(self, strike: float) -> float:
        """E[(X − strike)+]."""
        if strike <= 0:
            return self._part(0.0) - strike
        return 0.0 if strike >= self.most else self._part(strike)

    def _part(self, strike: float) -> float:
        if self.most <= self.least:
            return self.most - strike
        whole = self._call(strike)
        if not isfinite(self.most):
            return whole
        below = 1.0 - self._above(self.most)
        return (whole - self._call(self.most) - (self.most - strike) * (1 - below)) / below

    def _call(self, strike: float) -> float:
        if strike <= self.least:
            return self.least * self.alpha / (self.alpha - 1) - strike
        return strike * self._above(strike) / (self.alpha - 1)

    def _above(self, value: float) -> float:
        return float((self.least / value) ** self.alpha)

    def quantile(self, shares: Floats) -> Floats:
        """The values below which these shares of the exits lie."""
        if self.most <= self.least:
            return np.full(np.shape(shares), self.most)
        below = 1.0 - self._above(self.most)
        found: Floats = self.least * (1 - np.asarray(shares) * below) ** (-1 / self.alpha)
        return np.minimum(found, self.most)


@dataclass(frozen=True, slots=True)
class ShareClass:
    """What shares get first, and of what.

    Attributes:
        multiple: Of the money paid for them.
        cap: Most that participating shares get together, as a multiple; None for no cap.
    """

    kind: PreferenceKind = PreferenceKind.COMMON
    multiple: float = 1.0
    cap: float | None = None

    def strikes(self, owned: float, paid: float) -> tuple[tuple[float, float], ...]:
        """The payoff as calls: (weight, strike) of each, the payoff being Σ weight × (X − strike)+.

        Args:
            owned: Fraction of the equity at exit, above 0.
            paid: Dollars paid for the shares: their preference counts these.
        """
        first = self.multiple * paid
        if self.kind is PreferenceKind.COMMON or first <= 0 or owned <= 0:
            return ((owned, 0.0),)
        if self.kind is PreferenceKind.NON_PARTICIPATING:
            # All up to the preference, nothing more until a share of all is worth as much, then that share.
            return (1.0, 0.0), (-1.0, first), (owned, first / owned)
        if self.cap is None:
            return (1.0, 0.0), (owned - 1.0, first)
        most = self.cap * paid
        capped_at = first + (most - first) / owned
        return (1.0, 0.0), (owned - 1.0, first), (-owned, capped_at), (owned, max(most / owned, capped_at))


def expected_payoff(worth: Exit, shares: ShareClass, owned: float, paid: float) -> float:
    """Expected dollars that shares get at an exit."""
    return sum(weight * worth.call(strike) for weight, strike in shares.strikes(owned, paid))


def payoff(values: Floats, shares: ShareClass, owned: float, paid: float) -> Floats:
    """Dollars that shares get at each of these equity values; same shape."""
    found = np.zeros_like(values)
    for weight, strike in shares.strikes(owned, paid):
        found += weight * np.maximum(values - strike, 0.0)
    return found


def survival(months: float, median: float, sigma: float) -> float:
    """Share of lognormal waiting times longer than so many months."""
    if months <= 0:
        return 1.0
    return float(ndtr(log(median / months) / sigma))


def _between(low: Floats, high: Floats) -> Floats:
    """Chance that a normal number lies from low to high, exact in both tails; 0 where they are the wrong way round."""
    found: Floats = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    return np.maximum(found, 0.0)
