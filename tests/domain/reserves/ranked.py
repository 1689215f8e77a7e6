"""How well companies are ranked: against an order reckoned apart from the product, by the design's recursion."""

from collections.abc import Sequence
from math import exp

import numpy as np
from scipy.stats import kendalltau

from domain.reserves.advice import advise
from domain.reserves.curve import Curve
from domain.reserves.exits import Floats
from domain.reserves.options import RunOptions
from domain.reserves.results import ReserveRecommendation
from domain.reserves.simulation import Stake
from tests.domain.reserves.drawn import holding
from tests.domain.reserves.trees import MILLION

COMPANIES = 25
DRAWN = 7
"""Seed of the companies."""
PATHS = 10_000
CORRELATION = 0.3
FUND = 100_000 * MILLION
"""Cents: no limit of the fund's is in sight."""


def tau(exact: Sequence[float], other: Sequence[float]) -> float:
    """Kendall's tau of two orders of the same companies: 1 for the same, 0 for chance."""
    return float(kendalltau(exact, other).statistic)


def by_recursion(one: Stake) -> Curve:
    """A company's curve by `M_k = e_k·E[X_k]/V_k + g_k·E[u]·M_(k+1)`: common shares, and no exit is cut off."""
    steps, endings = one.tree.steps, one.tree.endings
    brought = [0.0] * (len(steps) + 1)
    for number in range(len(steps), 0, -1):
        post = steps[number - 1].post
        ends = sum(each.probability * each.median * exp(each.sigma**2 / 2) for each in endings[number])
        brought[number - 1] = ends / post
        if number < len(steps):
            after = steps[number]
            grown = after.post / post * exp(after.sigma**2 / 2) * after.retained
            brought[number - 1] += after.probability * grown * brought[number]
    cost: Floats = np.cumprod([step.probability for step in steps], dtype=np.float64)
    owned, caps = one.ownership, []
    for step in steps:
        caps.append(owned * step.size)
        owned *= step.retained + step.dilution
    gain: Floats = cost * np.array(brought[:-1])
    return Curve(np.array(caps), cost, gain)


def advised(stakes: Sequence[Stake]) -> list[ReserveRecommendation]:
    """What is recommended for these companies, the first in rank first."""
    holdings = [holding(one) for one in stakes]
    return list(advise(holdings, round(FUND), round(FUND), RunOptions(iterations=100)).recommendations)
