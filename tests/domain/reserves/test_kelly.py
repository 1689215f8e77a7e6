"""The Kelly fraction: against known values, and against a search."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from domain.reserves.kelly import kelly_fraction
from tests.domain.reserves.trees import PROPERTY


def test_a_fifth_of_a_chance_of_ten_is_worth_a_ninth_where_the_rule_of_thumb_says_a_sixteenth() -> None:
    multiples = np.array([10.0, 0.0, 0.0, 0.0, 0.0])
    assert kelly_fraction(multiples) == pytest.approx(0.1111, abs=5e-5)
    assert (multiples.mean() - 1) / multiples.var() == pytest.approx(0.0625)


@pytest.mark.parametrize(("multiples", "told"), [([0.5, 1.4], 0.0), ([0.0, 2.0], 0.0), ([1.1, 3.0], 1.0)])
def test_what_loses_is_worth_nothing_and_what_cannot_lose_everything(multiples: list[float], told: float) -> None:
    assert kelly_fraction(np.array(multiples)) == told


@PROPERTY
@given(st.lists(st.floats(0, 20), min_size=2, max_size=12))
def test_no_other_fraction_makes_capital_grow_faster(drawn: list[float]) -> None:
    multiples = np.array(drawn)
    found = kelly_fraction(multiples)

    def growth(fraction: float) -> float:
        return float(np.mean(np.log(1 + fraction * (multiples - 1))))

    assert all(growth(min(found, 1 - 1e-9)) >= growth(other) - 1e-9 for other in np.linspace(0, 0.999, 200))
