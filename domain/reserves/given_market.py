"""Given the market: the simulation's multiple with all but the market worked out in closed form. A numeric module.

Once the factor that all companies share is known, so are the chances of a company's outcomes, and what each brings on
average: only the market is left to be sampled. Every company gets the simulation's own draws of it, so that what these
get wrong, they get wrong for all alike, and companies that are alike get the same figure. Source: the design's
section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtr

from domain.reserves.exits import LARGEST_EXIT, Floats, exit_call
from domain.reserves.simulation import BLOCK, MARKET, Outcome, bought, outcomes_of, stream
from domain.reserves.tree import Tree, discount


@dataclass(frozen=True, slots=True)
class Estimate:
    """A multiple as sampled, and its standard error."""

    multiple: float
    standard_error: float


def sampled_multiple(
    tree: Tree, cheques: Sequence[float], seed: int, correlation: float, iterations: int, rate: float = 0.0
) -> Estimate | None:
    """ΔG / ΔD: what cheques add over what they cost, both means over draws of the market; None where none is written.

    Without correlation the market says nothing, and the multiple is the exact one.

    Args:
        cheques: Dollars by round, one for each of the tree's.
        correlation: Of any two companies' fortunes, 0 to below 1.
        iterations: Draws, 1 or more.
        rate: Yearly discount rate of both proceeds and cheques.
    """
    outcomes, bounds = outcomes_of(tree)
    dollars = _dollars(tree, outcomes, cheques, rate)
    # How far draws lie from what is known exactly: squares of that are summed without loss.
    exact = dollars @ np.array([chance for chance, _, _ in outcomes])
    worst, steps = dollars[:, 0] - exact, np.diff(dollars)
    alone = sqrt(1.0 - correlation)
    felt, bounds = sqrt(correlation) / alone, bounds / alone
    sums, products = np.zeros(2), np.zeros((2, 2))
    for start in range(0, iterations, BLOCK):
        market = stream(seed, MARKET, start // BLOCK).standard_normal(BLOCK)[: iterations - start]
        # That the outcome is better than the first, the second, and so on.
        chances = ndtr(felt * market - bounds[:, np.newaxis])
        off = worst[:, np.newaxis] + np.einsum("do,op->dp", steps, chances)
        sums += off.sum(axis=1)
        products += np.einsum("dp,ep->de", off, off)
    added, drawn = exact + sums / iterations
    if drawn <= 0.0:
        return None
    multiple = added / drawn
    residual = np.array([1.0, -multiple])
    variance = residual @ products @ residual / iterations - (residual @ sums / iterations) ** 2
    return Estimate(float(multiple), float(sqrt(max(variance, 0.0) / iterations) / drawn))


def _dollars(tree: Tree, outcomes: Sequence[Outcome], cheques: Sequence[float], rate: float) -> Floats:
    """What cheques add and what they cost on average in each outcome, shape (2, outcomes)."""
    drawn = np.zeros(len(outcomes))
    places: list[int] = []
    terms: list[tuple[float, ...]] = []
    for number, (cheque, months) in enumerate(zip(cheques, tree.months_to()[1:], strict=True)):
        if cheque <= 0.0:
            continue
        cut = LARGEST_EXIT / tree.steps[number].size
        for at, (_, node, place) in enumerate(outcomes):
            if node > number:
                drawn[at] += cheque * discount(rate, months)
            median, sigma, alpha, calls = bought(tree, number, node, place, cheque, rate)
            terms += [(weight, median, sigma, alpha or 0.0, cut, strike) for weight, strike in calls]
            places += [at] * len(calls)
    weights, *exits = np.array(terms).reshape(-1, 6).T
    added = np.bincount(places, weights * exit_call(*exits), minlength=len(outcomes))
    return np.array([added, drawn])
