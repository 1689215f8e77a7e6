"""Given the market: the exact multiple on average, and as sure as it says."""

from itertools import pairwise
from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from domain.reserves.curve import curve
from domain.reserves.given_market import Estimate, sampled_multiple
from domain.reserves.simulation import BLOCK, MARKET, Portfolio, Stake, stream
from domain.reserves.tree import Tree, from_stage
from tests.depth import deep
from tests.domain.reserves.drawn import PREFERRED, drawn_companies
from tests.domain.reserves.repeats import spread_as_told
from tests.domain.reserves.trees import KNOWN, MILLION, PROPERTY, ending, step, tree, trees

CORRELATION = 0.3
PATHS = 10_000
SEEDS = 200
FIFTY = drawn_companies(50, 11)
TAILED = Stake(
    "tail",
    tree(
        [step(0.6, 40, 10, sigma=0.4), step(0.5, 90, 30)],
        [ending(0.3, 15, alpha=3.0)],
        [ending(0.3, 60, alpha=1.2)],
        [ending(0.3, 200, 0.5), ending(0.2, 100, 0.4, alpha=1.5)],
    ),
    0.2,
    3 * MILLION,
)
ALL = [*FIFTY, *PREFERRED, TAILED]


def increment(one: Stake, rate: float = 0.0) -> tuple[list[float], float]:
    """A million's cheques by round, or what the rounds take of it, and its exact multiple."""
    found = curve(one.tree, one.ownership, rate)
    exact = found.expected_moic(MILLION)
    assert exact is not None
    return [float(cheque) for cheque in found.spent(MILLION)], exact


def sampled(one: Stake, seed: int = 1, correlation: float = CORRELATION, paths: int = PATHS) -> Estimate:
    found = sampled_multiple(one.tree, increment(one)[0], seed, correlation, paths)
    assert found is not None
    return found


@pytest.mark.parametrize("rate", [0.0, 0.15])
@pytest.mark.parametrize("seed", [1, 2])
def test_companies_multiples_are_the_exact_ones_within_4_standard_errors(seed: int, rate: float) -> None:
    for one in ALL:
        cheques, exact = increment(one, rate)
        found = sampled_multiple(one.tree, cheques, seed, CORRELATION, PATHS, rate)
        assert found is not None
        assert 0 < found.standard_error < 0.05 * exact
        assert abs(found.multiple - exact) < 4 * found.standard_error


@settings(PROPERTY, max_examples=deep(25, 50))
@given(
    trees(certain=False),
    st.floats(0.01, 0.5),
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
    st.sampled_from([0.1, 0.3, 0.6]),
    st.sampled_from([0.0, 0.12]),
)
def test_whatever_may_become_of_a_company_its_multiple_is_the_exact_one(
    one: Tree, ownership: float, parts: list[float], correlation: float, rate: float
) -> None:
    told = curve(one, ownership, rate)
    cheques = [part * float(cap) for part, cap in zip(parts, told.caps, strict=False)]
    assume(np.array(cheques) @ told.cost > 1.0)
    found = sampled_multiple(one, cheques, 1, correlation, 20_000, rate)
    assert found is not None
    exact = float(np.array(cheques) @ told.gain / (np.array(cheques) @ told.cost))
    # A multiple of next to nothing, such as 1e-189, has lost its digits in what it was made of.
    assert abs(found.multiple - exact) <= 4 * found.standard_error + 1e-9 * exact + 1e-12


@pytest.mark.parametrize(
    "one", [*FIFTY[:4], *PREFERRED, TAILED, Stake("known", KNOWN, 0.12, MILLION)], ids=lambda one: one.key
)
def test_standard_errors_are_those_of_estimates_with_other_seeds(one: Stake) -> None:
    found = [sampled(one, seed, paths=1_000) for seed in range(SEEDS)]
    assert spread_as_told([each.multiple for each in found], [each.standard_error for each in found])


def test_four_times_the_draws_halve_the_standard_error() -> None:
    for one in FIFTY[:6]:
        few, many = sampled(one), sampled(one, paths=4 * PATHS)
        assert many.standard_error == pytest.approx(few.standard_error / 2, rel=0.1)


@pytest.mark.parametrize("rate", [0.0, 0.15])
def test_without_correlation_the_multiple_is_exact(rate: float) -> None:
    for one in ALL:
        cheques, exact = increment(one, rate)
        found = sampled_multiple(one.tree, cheques, 1, 0.0, 100, rate)
        assert found is not None
        assert found.multiple == pytest.approx(exact, rel=1e-12)
        assert found.standard_error == pytest.approx(0, abs=1e-12)


def test_the_more_the_market_counts_the_less_is_known() -> None:
    errors = [sampled(FIFTY[0], correlation=correlation).standard_error for correlation in (0.0, 0.1, 0.3, 0.6, 0.9)]
    assert all(less < more for less, more in pairwise(errors))


def test_companies_that_are_alike_get_the_same_figure_to_the_last_bit() -> None:
    one, other = (from_stage("Series A", 40 * MILLION, 7.0) for _ in range(2))
    assert one is not other
    found = [sampled(Stake(key, each, 0.1, MILLION)) for key, each in (("acme", one), ("beta", other))]
    assert found[0] == found[1]


def test_whoever_owns_more_of_a_company_gets_the_same_multiple_in_the_same_round() -> None:
    one = from_stage("Series A", 40 * MILLION, 7.0)
    small, large = (sampled_multiple(one, [cheque, 0, 0], 1, CORRELATION, PATHS) for cheque in (MILLION / 8, MILLION))
    assert small is not None
    assert large is not None
    assert small.multiple == pytest.approx(large.multiple, rel=1e-12)
    assert small.standard_error == pytest.approx(large.standard_error, rel=1e-6)


@pytest.mark.parametrize("paths", [1, 100, BLOCK, 2 * BLOCK + 11])
def test_the_known_companys_multiple_is_reckoned_from_the_simulations_own_draws_of_the_market(paths: int) -> None:
    market = np.concatenate([stream(5, MARKET, block).standard_normal(BLOCK) for block in range(3)])[:paths]
    normal = NormalDist()

    def better(share: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Chance of an outcome that is better than so large a share of all."""
        bound = normal.inv_cdf(share)
        return np.array([normal.cdf((sqrt(0.3) * at - bound) / sqrt(0.7)) for at in market])

    # Of a hundred companies 50 fail at once; 9 fail after the first round, 21 exit at 90; 10 fail after the second, 10
    # exit at 300.
    raised, exits, again, best = better(0.50), better(0.59), better(0.80), better(0.90)
    drawn = 1.2 * raised + 0.8 * again
    added = 1.2 / 10 * (0.2 * 90 * (exits - again) + 0.2 * (1 - 30 / 105 - 0.05) * 300 * best)
    added += 0.8 / 30 * 30 / 105 * 300 * best
    ratio = added.mean() / drawn.mean()
    found = sampled_multiple(KNOWN, [1.2 * MILLION, 0.8 * MILLION], 5, 0.3, paths)
    assert found is not None
    assert found.multiple == pytest.approx(ratio, rel=1e-12)
    error = np.std(added - ratio * drawn) / sqrt(paths) / drawn.mean()
    # A variance loses half its digits in the root.
    assert found.standard_error == pytest.approx(error, rel=1e-9, abs=1e-7)


def test_the_simulation_goes_astray_with_it_where_the_market_is_nearly_all() -> None:
    one = Stake("acme", KNOWN, 0.12, MILLION)
    cheques, _ = increment(one)
    alone, given_market = [], []
    for seed in range(40):
        paths = Portfolio([one], [[cheques]], seed, 0.99).run(PATHS)
        alone.append(float(paths.added.sum() / paths.drawn.sum()))
        given_market.append(sampled(one, seed, 0.99).multiple)
    assert np.corrcoef(alone, given_market)[0, 1] > 0.8


@pytest.mark.parametrize(
    ("one", "cheques"),
    [
        (KNOWN, [0.0, 0.0]),
        (tree([step(0.0, 40, 10)], [ending(0.5, 60)], [ending(0.5, 90)]), [MILLION]),
        (tree([], [ending(0.5, 60)]), []),
    ],
    ids=["no cheque", "a round that never comes", "no round to come"],
)
def test_cheques_that_are_never_written_have_no_multiple(one: Tree, cheques: list[float]) -> None:
    assert sampled_multiple(one, cheques, 1, CORRELATION, 100) is None
