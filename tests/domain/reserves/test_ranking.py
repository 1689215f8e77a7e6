"""The ranking: that of exact figures, exactly; and nearly that where only the market is sampled."""

from itertools import pairwise

import numpy as np
import pytest

from domain.reserves.confidence import drawn_odds
from domain.reserves.curve import curve, per_round
from domain.reserves.given_market import sampled_multiple
from domain.reserves.tree import from_stage
from tests.domain.reserves.drawn import as_drawn, drawn_companies
from tests.domain.reserves.ranked import COMPANIES, CORRELATION, DRAWN, PATHS, advised, by_recursion, tau
from tests.domain.reserves.trees import MILLION

STAKES = drawn_companies(COMPANIES, DRAWN)
EXACT = {one.key: by_recursion(one) for one in STAKES}
NEXT = {key: found.multiple(0.0) or 0.0 for key, found in EXACT.items()}
"""Expected MOIC of each company's next dollar."""
MOICS = {key: found.expected_moic(MILLION) or 0.0 for key, found in EXACT.items()}
"""Of its first million."""


def test_no_two_companies_tie() -> None:
    for figures in (NEXT, MOICS):
        assert min(more / less for less, more in pairwise(sorted(figures.values()))) > 1.00002


def test_a_company_with_a_draw_for_its_own_odds_has_the_curve_of_that_draw() -> None:
    told = from_stage("Series A", 60 * MILLION, 10.0)
    odds = drawn_odds(told, 3, "acme")
    cost, brought = per_round(told, odds, 0.1)
    for draw in (0, 7):
        found = curve(as_drawn(told, odds, draw), 0.1, 0.1)
        assert found.cost == pytest.approx(cost[:, draw])
        assert found.gain == pytest.approx((cost * brought)[:, draw])


def test_companies_are_ranked_in_the_exact_order_of_their_next_dollars() -> None:
    ranked = advised(STAKES)
    assert [one.rank for one in ranked] == list(range(1, COMPANIES + 1))
    assert [one.company_id for one in ranked] == sorted(NEXT, key=lambda key: -NEXT[key])
    assert tau([NEXT[one.company_id] for one in ranked], [-one.rank for one in ranked]) == pytest.approx(1)


def test_expected_moics_come_in_their_exact_order() -> None:
    ranked = advised(STAKES)
    assert tau([MOICS[one.company_id] for one in ranked], [one.expected_moic for one in ranked]) == pytest.approx(1)


def test_multiples_of_which_only_the_market_is_sampled_come_nearly_in_the_exact_order() -> None:
    taus = []
    for seed in range(5):
        found = [
            sampled_multiple(one.tree, list(EXACT[one.key].spent(MILLION)), seed, CORRELATION, PATHS) for one in STAKES
        ]
        taus.append(tau(list(MOICS.values()), [one.multiple for one in found if one is not None]))
    assert np.mean(taus) >= 0.98
