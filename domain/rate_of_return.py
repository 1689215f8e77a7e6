"""Rate of return: the internal one of dated flows. A numeric module: float64."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domain.returns import Flow

SECONDS_PER_DAY = 86_400
DAYS_PER_YEAR = 365.0
"""Actual/365, as spreadsheets' XIRR counts."""
_LOWEST, _HIGHEST = 1e-4, 1e4
"""Growth factors per year searched: −99.99% to +999,900%."""
_GRID = np.geomspace(_LOWEST, _HIGHEST, 801)
_TOLERANCE = 1e-13


def internal_rate_of_return(flows: Sequence[Flow]) -> float | None:
    """The yearly rate at which the flows' present values sum to zero, such as 0.125 for 12.5%.

    Days are whole (a local midnight moves by an hour twice a year), years have 365 of them.

    Returns:
        None where no rate or more than one answers: no flow of either sign, all flows on one day, or a sum
        that crosses zero more than once between −99.99% and +999,900%. Never a guess. Two rates whose growth
        factors lie within 2.3% of one another can't be told from none.
    """
    if not flows:
        return None
    days, amounts = _by_day(flows)
    if len(days) < 2 or not (amounts.min() < 0 < amounts.max()):  # noqa: PLR2004 - one day has no rate
        return None
    years = days / DAYS_PER_YEAR
    values = _present_values(_GRID, years, amounts)
    signs = np.sign(values)
    crossings = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    zeros = np.flatnonzero(signs == 0)
    if len(crossings) + len(zeros) != 1:
        return None
    if len(zeros):
        return float(_GRID[zeros[0]] - 1)
    return _root(float(_GRID[crossings[0]]), float(_GRID[crossings[0] + 1]), years, amounts) - 1


def _by_day(flows: Sequence[Flow]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Days since the first flow and each day's sum in cents, unless it is zero. Shapes `(days,)`."""
    first = min(moment for moment, _ in flows)
    sums: dict[int, int] = {}
    for moment, cents in flows:
        day = round((moment - first).total_seconds() / SECONDS_PER_DAY)
        sums[day] = sums.get(day, 0) + cents
    kept = sorted((day, cents) for day, cents in sums.items() if cents)
    return np.array([day for day, _ in kept], np.float64), np.array([cents for _, cents in kept], np.float64)


def _present_values(
    growth: NDArray[np.float64], years: NDArray[np.float64], amounts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of discounted flows at each growth factor, shape `(factors,)`.

    Discounted to the middle of the flows' span, which keeps the largest exponent small and moves no root.
    """
    middle = years[-1] / 2
    with np.errstate(over="ignore", invalid="ignore"):
        values: NDArray[np.float64] = np.exp(-np.outer(np.log(growth), years - middle)) @ amounts
    return values


def _root(low: float, high: float, years: NDArray[np.float64], amounts: NDArray[np.float64]) -> float:
    """The growth factor between `low` and `high` where the sum crosses zero, by bisecting its logarithm."""
    sign_low = np.sign(_present_values(np.array([low]), years, amounts)[0])
    while high - low > _TOLERANCE * low:
        middle = float(np.sqrt(low * high))
        if np.sign(_present_values(np.array([middle]), years, amounts)[0]) == sign_low:
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))
