"""The plain simulation: random companies' exact figures within its standard errors, and these as large as they are."""

from math import sqrt

import numpy as np
import pytest

from domain.reserves.curve import curve, value_of_holding
from domain.reserves.exits import Floats
from domain.reserves.simulation import Portfolio, Simulated, Stake, spread
from tests.domain.reserves.drawn import PREFERRED, drawn_companies
from tests.domain.reserves.repeats import spread_as_told
from tests.domain.reserves.trees import MILLION

CORRELATION = 0.3
SEEDS = 200
FIFTY = drawn_companies(50, 23)


def cheques_of(one: Stake) -> list[float]:
    """A million's cheques by round, or what the rounds take of it."""
    return [float(cheque) for cheque in curve(one.tree, one.ownership).spent(MILLION)]


def simulated(stakes: list[Stake], seed: int, paths: int) -> Simulated:
    return Portfolio(stakes, [[cheques_of(one) for one in stakes]], seed, CORRELATION).run(paths)


def off(values: Floats, exact: float) -> float:
    """How many standard errors a mean lies from what it should be."""
    told = spread(values.copy())
    return abs(told.mean - exact) / told.standard_error


def multiple(paths: Simulated) -> tuple[float, float]:
    """What all cheques bring over what they cost, and its standard error: that of a ratio of means."""
    added, drawn = paths.added[0], paths.drawn[0]
    ratio = float(added.sum() / drawn.sum())
    return ratio, float(np.std(added - ratio * drawn)) / sqrt(added.size) / float(drawn.mean())


@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_companies_figures_are_the_exact_ones_within_4_standard_errors(seed: int) -> None:
    for one in [*FIFTY, *PREFERRED]:
        exact, cheques = curve(one.tree, one.ownership), np.array(cheques_of(one))
        paths = simulated([one], seed, 10_000)
        assert off(paths.base, value_of_holding(one.tree, one.ownership, one.paid)) < 4
        assert off(paths.added[0], float(cheques @ exact.gain)) < 4
        assert off(paths.drawn[0], float(cheques @ exact.cost)) < 4
        ratio, error = multiple(paths)
        assert abs(ratio - (exact.expected_moic(MILLION) or 0)) < 4 * error


def test_a_portfolios_standard_errors_are_those_of_means_with_other_seeds() -> None:
    stakes = [*FIFTY[:4], *PREFERRED]
    found = [simulated(stakes, seed, 2_000) for seed in range(SEEDS)]
    for values in (
        [paths.base for paths in found],
        [paths.added[0] for paths in found],
        [paths.drawn[0] for paths in found],
    ):
        told = [spread(each.copy()) for each in values]
        assert spread_as_told([one.mean for one in told], [one.standard_error for one in told])


@pytest.mark.parametrize("one", [*FIFTY[:3], *PREFERRED[:2]], ids=lambda one: one.key)
def test_a_simulated_multiples_standard_error_is_that_of_multiples_with_other_seeds(one: Stake) -> None:
    found = [multiple(simulated([one], seed, 2_000)) for seed in range(SEEDS)]
    assert spread_as_told([ratio for ratio, _ in found], [error for _, error in found])
