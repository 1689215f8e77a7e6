"""Stages: the odds nobody had to forecast, and what waiting does to them."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from domain.reserves.exits import survival
from domain.reserves.stages import DEFAULT_STAGES, MONTHS_SIGMA, StageOdds, waited
from tests.domain.reserves.trees import PROPERTY

SEED, _, _, _, LATER = DEFAULT_STAGES


def test_what_neither_goes_on_nor_exits_fails() -> None:
    assert SEED.fail == pytest.approx(0.2)
    assert LATER.fail == pytest.approx(0.25)
    assert replace(SEED, graduate=0.6, exit=0.4).fail == 0
    assert replace(SEED, graduate=0.6, exit=0.4 + 1e-16).fail == 0


def test_the_stages_are_as_fitted() -> None:
    assert [stage.graduate for stage in DEFAULT_STAGES] == [0.45, 0.45, 0.42, 0.40, 0.0]
    assert [stage.exit for stage in DEFAULT_STAGES] == [0.35, 0.38, 0.42, 0.45, 0.75]
    assert [stage.dilution for stage in DEFAULT_STAGES] == [0.20, 0.15, 0.12, 0.10, 0.0]
    assert [stage.pool for stage in DEFAULT_STAGES] == [0.05, 0.04, 0.03, 0.03, 0.0]
    assert [stage.step_up for stage in DEFAULT_STAGES] == [2.2, 1.9, 1.7, 1.5, 1.0]
    assert [stage.exit_multiple for stage in DEFAULT_STAGES] == [0.47, 0.63, 0.78, 0.94, 1.25]
    assert [stage.months_to_graduate for stage in DEFAULT_STAGES] == [24, 22, 20, 20, 20]
    assert [stage.months_to_exit for stage in DEFAULT_STAGES] == [36, 36, 30, 30, 24]
    assert [stage.name for stage in DEFAULT_STAGES] == ["seed", "a", "b", "c", "later"]


def test_who_has_not_waited_has_the_odds_of_the_stage() -> None:
    assert waited(SEED, 0).graduate == pytest.approx(0.45)
    assert waited(SEED, 0).exit == pytest.approx(0.35)


def test_after_24_months_of_waiting_45_percent_are_30_7() -> None:
    # Medians of 20 months to the next round and 33 to an exit or a failure.
    odds = StageOdds("seed", 0.45, 0.30, 0.2, 0.05, 2.2, 0.5, 20, 33)
    assert waited(odds, 24).graduate == pytest.approx(0.307, abs=0.0005)


def test_at_the_median_wait_half_of_the_graduations_are_still_to_come() -> None:
    exits = survival(24, 36, MONTHS_SIGMA)
    told = waited(SEED, 24)
    total = 0.45 * 0.5 + 0.55 * exits
    assert told.graduate == pytest.approx(0.225 / total)
    assert told.exit == pytest.approx(0.35 * exits / total)
    assert told.fail == pytest.approx(0.20 * exits / total)
    assert told.graduate == pytest.approx(0.352817, abs=1e-6)


def test_waiting_changes_nothing_but_the_odds() -> None:
    told = waited(SEED, 24)
    assert replace(told, graduate=SEED.graduate, exit=SEED.exit) == SEED


def test_graduation_falls_the_longer_the_wait_and_exits_keep_their_proportion_to_failures() -> None:
    told = [waited(SEED, months) for months in (0, 6, 12, 24, 48, 96, 600, 2_000)]
    assert all(later.graduate < sooner.graduate for sooner, later in pairwise(told))
    assert all(one.exit / one.fail == pytest.approx(0.35 / 0.2) for one in told)
    assert told[-1].graduate < 0.01


def test_after_a_wait_beyond_all_measure_only_failure_is_left() -> None:
    told = waited(SEED, 1e30)
    assert (told.graduate, told.exit, told.fail) == (0, 0, 1)


@PROPERTY
@given(st.sampled_from(DEFAULT_STAGES), st.floats(0, 600))
def test_odds_stay_odds_however_long_the_wait(odds: StageOdds, months: float) -> None:
    told = waited(odds, months)
    assert 0 <= told.graduate <= odds.graduate + 1e-12
    assert 0 <= told.exit <= 1
    assert told.graduate + told.exit + told.fail == pytest.approx(1)
