"""The optimal allocation: against known answers, and against every corner of small instances."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings

from domain.money import Money
from domain.reserves.allocation import Plan, marginal_greedy, optimise
from domain.reserves.greedy import Constraints, ReserveCompany, StagePolicy, allocate
from domain.reserves.limits import Candidate, InfeasiblePlan, Limits, round_cap
from tests.depth import deep
from tests.domain.reserves.candidates import M, best_value, candidate, instances, keeps, limits, millions
from tests.domain.reserves.trees import PROPERTY

FALLEN = "The solver found no plan; this is the marginal greedy's, which may not be the best."
THREE = [
    candidate((1.4, 4), (1.05, 9), name="first"),
    candidate((2.1, 3), (1.05, 9), name="second"),
    candidate((3.2, 2), (1.02, 9), name="third"),
]


def value(candidates: list[Candidate], pool: int, cheques: tuple[tuple[int, ...], ...]) -> float:
    """Of a plan, in cents."""
    gain = sum(
        (float(one.value[number]) - 1) * cheque
        for one, each in zip(candidates, cheques, strict=True)
        for number, cheque in enumerate(each)
    )
    return pool + gain


def test_the_pool_goes_where_its_next_dollar_earns_most() -> None:
    plan = optimise(THREE, limits(9, 0.5))
    assert millions(plan) == (4, 3, 2)
    assert plan.value == pytest.approx(18.30 * M)
    assert plan.bound == pytest.approx(18.30 * M)
    assert plan.note == ""


def test_the_priority_allocation_gives_all_to_the_first_which_is_worth_less() -> None:
    names = [ReserveCompany(one.id, one.id, one.stage, Money(0)) for one in THREE]
    split = allocate(names, [StagePolicy("seed", Decimal(1), Decimal(1))], Constraints(Money(9 * M)))
    assert [(share.company.id, share.allocated) for share in split.shares] == [("first", 9 * M)]
    assert value(THREE, 9 * M, ((4 * M, 5 * M), (0, 0), (0, 0))) == pytest.approx(10.85 * M)


def test_a_minimum_cheque_may_favour_the_second_best() -> None:
    two = [candidate((3.0, 2)), candidate((2.9, 3))]
    plan = optimise(two, limits(3, 2))
    assert millions(plan) == (0, 3)
    assert plan.value == pytest.approx(8.7 * M)
    assert value(two, 3 * M, marginal_greedy(two, limits(3, 2))) == pytest.approx(7.0 * M)


def test_a_minimum_cheque_of_each_round_holds_back_what_a_next_round_would_take() -> None:
    # A dollar is worth 4.0, 3.5, 3.0 and 2.5 where it is spent, and each of the rounds comes about half the time.
    alike = [candidate((2.0, 2), (1.75, 3), (1.5, 3), (1.25, 2), room=6) for _ in range(3)]
    kept = limits(6.5, 1)
    known = ((3 * M // 2, M, 0, 0), (2 * M, 0, 0, 0), (2 * M, 0, 0, 0))
    assert [sum(cheques) for cheques in known] == [5 * M // 2, 2 * M, 2 * M]
    assert keeps(alike, kept, known)
    assert value(alike, kept.pool, known) == 12.75 * M
    # Others are as good, (3, 2, 1.5) for one; none is better.
    assert optimise(alike, kept).value == pytest.approx(12.75 * M)


def test_without_a_minimum_cheque_the_best_is_filled_first() -> None:
    plan = optimise([candidate((3.0, 2)), candidate((2.9, 3))], limits(3))
    assert millions(plan) == (2, 1)
    assert plan.value == pytest.approx((6.0 + 2.9) * M)


def test_what_earns_less_than_a_dollar_stays_in_the_pool() -> None:
    plan = optimise([candidate((0.99, 5)), candidate((1.01, 2))], limits(9))
    assert millions(plan) == (0, 2)
    assert plan.value == pytest.approx(9.02 * M)


def test_a_later_round_may_be_reserved_for_and_an_earlier_one_left_out() -> None:
    plan = optimise([candidate((0.8, 2), (2.0, 3))], limits(9))
    assert plan.cheques == ((0, 3 * M),)


def test_a_cent_is_given_where_there_is_room_for_one() -> None:
    one = candidate((2.0, 5), room=0.00000001)
    assert (optimise([one], limits(3)).amounts, marginal_greedy([one], limits(3))) == ((1,), ((1,),))
    assert optimise([candidate((2.0, 5))], Limits(1)).amounts == (1,)


def test_a_right_to_more_than_a_round_takes_no_more_than_the_round() -> None:
    wide = Candidate("a", "seed", 9 * M, np.ones(1) * 2, np.array([2.0 * M]), np.array([5.0 * M]), np.zeros((1, 1)))
    for least in (0, 1):
        assert millions(optimise([wide], limits(9, least))) == (2,)
        assert optimise([wide], limits(9, least)).bound == pytest.approx(11 * M)


def test_a_poor_round_is_joined_for_the_rights_it_gives_in_a_good_one() -> None:
    linked = Candidate(
        "acme",
        "seed",
        100 * M,
        np.array([0.9, 3.0]),
        np.array([5.0 * M, 50.0 * M]),
        np.array([2.0 * M, 1.0 * M]),
        np.array([[0.0, 0.0], [0.5, 0.0]]),
    )
    plan = optimise([linked], limits(9))
    assert plan.cheques == ((2 * M, 2 * M),)
    assert plan.value == pytest.approx((9 - 0.2 + 4.0) * M)
    assert value([linked], 9 * M, marginal_greedy([linked], limits(9))) == pytest.approx(11 * M)


def test_rights_in_a_later_round_follow_from_the_cheque_before_it() -> None:
    linked = Candidate(
        "acme",
        "seed",
        100 * M,
        np.array([2.0, 3.0, 4.0]),
        np.array([5.0 * M, 50.0 * M, 3.0 * M]),
        np.array([2.0 * M, 1.0 * M, 1.0 * M]),
        np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.25, 0.5, 0.0]]),
    )
    assert [round_cap(linked, [2 * M, 2 * M, 0], number) for number in range(3)] == [2 * M, 2 * M, 250_000_000]
    assert [round_cap(linked, [0, 0, 0], number) for number in range(3)] == [2 * M, 1 * M, 1 * M]
    assert round_cap(linked, [2 * M, 50 * M, 0], 2) == 3 * M
    assert optimise([linked], limits(20)).cheques == ((2 * M, 2 * M, 250_000_000),)
    assert marginal_greedy([linked], limits(20)) == ((2 * M, 2 * M, 250_000_000),)


def test_a_cap_of_whole_cents_loses_none_to_floats() -> None:
    # 0.07 of ten million dollars, in cents, is 70,000,000.00000001 or so; 0.29 of them 289,999,999.99999994.
    one = Candidate("a", "seed", 9 * M, np.ones(1) * 2, np.array([1e9]), np.array([0.29 * 1e9]), np.zeros((1, 1)))
    assert round_cap(one, [0], 0) == 290_000_000
    assert optimise([one], Limits(9 * M, 290_000_000)).amounts == (290_000_000,)


@settings(PROPERTY, max_examples=deep(60, 200))
@given(instances())
def test_no_corner_of_any_choice_of_cheques_is_better(instance: tuple[list[Candidate], Limits]) -> None:
    candidates, kept = instance
    plan, best = optimise(candidates, kept), best_value(candidates, kept)
    assert best is not None
    assert plan.value == pytest.approx(best, abs=50)
    assert plan.bound == pytest.approx(best, abs=50)


@PROPERTY
@given(instances(committed=True))
def test_what_is_committed_is_kept_at_the_least_loss_or_refused(instance: tuple[list[Candidate], Limits]) -> None:
    candidates, kept = instance
    best = best_value(candidates, kept)
    try:
        plan = optimise(candidates, kept)
    except InfeasiblePlan:
        assert best is None
    else:
        assert best is not None
        assert keeps(candidates, kept, plan.cheques)
        assert plan.value == pytest.approx(best, abs=50)


@PROPERTY
@given(instances(6, 14, odd=True))
def test_every_limit_is_kept_to_the_cent(instance: tuple[list[Candidate], Limits]) -> None:
    candidates, kept = instance
    plan, greedy = optimise(candidates, kept), marginal_greedy(candidates, kept)
    assert keeps(candidates, kept, plan.cheques)
    assert keeps(candidates, kept, greedy)
    assert plan.value == pytest.approx(value(candidates, kept.pool, plan.cheques))
    assert value(candidates, kept.pool, greedy) <= plan.value + 1e-3
    assert plan.value <= plan.bound
    assert len(plan.limited_by) == len(candidates)


@PROPERTY
@given(instances(6, 14, linked=False, minimum=False))
def test_without_a_minimum_cheque_and_with_nested_limits_the_marginal_greedy_is_the_best(
    instance: tuple[list[Candidate], Limits],
) -> None:
    candidates, kept = instance
    greedy = value(candidates, kept.pool, marginal_greedy(candidates, kept))
    assert greedy == pytest.approx(optimise(candidates, kept).bound, abs=20)


@PROPERTY
@given(instances(4, 8, linked=False, minimum=False))
def test_the_shadow_price_is_what_one_more_dollar_adds(instance: tuple[list[Candidate], Limits]) -> None:
    candidates, kept = instance
    more = Limits(kept.pool + 1_000_000, 0, kept.stages)
    # All amounts are tenths of a million: ten thousand dollars meet no other limit.
    added = (optimise(candidates, more).bound - optimise(candidates, kept).bound) / 1_000_000
    assert optimise(candidates, kept).shadow_price == pytest.approx(added, abs=1e-6)


@pytest.mark.parametrize(("pool", "price"), [(0, 3.2), (1.9, 3.2), (2, 2.1), (4.9, 2.1), (5, 1.4), (9, 1.05), (99, 1)])
def test_the_shadow_price_falls_as_the_pool_fills_the_companies_in_turn(pool: float, price: float) -> None:
    assert optimise(THREE, limits(pool)).shadow_price == pytest.approx(price)


def test_the_shadow_price_is_of_the_cheques_that_are_written() -> None:
    two = [candidate((3.0, 2)), candidate((2.9, 3))]
    # The second could take no more, and the first is not written.
    assert optimise(two, limits(3, 2)).shadow_price == pytest.approx(1.0)
    assert optimise(two, limits(2.9, 2)).shadow_price == pytest.approx(2.9)
    # A cheque at its minimum can't shrink for the other's sake.
    plan = optimise([candidate((3.0, 2)), candidate((2.4, 3))], limits(3, 1.5))
    assert millions(plan) == (1.5, 1.5)
    assert plan.shadow_price == pytest.approx(3.0)


def test_the_shadow_price_keeps_the_caps_of_stages_where_there_is_a_minimum_cheque() -> None:
    two = [candidate((3.0, 5), stage="a"), candidate((1.5, 5))]
    plan = optimise(two, limits(4, 1, a=2))
    assert (millions(plan), plan.shadow_price) == ((2, 2), 1.5)


def test_the_shadow_price_leaves_commitments_alone() -> None:
    two = [candidate((0.5, 2), committed=1), candidate((3.0, 5))]
    assert optimise(two, limits(4)).shadow_price == pytest.approx(3.0)
    assert optimise(two, limits(6)).shadow_price == pytest.approx(1.0)


def test_no_companies_get_nothing() -> None:
    assert optimise([], limits(9)) == Plan((), 9.0 * M, 9.0 * M, 1.0, ())


def test_a_company_without_rounds_gets_nothing() -> None:
    assert optimise([candidate()], limits(9)) == Plan(((),), 9.0 * M, 9.0 * M, 1.0, ("cut-off",))
    assert millions(optimise([candidate(), candidate((2, 3))], limits(9))) == (0, 3)


def test_an_empty_pool_gives_nothing_and_tells_what_a_dollar_would_bring() -> None:
    plan = optimise(THREE, limits(0))
    assert (millions(plan), plan.value, plan.limited_by) == ((0, 0, 0), 0, ("cut-off", "cut-off", "cut-off"))


def test_where_the_solver_fails_the_greedys_plan_is_taken_and_said_to_be() -> None:
    plan = optimise(THREE, limits(9, 0.5), fail=True)
    assert (millions(plan), plan.note, plan.bound) == ((4, 3, 2), FALLEN, float("inf"))
    assert plan.value == pytest.approx(18.30 * M)
    assert plan.shadow_price == 1.0
    assert millions(optimise([candidate((3.0, 2)), candidate((2.9, 3))], limits(3, 2), fail=True)) == (2, 0)


def test_figures_that_the_solver_does_not_take_fall_back_to_the_greedy() -> None:
    plan = optimise([candidate((float("inf"), 2)), candidate((2.0, 3))], limits(3))
    assert (millions(plan), plan.note) == ((2, 1), FALLEN)


def test_a_solver_out_of_time_falls_back_to_the_greedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.reserves.program.SECONDS", 0.0)
    many = [candidate((1 + n / 10, 2 + n / 7), room=2) for n in range(9)]
    plan = optimise(many, limits(7, 1.3))
    assert plan.note == FALLEN
    assert keeps(many, limits(7, 1.3), plan.cheques)


def test_a_fall_back_that_breaks_a_commitment_is_refused() -> None:
    # The first takes its stage's whole cap, though it is committed half of it.
    two = [candidate((2.0, 5), stage="a", committed=1), candidate((0.5, 5), stage="a", committed=1)]
    kept = limits(9, 2, a=4)
    assert millions(optimise(two, kept, fail=True)) == (2, 2)
    with pytest.raises(InfeasiblePlan) as told:
        optimise(two, limits(9, 2, a=3), fail=True)
    assert str(told.value) == "the solver found no plan, and the marginal greedy's breaks a commitment or the floor"


def test_a_committed_company_gets_at_least_that_whatever_it_earns() -> None:
    two = [candidate((0.5, 5), committed=1), candidate((3.0, 5))]
    assert millions(optimise(two, limits(4))) == (1, 3)
    assert millions(optimise([candidate((2.0, 5), committed=1), candidate((3.0, 3))], limits(4))) == (1, 3)
    assert millions(optimise([candidate((2.0, 5), committed=1), candidate((3.0, 2))], limits(4))) == (2, 2)


def test_a_commitment_is_met_by_the_next_rounds_first_if_they_earn_the_same() -> None:
    assert marginal_greedy([candidate((0.5, 2), (0.5, 5), committed=3)], limits(9)) == ((2 * M, 1 * M),)


def test_a_commitment_below_the_minimum_cheque_is_raised_to_it() -> None:
    assert millions(optimise([candidate((0.5, 5), committed=1)], limits(9, 2))) == (2,)
    assert marginal_greedy([candidate((0.5, 5), committed=1)], limits(9, 2)) == ((2 * M,),)


def test_a_greedy_plan_that_breaks_a_commitment_is_not_taken_for_its_value() -> None:
    # Nothing but 2.0 for each fits; the greedy's would leave the second out.
    two = [candidate((3.0, 5), committed=0), candidate((0.2, 1), (0.1, 1), committed=1.5)]
    plan = optimise(two, limits(4))
    assert millions(plan) == (2.5, 1.5)
    stuck = [candidate((3.0, 5)), candidate((0.5, 1), (0.5, 2), room=2.5, committed=2.5)]
    assert millions(optimise(stuck, limits(5, 1))) == (2.5, 2.5)


@pytest.mark.parametrize(
    ("candidates", "kept", "message"),
    [
        (
            [candidate((2, 5), committed=3), candidate((2, 5), committed=2)],
            limits(4),
            "what is committed is more than the pool",
        ),
        ([candidate((2, 5), room=2, committed=3)], limits(9), "acme is committed more than its limits allow"),
        ([candidate((2, 1), (2, 1), committed=3)], limits(9), "acme is committed more than its limits allow"),
        ([candidate(committed=1)], limits(9), "acme is committed more than its limits allow"),
        (
            [candidate((2, 5), stage="a", committed=2), candidate((2, 5), stage="a", committed=2)],
            limits(9, 0, a=3),
            "what is committed at the stage a is more than its limit",
        ),
        ([candidate((2, 5), room=1.5, committed=1)], limits(9, 2), "what is committed can't be kept within the limits"),
        (
            [candidate((2, 5), committed=1), candidate((2, 5), committed=1)],
            limits(3, 2),
            "what is committed can't be kept within the limits",
        ),
    ],
)
def test_commitments_that_cannot_be_kept_are_refused(candidates: list[Candidate], kept: Limits, message: str) -> None:
    with pytest.raises(InfeasiblePlan) as told:
        optimise(candidates, kept)
    assert str(told.value) == message


@pytest.mark.parametrize(
    ("candidates", "kept", "reasons"),
    [
        ([candidate((2, 5))], limits(3), ("cut-off",)),
        ([candidate((0.9, 5))], limits(3), ("cut-off",)),
        ([candidate((2, 5), room=2)], limits(3), ("cap",)),
        ([candidate((2, 5), room=0)], limits(3), ("cap",)),
        ([candidate((2, 2))], limits(3), ("pro-rata",)),
        ([candidate((2, 2), (0.9, 5))], limits(3), ("pro-rata",)),
        ([candidate((2, 5), stage="a")], limits(3, 0, a=1), ("stage",)),
        ([candidate((2, 5), stage="a"), candidate((3, 5), stage="a")], limits(9, 0, a=4), ("stage", "stage")),
        ([candidate((2, 5), stage="a"), candidate((3, 5), stage="b")], limits(6, 0, a=4), ("cut-off", "pro-rata")),
        ([candidate((2, 0.5))], limits(3, 1), ("minimum cheque",)),
        ([candidate((3.0, 2)), candidate((2.9, 5))], limits(2.5, 2), ("cut-off", "cut-off")),
        ([candidate((3.0, 2)), candidate((1.5, 5))], limits(2.5, 2), ("pro-rata", "minimum cheque")),
        ([candidate((3.0, 2)), candidate((1.5, 5))], limits(2, 2), ("pro-rata", "cut-off")),
        ([candidate((3.0, 2)), candidate((1.5, 5))], limits(4, 1), ("pro-rata", "cut-off")),
        ([candidate((3.0, 0.4), (2.0, 5))], limits(3, 1), ("cut-off",)),
    ],
)
def test_every_company_is_told_why_it_got_no_more(
    candidates: list[Candidate], kept: Limits, reasons: tuple[str, ...]
) -> None:
    assert optimise(candidates, kept).limited_by == reasons


def test_a_dollar_short_of_a_limit_is_rounding() -> None:
    assert optimise([candidate((2, 5), room=2.0000009)], limits(2)).limited_by == ("cap",)
    assert optimise([candidate((2, 5), room=2.00001)], limits(2)).limited_by == ("cut-off",)


def test_the_same_companies_get_the_same_plan() -> None:
    assert optimise(THREE, limits(7.3, 0.5)) == optimise(THREE, limits(7.3, 0.5))


@pytest.mark.parametrize("pool", [10**12, 10**13])
def test_pools_of_billions_are_split_to_the_cent(pool: int) -> None:
    many = [candidate((1 + n / 10, pool / M / 7 + n / 7)) for n in range(12)]
    plan = optimise(many, Limits(pool))
    assert sum(plan.amounts) == pool
    assert keeps(many, Limits(pool), plan.cheques)
