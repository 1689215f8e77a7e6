"""The floor on the worst paths: against a linear program with a row for each path, and where it can't be kept."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import linprog

from domain.reserves.allocation import optimise
from domain.reserves.floor import Cut, Floor
from domain.reserves.limits import Candidate, InfeasiblePlan, Limits
from tests.domain.reserves.candidates import M, candidate, keeps, limits, millions
from tests.domain.reserves.trees import PROPERTY

DOLLARS = M / 100
"""A million dollars."""
# The first earns most and surely fails on one path in ten; the second brings the same on each.
RISKY, SAFE = candidate((3.0, 10), name="risky"), candidate((1.5, 10), name="safe")
PATHS = np.array([[0.0] * 4 + [3.333] * 36, [1.5] * 40])
UNKEPT = "within the limits, no plan brings the mean of the worst 5% of the paths up to its floor"
FALLEN = "the solver found no plan, and the marginal greedy's breaks a commitment or the floor"


def floor(least: float, base: float = 10.0, added: np.ndarray = PATHS) -> Floor:
    """In millions of dollars, the same without any further cheque on each path."""
    return Floor(least * DOLLARS, np.full(added.shape[1], base * DOLLARS), added)


def worst(kept: Floor, cheques: Sequence[Sequence[int]]) -> float:
    """The mean of the worst paths by sorting them, in millions of dollars."""
    dollars = np.array([cheque / 100 for each in cheques for cheque in each])
    proceeds = np.sort(kept.base + dollars @ kept.added)
    return float(proceeds[: max(int(0.05 * proceeds.size), 1)].mean()) / DOLLARS


def test_without_need_the_floor_changes_nothing() -> None:
    assert millions(optimise([RISKY, SAFE], limits(6))) == (6, 0)
    assert millions(optimise([RISKY, SAFE], limits(6), floor=floor(9.9))) == (6, 0)


def test_as_much_goes_into_what_is_safe_as_the_floor_needs() -> None:
    plan = optimise([RISKY, SAFE], limits(6), floor=floor(13.0))
    assert millions(plan) == pytest.approx((4, 2), abs=1e-5)
    assert worst(floor(13.0), plan.cheques) >= 13.0
    assert plan.value == pytest.approx((4 * 3.0 + 2 * 1.5) * M, abs=200)


def test_the_floor_holds_beside_a_minimum_cheque() -> None:
    plan = optimise([RISKY, SAFE], limits(6, 2.5), floor=floor(13.0))
    assert millions(plan) == pytest.approx((3.5, 2.5), abs=1e-5)


def test_the_shadow_price_counts_what_the_floor_takes() -> None:
    # The floor's part is in what is safe already, so one more dollar goes into what earns most.
    assert optimise([RISKY, SAFE], limits(6), floor=floor(13.0)).shadow_price == pytest.approx(3.0)
    # Full of what is safe, and still below it with a dollar less.
    assert optimise([SAFE], limits(2), floor=floor(12.9, added=PATHS[1:])).shadow_price == pytest.approx(1.5)


def test_a_floor_above_what_any_plan_brings_is_refused() -> None:
    with pytest.raises(InfeasiblePlan) as told:
        optimise([RISKY, SAFE], limits(6), floor=floor(19.5))
    assert str(told.value) == f"{UNKEPT}; the most is about 19,000,000"


def test_without_companies_only_what_is_held_can_keep_the_floor() -> None:
    nothing = np.zeros((0, 40))
    assert optimise([], limits(6), floor=floor(10.0, added=nothing)).amounts == ()
    with pytest.raises(InfeasiblePlan) as told:
        optimise([], limits(6), floor=floor(10.1, added=nothing))
    assert str(told.value) == f"{UNKEPT}; it is 10,000,000"


def test_what_is_committed_can_be_the_obstacle_too() -> None:
    stuck = replace(RISKY, committed=9 * M, follow=RISKY.follow, room=9 * M)
    kept = Limits(10 * M, 10 * M)
    with pytest.raises(InfeasiblePlan) as told:
        optimise([stuck, SAFE], kept, floor=floor(13.0))
    assert str(told.value) == "what is committed can't be kept within the limits"
    # With a floor of its own paths as well, the commitment takes what the floor would need.
    with pytest.raises(InfeasiblePlan) as told:
        optimise([replace(RISKY, committed=5 * M), SAFE], limits(6), floor=floor(13.0))
    assert str(told.value) == f"{UNKEPT}; the most is about 11,500,000"


def test_where_the_solver_fails_the_greedys_plan_must_keep_the_floor() -> None:
    assert millions(optimise([RISKY, SAFE], limits(6), floor=floor(9.9), fail=True)) == (6, 0)
    with pytest.raises(InfeasiblePlan) as told:
        optimise([RISKY, SAFE], limits(6), floor=floor(13.0), fail=True)
    assert str(told.value) == FALLEN


def test_a_solver_out_of_time_leaves_the_greedys_plan_to_keep_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.reserves.program.SECONDS", 0.0)
    many = [candidate((1 + n / 10, 2 + n / 7), room=2) for n in range(9)]
    with pytest.raises(InfeasiblePlan) as told:
        optimise(many, limits(7, 1.3), floor=floor(11.0, added=np.zeros((9, 40))))
    assert str(told.value) == FALLEN


def test_a_floor_that_takes_too_many_cuts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.reserves.program.MOST_CUTS", 1)
    with pytest.raises(InfeasiblePlan) as told:
        optimise([RISKY, SAFE], limits(6), floor=floor(13.0))
    assert str(told.value) == FALLEN


def test_what_the_most_is_told_to_be_is_never_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = floor(35.0)
    kept.cuts.append(Cut(10.0 * DOLLARS, PATHS[:, -1]))
    monkeypatch.setattr("domain.reserves.program.MOST_CUTS", 1)
    with pytest.raises(InfeasiblePlan) as told:
        optimise([RISKY, SAFE], limits(6), floor=kept)
    most = float(str(told.value).rpartition(" ")[2].replace(",", ""))
    assert most >= 19 * DOLLARS


def test_cuts_found_once_serve_every_later_plan() -> None:
    kept = floor(13.0)
    first = optimise([RISKY, SAFE], limits(6), floor=kept)
    found = len(kept.cuts)
    assert found > 0
    assert optimise([RISKY, SAFE], limits(6), floor=kept) == first
    assert len(kept.cuts) == found


@st.composite
def floored(draw: st.DrawFn) -> tuple[list[Candidate], Limits, Floor]:
    count = draw(st.integers(1, 4))
    rates = st.integers(0, 50).map(lambda tenths: tenths / 10)
    added = np.array(draw(st.lists(st.lists(rates, min_size=20, max_size=20), min_size=count, max_size=count)))
    # What a dollar earns is what its paths bring on average, and what is never drawn nothing.
    companies = [candidate((float(brought.mean()), draw(st.integers(1, 6)))) for brought in added]
    base = np.array(draw(st.lists(st.integers(0, 20), min_size=20, max_size=20))) * DOLLARS
    return companies, limits(draw(st.integers(1, 12))), Floor(draw(st.integers(0, 40)) * DOLLARS / 2, base, added)


def by_rows(companies: Sequence[Candidate], kept: Limits, least: Floor) -> float | None:
    """The largest value in millions, by Rockafellar and Uryasev's row for each path; None where there is none."""
    count, paths = least.added.shape
    worth = np.array([float(one.value[0]) - 1 for one in companies])
    tail = max(int(0.05 * paths), 1)
    # Cheques in millions, then the quantile, then by how much each path falls short of it.
    cost = np.concatenate((-worth, np.zeros(1 + paths)))
    short = np.hstack((-least.added.T, np.ones((paths, 1)), -np.eye(paths)))
    mean = np.concatenate((np.zeros(count), [-1.0], np.full(paths, 1 / tail)))
    pool = np.concatenate((np.ones(count), np.zeros(1 + paths)))
    found = linprog(
        cost,
        A_ub=np.vstack((short, mean, pool)),
        b_ub=np.concatenate((least.base / DOLLARS, [-least.least / DOLLARS, kept.pool / M])),
        bounds=[*((0, one.sizes[0] / M) for one in companies), (None, None), *[(0, None)] * paths],
    )
    return None if found.status == 2 else kept.pool / M - float(found.fun)


@PROPERTY
@given(floored())
def test_the_best_plan_is_that_of_a_row_for_each_path(instance: tuple[list[Candidate], Limits, Floor]) -> None:
    companies, kept, least = instance
    known = by_rows(companies, kept, least)
    try:
        plan = optimise(companies, kept, floor=least)
    except InfeasiblePlan:
        # The cuts ask for a dollar more than the floor, which may be more than there is.
        assert known is None or by_rows(companies, kept, Floor(least.least + 2, least.base, least.added)) is None
    else:
        assert known is not None
        # What the dollar costs, at the dearest that the floor can be.
        assert plan.value / M == pytest.approx(known, abs=1e-3)
        assert plan.value / M <= known + 1e-6
        assert worst(least, plan.cheques) >= least.least / DOLLARS - 1e-9
        assert keeps(companies, kept, plan.cheques)
