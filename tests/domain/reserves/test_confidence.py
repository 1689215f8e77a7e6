"""Confidence: odds drawn around what is told of them, and the marginal greedy on all draws at once."""

from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given, strategies as st

from domain.reserves.allocation import marginal_greedy
from domain.reserves.confidence import DRAWS, PRIOR_COMPANIES, drawn_odds, funded
from domain.reserves.limits import Candidate, Limits
from domain.reserves.tree import from_stage
from tests.domain.reserves.candidates import M, candidate, instances, limits
from tests.domain.reserves.trees import KNOWN, PROPERTY, ending, step, tree

SEED = from_stage("Seed", 20e6, 0.0)


def test_odds_are_drawn_for_every_node_and_sum_to_no_more_than_1() -> None:
    odds = drawn_odds(SEED, 1, "acme")
    assert odds.onward.shape == (4, DRAWS)
    assert [each.shape for each in odds.ended] == [(1, DRAWS)] * 5
    assert odds.grown.shape == (5, DRAWS)
    assert (odds.onward > 0).all()
    for node in range(4):
        assert (odds.onward[node] + odds.ended[node].sum(axis=0) < 1).all()
    assert (odds.grown[0] == 1).all()


def test_drawn_odds_lie_around_those_told_as_thirty_companies_would_have_them() -> None:
    onward = np.concatenate([drawn_odds(SEED, seed, "acme").onward[0] for seed in range(20)])
    spread = sqrt(0.45 * 0.55 / (PRIOR_COMPANIES + 1))
    assert onward.mean() == pytest.approx(0.45, abs=5 * spread / sqrt(onward.size))
    assert onward.std() == pytest.approx(spread, rel=0.05)


def test_drawn_step_ups_lie_around_those_told_and_add_up_along_the_way() -> None:
    grown = np.concatenate([drawn_odds(SEED, seed, "acme").grown for seed in range(20)], axis=1)
    spread = 0.5 / sqrt(PRIOR_COMPANIES)
    for node in range(1, 5):
        logarithms = np.log(grown[node])
        assert logarithms.mean() == pytest.approx(0, abs=5 * spread * sqrt(node / grown.shape[1]))
        assert logarithms.std() == pytest.approx(spread * sqrt(node), rel=0.05)
    assert np.exp(np.log(grown[1]).std()) == pytest.approx(1.0956, rel=0.01)


def test_draws_are_the_same_for_a_seed_and_company_and_no_other() -> None:
    told = drawn_odds(KNOWN, 1, "acme")
    again = drawn_odds(KNOWN, 1, "acme")
    assert told.onward.tobytes() == again.onward.tobytes()
    assert told.grown.tobytes() == again.grown.tobytes()
    for seed, key in ((2, "acme"), (1, "beta")):
        assert not np.intersect1d(told.onward, drawn_odds(KNOWN, seed, key).onward).size


def test_what_cannot_be_is_hardly_ever_drawn() -> None:
    one = tree([step(1.0, 40, 10)], [ending(0.0, 50)], [ending(1.0, 50)])
    odds = drawn_odds(one, 1, "acme")
    assert odds.onward.min() > 0.999
    assert odds.ended[0].max() < 0.001
    assert odds.ended[1].min() > 0.999


def test_a_company_without_rounds_has_odds_of_its_endings_only() -> None:
    odds = drawn_odds(tree([], [ending(0.3, 50), ending(0.2, 90)]), 1, "acme")
    assert (odds.onward.shape, odds.ended[0].shape, odds.grown.shape) == ((0, DRAWS), (2, DRAWS), (1, DRAWS))


@PROPERTY
@given(instances(6, 12, odd=True), st.integers(0, 2**32))
def test_all_draws_at_once_fund_whom_the_marginal_greedy_funds_in_each(
    instance: tuple[list[Candidate], Limits], seed: int
) -> None:
    candidates, kept = instance
    numbers = np.random.default_rng(seed)
    values = [np.round(numbers.uniform(0.5, 3.0, (one.value.size, 5)), 1) for one in candidates]
    told = funded(candidates, kept, values)
    assert told.shape == (5, len(candidates))
    for draw in range(5):
        drawn = [replace(one, value=each[:, draw]) for one, each in zip(candidates, values, strict=True)]
        assert told[draw].tolist() == [sum(each) > 0 for each in marginal_greedy(drawn, kept)]


def test_who_is_funded_goes_by_each_draws_own_values() -> None:
    two = [candidate((2.0, 3)), candidate((2.0, 3))]
    values = [np.array([[3.0, 1.5, 0.9, 2.0]]), np.array([[2.0, 2.0, 2.0, 2.0]])]
    assert funded(two, limits(3), values).tolist() == [[True, False], [False, True], [False, True], [True, False]]
    assert funded(two, limits(4), values).tolist() == [[True, True], [True, True], [False, True], [True, True]]


def test_a_company_that_no_cheque_is_written_for_is_not_funded() -> None:
    two = [candidate((2.0, 3), room=0), candidate((2.0, 3), stage="a")]
    values = [np.array([[3.0]]), np.array([[2.0]])]
    assert funded(two, Limits(9 * M, 0, {"a": 0}), values).tolist() == [[False, False]]
    assert funded(two, limits(9, 2), values).tolist() == [[False, True]]
    assert funded(two, limits(9, 3), values).tolist() == [[False, True]]
    assert funded(two, limits(9, 3.1), values).tolist() == [[False, False]]


def test_an_early_cheque_that_makes_a_later_one_possible_may_leave_nothing_for_others() -> None:
    linked = Candidate(
        "acme", "seed", 9 * M, np.ones(2), np.full(2, 9.0 * M), np.array([2.0 * M, 0.0]), np.array([[0, 0], [1.0, 0]])
    )
    values = [np.array([[3.0], [2.0]]), np.array([[1.5]])]
    assert funded([linked, candidate((1.5, 3))], limits(4), values).tolist() == [[True, False]]
    assert funded([linked, candidate((1.5, 3))], limits(4.1), values).tolist() == [[True, True]]


def test_the_spread_of_a_drawn_step_up_is_that_of_a_mean_of_thirty() -> None:
    assert log(1.0956) == pytest.approx(0.5 / sqrt(30), abs=1e-4)
