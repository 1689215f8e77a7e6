"""Exits: what a company's equity may be worth, in closed form, and what a class of shares gets of it.

A numeric module: float64 throughout. Payoffs are sums of calls, so that their means need no simulation.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, log
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log1p, log_ndtr, ndtr, ndtri, ndtri_exp

from domain.forecasting import PreferenceKind

LARGEST_EXIT: Final = 100e9
"""Equity values above this are cut off: no venture-backed company is in sight of it. The design's section 2."""
TINY: Final = 1e-9
"""A sigma that stands for none."""
LEAST_BELOW: Final = 1e-9
"""Chance of a value below the cut under which it counts as lying there: floats could not tell what is left."""
FARTHEST: Final = 9.0
"""Normal numbers beyond this don't come up."""
SCORES: Final = 8_001
"""Points at which a distribution without a closed quantile is told."""
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
    """A value of at least `least`, spread by `sigma` around it, with a tail that falls by the power `alpha`, above 1.

    It is a lognormal value of median `least` times a Pareto one of at least 1. Cut off at `most`.
    """

    least: float
    alpha: float
    most: float = inf
    sigma: float = 0.0

    def mean(self) -> float:
        """Expected value."""
        return self.call(0.0)

    def call(self, strike: float) -> float:
        """E[(X − strike)+]."""
        return float(pareto_call(self.least, self.sigma, self.alpha, self.most, strike))

    def quantile(self, shares: Floats) -> Floats:
        """The values below which these shares of the exits lie."""
        if self.least <= 0:
            return np.zeros(np.shape(shares))
        # Taken from above: shares near 1 tell little of how far the tail goes.
        log_above = log1p(-np.asarray(shares) * -np.expm1(self._log_above(self.most)))
        found: Floats = self.least * np.exp(self.log_quantile(-ndtri_exp(log_above)))
        return np.minimum(found, self.most)

    def log_quantile(self, normals: Floats) -> Floats:
        """Logarithm of the value over `least` below which, without a cut, as many lie as below these normal numbers."""
        if self.sigma == 0:
            return np.asarray(-log_ndtr(-np.asarray(normals)) / self.alpha)
        values, scores = _scores(self.sigma, self.alpha)
        return np.asarray(np.interp(normals, scores, values))

    def score(self, value: float) -> float:
        """The normal number below which, without a cut, as many lie as of these values below that one."""
        return float(-ndtri_exp(self._log_above(value)))

    def _log_above(self, value: float) -> float:
        return float(_log_above(np.array(log(value / self.least) if value < inf else inf), self.sigma, self.alpha))


def pareto_call(
    least: float | Floats,
    sigma: float | Floats,
    alpha: float | Floats,
    most: float | Floats,
    strike: float | Floats,
) -> Floats:
    """E[(X − strike)+] of `Pareto` values; all five broadcast together, as many as they make.

    Source: the Pareto call integrated over the lognormal factor, whose partial moments are normal distributions; the
    cut conditions on X ≤ most.
    """
    low, there = np.maximum(strike, 0.0), np.greater(least, 0.0)
    centre, most = np.where(there, least, 1.0), np.asarray(most, float)
    finite = np.isfinite(most)
    end = np.where(finite, most, 1.0)
    log_above = _log_above(np.where(finite, np.log(end / centre), inf), sigma, alpha)
    above = np.exp(log_above)
    whole = _whole_call(centre, sigma, alpha, low)
    beyond = np.where(finite, _whole_call(centre, sigma, alpha, end) + (end - low) * above, 0.0)
    below = -np.expm1(log_above)
    certain = np.maximum(np.minimum(least, most) - low, 0.0)
    found = np.where(
        there & (below > LEAST_BELOW) & (low < most),
        np.maximum(whole - beyond, 0.0) / np.where(below > LEAST_BELOW, below, 1.0),
        certain,
    ) - np.minimum(strike, 0.0)
    return np.asarray(found)


def exit_call(median: Floats, sigma: Floats, alpha: Floats, most: Floats, strike: Floats) -> Floats:
    """E[(X − strike)+] of exits as `Ending` tells them, side by side; alpha is 0 for those without a tail."""
    found = lognormal_call(median, sigma, most, strike)
    tailed = np.broadcast_to(np.greater(alpha, 0.0), found.shape)
    if tailed.any():
        picked = (np.broadcast_to(one, found.shape)[tailed] for one in (median, sigma, alpha, most, strike))
        found[tailed] = pareto_call(*picked)
    return found


def _whole_call(least: Floats, sigma: float | Floats, alpha: float | Floats, strike: Floats) -> Floats:
    """E[(X − strike)+] without a cut."""
    deviation = np.maximum(sigma, TINY)
    far = np.log(np.where(strike > 0.0, strike, 1.0) / least)
    # Where the lognormal factor alone reaches the strike, and where the tail has to take it there.
    reach = np.where(strike > 0.0, -far / deviation, inf)
    mean = least * np.exp(np.minimum(deviation * deviation / 2.0, MOST_EXPONENT)) * alpha / (alpha - 1.0)
    sure = mean * ndtr(reach + deviation) - strike * ndtr(reach)
    tail = strike * np.exp(_log_tail(far, reach, deviation, alpha)) / (alpha - 1.0)
    return np.asarray(sure + np.where(strike > 0.0, tail, 0.0))


def _log_tail(far: Floats, reach: Floats, deviation: Floats, alpha: float | Floats) -> Floats:
    """Logarithm of the chance that the factor stays below a value e^far times `least`, and the tail goes beyond it."""
    exponent = -alpha * far + (alpha * deviation) ** 2 / 2.0
    return np.asarray(np.minimum(exponent + log_ndtr(-reach - alpha * deviation), 0.0))


def _log_above(far: Floats, sigma: float | Floats, alpha: float | Floats) -> Floats:
    """Logarithm of the chance of a value above e^far times `least`."""
    deviation = np.maximum(sigma, TINY)
    near = np.where(np.isfinite(far), far, 0.0)
    reach = -near / deviation
    told = np.logaddexp(log_ndtr(reach), _log_tail(near, reach, deviation, alpha))
    return np.asarray(np.where(np.isfinite(far), np.minimum(told, 0.0), -inf))


@lru_cache(maxsize=256)
def _scores(sigma: float, alpha: float) -> tuple[Floats, Floats]:
    """Logarithms of values over `least`, and the normal numbers below which as many lie as below them."""
    values = np.linspace(-FARTHEST * sigma, FARTHEST * sigma + FARTHEST**2 / 2.0 / alpha, SCORES)
    scores: Floats = -ndtri_exp(_log_above(values, sigma, alpha))
    rising = np.concatenate(([True], np.diff(scores) > 0.0))
    return values[rising], scores[rising]


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
