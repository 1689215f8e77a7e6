"""Advice: a whole run, from companies to a ranking and plans side by side."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from domain.event import CompanyKey
from domain.money import Fraction, Money
from domain.reserves.advice import advise
from domain.reserves.allocation import marginal_greedy
from domain.reserves.confidence import DRAWS, drawn_odds
from domain.reserves.curve import curve, value_of_holding
from domain.reserves.given_market import sampled_multiple
from domain.reserves.greedy import Constraints, ReserveCompany, StagePolicy, allocate
from domain.reserves.limits import Candidate, Limits
from domain.reserves.options import ReserveMode, ReserveRankBy, ReserveStrategy, RunOptions, StageCap
from domain.reserves.results import (
    PlanAllocation,
    ReserveAction,
    ReserveAdvice,
    ReservePlan,
    ReserveRecommendation,
    UnavailableCompany,
)
from domain.reserves.sight import Holding
from domain.reserves.simulation import Portfolio, Stake, spread
from domain.reserves.stages import DEFAULT_STAGES
from domain.reserves.tree import Tree, from_stage
from tests.domain.reserves.trees import KNOWN, MILLION, PROPERTY, ending, step, tree
from tests.spec import share, usd

ALL = tuple(ReserveStrategy)
OPTIMAL, PRIORITY, HEURISTIC = ALL
QUICK = RunOptions(iterations=200, strategies=ALL, max_pool_share=share("1"), max_per_company_share=share("1"))
SIZE = usd(200_000_000)


def single(multiple: float, chance: float = 0.5, pool: float = 0.05) -> Tree:
    """A round of 10 at 40 million, of which the next dollar is worth so many."""
    return tree([step(chance, 40, 10, pool)], [ending(0.1, 20)], [ending(0.5, 100 * multiple)])


def sized(times: float) -> Tree:
    """A company alike at any size."""
    steps = [step(0.3, 40 * times, 10 * times), step(0.4, 90 * times, 30 * times)]
    return tree(steps, [ending(0.1, 20 * times)], [ending(0.3, 70 * times)], [ending(0.5, 700 * times)])


def holding(
    name: str,
    one: Tree | None,
    *,
    id: str = "",
    stage: str | None = "Seed",
    ownership: float = 0.10,
    invested: int = 2_000_000,
    planned: int = 3_000_000,
    deployed: int = 1_000_000,
    unavailable: str = "",
) -> Holding:
    return Holding(
        id or name.lower(), name, stage, ownership, usd(invested), usd(planned), usd(deployed), one, unavailable
    )


def asked(holdings: Sequence[Holding], available: int = usd(150_000_000), **options: Any) -> ReserveAdvice:
    return advise(holdings, SIZE, available, replace(QUICK, **options))


def given_by(plan: ReservePlan) -> dict[str, int]:
    return {each.company_id: each.amount for each in plan.allocations}


def plan_of(advice: ReserveAdvice, strategy: ReserveStrategy) -> ReservePlan:
    return next(plan for plan in advice.plans if plan.strategy is strategy)


def by_id(advice: ReserveAdvice) -> dict[str, ReserveRecommendation]:
    return {each.company_id: each for each in advice.recommendations}


def exact(each: ReserveRecommendation) -> ReserveRecommendation:
    """The recommendation without what is drawn or simulated."""
    each = replace(each, follow_on_multiple_low=0.0, follow_on_multiple_high=0.0, confidence_score=0.0)
    return replace(
        each, simulated_moic=None, kelly_fraction=None, standard_error=0.0, moic_p05=0.0, moic_p50=0.0, moic_p95=0.0
    )


def ranking(advice: ReserveAdvice) -> list[str]:
    assert [each.rank for each in advice.recommendations] == list(range(1, len(advice.recommendations) + 1))
    return [each.company_id for each in advice.recommendations]


THREE = [holding("Two", single(2.0)), holding("Four", single(4.0)), holding("Three", single(3.0))]
MIXED = [
    holding("Alpha", from_stage("Seed", 20e6, 18.0), ownership=0.12),
    holding("Beta", from_stage("Series A", 60e6, 6.0), stage="Series A", ownership=0.08, invested=5_000_000),
    holding("Gamma", KNOWN, stage="Pre-IPO", ownership=0.12, planned=500_000, deployed=500_000),
    holding("Delta", from_stage("Series B", 120e6, 30.0), stage="B", ownership=0.05, invested=28_000_000),
    holding("Epsilon", single(0.7), stage=None, ownership=0.2),
    holding("Zeta", replace(single(2.5), super_pro_rata=0.5), stage="series-a", ownership=0.15),
    holding("Eta", None, unavailable="no deal forecast"),
    holding("Theta", from_stage("Growth", 900e6, 0.0), stage="Growth"),
]
EACH_MODE = list(ReserveMode)


def test_each_company_is_told_what_its_next_dollar_earns() -> None:
    told = by_id(asked(THREE))
    assert {key: each.follow_on_multiple for key, each in told.items()} == pytest.approx(
        {"four": 4.0, "three": 3.0, "two": 2.0}
    )
    four = told["four"]
    assert four.expected_moic == pytest.approx(4.0)
    assert four.value_per_reserved_dollar == pytest.approx(0.5 * 4 + 0.5)
    assert four.ownership_adjusted_multiple == pytest.approx(40)
    assert four.expected_deployment == usd(500_000)
    assert four.marginal_at_planned is None
    assert (four.company_name, four.stage) == ("Four", "Seed")
    assert [point.reserve for point in four.curve] == [round(100_000_000 / 11 * n) for n in range(11)]
    assert {round(point.marginal_moic, 9) for point in four.curve} == {4.0}
    assert {point.probability_deployed for point in four.curve} == {0.5}


def test_the_multiple_at_what_is_planned_is_that_of_the_dollar_after_it() -> None:
    one = holding("Gamma", KNOWN, ownership=0.12, planned=3_000_000, deployed=1_000_000)
    assert asked([one]).recommendations[0].marginal_at_planned == pytest.approx(1.428571, abs=5e-7)
    spent = replace(one, planned=usd(1_000_000), deployed=usd(4_000_000))
    assert asked([spent], pool=usd(1)).recommendations[0].marginal_at_planned == pytest.approx(1.553143, abs=5e-7)


def test_the_pool_is_what_is_planned_and_not_deployed_as_far_as_it_is_there() -> None:
    over = holding("Over", single(2.0), planned=1_000_000, deployed=5_000_000)
    assert asked([*THREE, over]).pool == usd(6_000_000)
    assert asked([*THREE, over], usd(4_500_000)).pool == usd(4_500_000)
    assert asked([*THREE, over], -5).pool == 0
    assert asked([*THREE, over], usd(1), pool=usd(7_000_000)).pool == usd(7_000_000)


def test_reserves_of_companies_that_cannot_be_reckoned_are_in_the_pool() -> None:
    assert asked([*THREE, holding("None", None)]).pool == usd(8_000_000)


def test_the_plan_gives_each_all_its_rounds_take_as_long_as_the_pool_lasts() -> None:
    assert given_by(asked(THREE).plans[0]) == dict.fromkeys(("four", "three", "two"), usd(1_000_000))
    little = asked(THREE, pool=usd(1_500_000))
    assert given_by(little.plans[0]) == {"four": usd(1_000_000), "three": usd(500_000)}
    assert little.shadow_price == pytest.approx(0.5 * 3 + 0.5)
    limited = {each.company_id: each.limited_by for each in little.recommendations}
    assert limited == {"four": "pro-rata", "three": "cut-off", "two": "cut-off"}


def test_what_is_recommended_is_the_new_money_on_top_of_what_is_deployed() -> None:
    plans = {"Four": (2_000_000, 1_000_000), "Three": (500_000, 0), "Two": (9_000_000, 8_000_000)}
    holdings = [replace(one, planned=usd(plans[one.name][0]), deployed=usd(plans[one.name][1])) for one in THREE]
    told = {each.company_name: each for each in asked(holdings, pool=usd(1_500_000)).recommendations}
    assert (told["Four"].recommended_allocation, told["Four"].change) == (usd(2_000_000), 0)
    assert (told["Three"].recommended_allocation, told["Three"].change) == (usd(500_000), 0)
    assert (told["Two"].recommended_allocation, told["Two"].change) == (usd(8_000_000), -usd(1_000_000))
    assert told["Two"].current_reserve_allocation == usd(9_000_000)
    assert told["Two"].deployed_reserves == usd(8_000_000)
    actions = (told["Four"].action, told["Two"].action)
    assert actions == (ReserveAction.HOLD, ReserveAction.REDUCE)
    assert asked(holdings).recommendations[1].action is ReserveAction.INCREASE


@pytest.mark.parametrize(
    ("options", "invested", "most"),
    [
        ({}, 2_000_000, 4_000_000),
        ({"max_per_company": usd(1_500_000)}, 2_000_000, 1_500_000),
        ({"max_per_company_share": share("0.015")}, 2_000_000, 1_000_000),
        ({"max_per_company_share": share("0.01")}, 2_000_000, 0),
        ({"max_per_company_share": share("0.01")}, 3_000_000, 0),
        ({"max_pool_share": share("0.2")}, 2_000_000, 800_000),
        ({"max_pool_share": share("0.2"), "max_per_company_share": share("0.0125")}, 2_000_000, 500_000),
        ({"max_pool_share": share("0")}, 2_000_000, 0),
    ],
)
def test_a_company_gets_no_more_than_its_share_of_the_fund_and_of_the_pool(
    options: dict[str, Any], invested: int, most: int
) -> None:
    one = holding("One", replace(single(2.0), super_pro_rata=9.0), invested=invested)
    advice = asked([one], pool=usd(4_000_000), **options)
    assert given_by(advice.plans[0]).get("one", 0) == usd(most)
    if most < 4_000_000:
        assert advice.recommendations[0].limited_by == "cap"


@pytest.mark.parametrize("mode", EACH_MODE)
@pytest.mark.parametrize("least", [0, 300_000])
@pytest.mark.parametrize("pool", [0, 1, 777_777, 2_345_678, 50_000_000])
def test_every_plan_is_conserved_to_the_cent(mode: ReserveMode, least: int, pool: int) -> None:
    advice = asked(MIXED, mode=mode, min_check=usd(least), pool=usd(pool))
    assert [plan.strategy for plan in advice.plans] == list(ALL)
    for plan in advice.plans:
        assert plan.conservation_ok
        assert plan.total_allocated + plan.remaining == usd(pool)
        assert sum(each.amount for each in plan.allocations) == plan.total_allocated
        assert all(each.amount > 0 for each in plan.allocations)
        assert plan.note is None
        assert plan.proceeds_p05 <= plan.proceeds_p50 <= plan.proceeds_p95
        assert plan.worst_five_percent_mean <= plan.proceeds_p05
        assert 0 <= plan.pool_need_p95 <= plan.total_allocated
    best = advice.plans[0]
    assert all(best.expected_value >= plan.expected_value - 100 for plan in advice.plans if mode is EACH_MODE[0])


def test_the_first_strategy_is_the_one_recommended() -> None:
    for strategies in permutations(ALL):
        advice = asked(MIXED, strategies=strategies, pool=usd(3_000_000))
        told = given_by(advice.plans[0])
        assert [plan.strategy for plan in advice.plans] == list(strategies)
        for each in advice.recommendations:
            assert each.recommended_allocation == each.deployed_reserves + told.get(each.company_id, 0)


def test_a_strategy_asked_alone_gives_what_it_gives_beside_others() -> None:
    together = asked(MIXED, pool=usd(3_000_000))
    for strategy in ALL:
        alone = asked(MIXED, pool=usd(3_000_000), strategies=(strategy,))
        assert alone.plans == (plan_of(together, strategy),)
        assert alone.baseline == together.baseline
        assert (alone.shadow_price is None) is (strategy is not OPTIMAL)


def test_expected_figures_are_exact() -> None:
    advice = asked(THREE, pool=usd(2_500_000))
    # Each holds 10%: 2% of an exit at 20 million in one of ten cases; 7.5% after the round in one of four.
    base = sum(0.1 * 0.10 * 20 + 0.25 * 0.075 * 100 * multiple for multiple in (4, 3, 2)) * MILLION
    assert advice.baseline.expected_proceeds == round(base * 100)
    plan = advice.plans[0]
    assert given_by(plan) == {"four": usd(1_000_000), "three": usd(1_000_000), "two": usd(500_000)}
    assert plan.expected_proceeds == round((base + 0.5 * (4 + 3 + 2 * 0.5) * MILLION) * 100)
    assert plan.expected_value == plan.expected_proceeds + usd(1_250_000)


def test_companies_that_can_take_no_more_bring_their_proceeds_all_the_same() -> None:
    late = holding("Late", tree([], [ending(1.0, 500, months=12)]))
    alone, beside = asked(THREE, pool=usd(2_500_000)), asked([*THREE, late], pool=usd(2_500_000))
    assert [each.company_id for each in beside.unavailable] == ["late"]
    assert beside.baseline.expected_proceeds == alone.baseline.expected_proceeds + usd(50_000_000)
    assert beside.baseline.proceeds_p05 == alone.baseline.proceeds_p05 + usd(50_000_000)
    for one, other in zip(alone.plans, beside.plans, strict=True):
        assert other.allocations == one.allocations
        assert other.expected_value == one.expected_value + usd(50_000_000)
        assert other.proceeds_p95 == pytest.approx(one.proceeds_p95 + usd(50_000_000), abs=1)
        assert other.pool_need_p95 == one.pool_need_p95
    rated = asked([late], discount_rate=Decimal("0.25"))
    assert rated.plans[0].expected_value == usd(40_000_000) + rated.pool
    assert rated.plans[0].expected_proceeds == usd(50_000_000)


def test_spreads_are_those_of_the_portfolio_on_the_same_paths() -> None:
    advice = asked(THREE, iterations=3_000, pool=usd(2_500_000), seed=5)
    ordered = sorted(THREE, key=lambda one: one.name)
    stakes = [Stake(one.id, one.tree, one.ownership, one.invested / 100) for one in ordered if one.tree is not None]
    given_each = given_by(advice.plans[0])
    simulated = Portfolio(stakes, [[[given_each[one.id] / 100] for one in ordered]], 5, 0.3).run(3_000)
    base, whole = spread(simulated.base.copy()), spread(simulated.base + simulated.added[0])
    told, plan = advice.baseline, advice.plans[0]
    assert (told.proceeds_p05, told.proceeds_p50, told.proceeds_p95) == tuple(
        round(each * 100) for each in (base.p05, base.p50, base.p95)
    )
    assert told.worst_five_percent_mean == round(base.worst_mean * 100)
    assert (plan.proceeds_p05, plan.proceeds_p50, plan.proceeds_p95, plan.worst_five_percent_mean) == tuple(
        round(each * 100) for each in (whole.p05, whole.p50, whole.p95, whole.worst_mean)
    )
    assert plan.pool_need_p95 == round(spread(simulated.drawn[0]).p95 * 100)


def test_simulated_means_agree_with_what_is_told_exactly() -> None:
    advice = asked(THREE, iterations=40_000, pool=usd(2_500_000))
    for each in advice.recommendations:
        assert each.simulated_moic is not None
        assert 0 < abs(each.simulated_moic - each.expected_moic) < 5 * each.standard_error
        told = sampled_multiple(single(each.follow_on_multiple), [MILLION], 1, 0.3, 32_768)
        assert told is not None
        assert (each.simulated_moic, each.standard_error) == pytest.approx((told.multiple, told.standard_error))
        assert 0 < each.standard_error < 0.1 * each.expected_moic
        # All is lost in half of the cases, and twice the mean brought in the other: p − (1 − p) / (b − 1).
        assert each.kelly_fraction == pytest.approx(0.5 - 0.5 / (2 * each.expected_moic - 1), abs=0.02)
        assert each.moic_p05 == 0
        assert each.moic_p95 == pytest.approx(2 * each.expected_moic)


def test_a_multiple_that_no_path_deploys_is_not_spread() -> None:
    rare = holding("Rare", single(3.0, 0.011), ownership=0.9)
    told = {
        (each.moic_p05, each.moic_p50, each.moic_p95)
        for seed in range(12)
        for each in asked([rare], iterations=100, seed=seed).recommendations
    }
    assert (0.0, 0.0, 0.0) in told
    assert len(told) > 1


@pytest.mark.parametrize("mode", EACH_MODE)
def test_the_same_is_told_of_the_same(mode: ReserveMode) -> None:
    assert asked(MIXED, mode=mode, pool=usd(3_000_000)) == asked(MIXED, mode=mode, pool=usd(3_000_000))


def test_the_order_of_the_companies_does_not_matter() -> None:
    told = asked(MIXED, pool=usd(3_000_000))
    for ordered in (MIXED[::-1], MIXED[3:] + MIXED[:3], sorted(MIXED, key=lambda one: one.planned)):
        assert asked(ordered, pool=usd(3_000_000)) == told


def test_another_seed_changes_nothing_that_is_exact() -> None:
    one, other = asked(MIXED, seed=1, pool=usd(3_000_000)), asked(MIXED, seed=2, pool=usd(3_000_000))
    assert [*map(exact, one.recommendations)] == [*map(exact, other.recommendations)]
    assert one.recommendations != other.recommendations
    assert one.shadow_price == other.shadow_price
    for first, second in zip(one.plans, other.plans, strict=True):
        assert first.allocations == second.allocations
        assert (first.expected_proceeds, first.expected_value) == (second.expected_proceeds, second.expected_value)
        assert first.proceeds_p95 != second.proceeds_p95
    assert one.baseline.expected_proceeds == other.baseline.expected_proceeds
    assert one.baseline != other.baseline


def test_more_iterations_change_nothing_that_is_exact() -> None:
    one, other = asked(MIXED, pool=usd(3_000_000)), asked(MIXED, iterations=900, pool=usd(3_000_000))
    assert [plan.allocations for plan in one.plans] == [plan.allocations for plan in other.plans]
    drawn_alike = ("follow_on_multiple_low", "follow_on_multiple_high", "confidence_score", "follow_on_multiple")
    for field in drawn_alike:
        assert [getattr(each, field) for each in one.recommendations] == [
            getattr(each, field) for each in other.recommendations
        ]


def test_companies_are_ranked_by_the_next_dollars_multiple() -> None:
    assert ranking(asked(THREE)) == ["four", "three", "two"]


def test_companies_may_be_ranked_by_what_a_reserved_dollar_is_worth() -> None:
    # Drawn rarely: 0.1 × 4 + 0.9 against 0.5 × 3 + 0.5.
    holdings = [holding("Rare", single(4.0, 0.1)), holding("Common", single(3.0))]
    assert ranking(asked(holdings)) == ["rare", "common"]
    assert ranking(asked(holdings, rank_by=ReserveRankBy.VALUE_PER_RESERVED_DOLLAR)) == ["common", "rare"]


def test_companies_may_be_ranked_by_how_much_more_is_recommended() -> None:
    planned = {"Two": 1_000_000, "Four": 9_000_000, "Three": 3_000_000}
    holdings = [replace(one, planned=usd(planned[one.name])) for one in THREE]
    assert ranking(asked(holdings, rank_by=ReserveRankBy.RECOMMENDED_CHANGE)) == ["two", "three", "four"]


def test_companies_may_be_ranked_by_the_multiple_over_ownership() -> None:
    holdings = [replace(one, ownership=part) for one, part in zip(THREE, (0.05, 0.5, 0.1), strict=True)]
    advice = asked(holdings, rank_by=ReserveRankBy.OWNERSHIP_ADJUSTED)
    assert ranking(advice) == ["two", "three", "four"]
    told = [each.ownership_adjusted_multiple for each in advice.recommendations]
    assert told == pytest.approx([2.0 / 0.05, 3.0 / 0.1, 4.0 / 0.5])


@pytest.mark.parametrize("rank_by", ReserveRankBy)
def test_ties_go_by_name_then_id_in_code_point_order(rank_by: ReserveRankBy) -> None:
    names = [("apple", "2"), ("Zebra", "1"), ("Éclair", "0"), ("Apple", "9"), ("Apple", "10")]
    # The same multiple at unlike sizes, however floats reckon it.
    holdings = [holding(name, sized(1.37**place), id=key, planned=1_000_000) for place, (name, key) in enumerate(names)]
    advice = asked(holdings, rank_by=rank_by, max_per_company=Money(0))
    assert ranking(advice) == ["10", "9", "1", "2", "0"]


def test_what_is_not_drawn_goes_to_the_next_best_company_where_reserves_are_pooled() -> None:
    fenced = asked(THREE, pool=usd(2_500_000))
    pooled = asked(THREE, pool=usd(2_500_000), mode=ReserveMode.POOLED)
    assert fenced.shadow_price == pytest.approx(0.5 * 2 + 0.5)
    assert pooled.shadow_price == pytest.approx(2.0, abs=1e-5)
    values = [each.value_per_reserved_dollar for each in pooled.recommendations]
    assert values == pytest.approx([0.5 * m + 0.5 * 2 for m in (4, 3, 2)], abs=1e-5)
    assert pooled.plans[0].allocations == fenced.plans[0].allocations


def test_pooled_reserves_go_by_the_multiple_and_fenced_ones_by_the_value_of_a_reserved_dollar() -> None:
    holdings = [holding("Rare", single(4.0, 0.1)), holding("Common", single(3.0))]
    fenced, pooled = asked(holdings, pool=usd(1_000_000)), asked(holdings, pool=usd(1_000_000), mode=ReserveMode.POOLED)
    assert given_by(fenced.plans[0]) == {"common": usd(1_000_000)}
    assert given_by(pooled.plans[0]) == {"rare": usd(1_000_000)}
    assert pooled.shadow_price == pytest.approx(3.0, abs=1e-5)


def test_a_pool_with_room_for_all_values_an_undrawn_dollar_at_itself() -> None:
    fenced, pooled = asked(THREE, pool=usd(9_000_000)), asked(THREE, pool=usd(9_000_000), mode=ReserveMode.POOLED)
    assert pooled == fenced
    assert pooled.shadow_price == 1.0


def test_in_a_pool_no_undrawn_dollar_is_worth_more_than_the_best_company_makes_of_it() -> None:
    alike = [holding(f"Company {n}", single(3.0, 0.2 + n / 10)) for n in range(4)]
    advice = asked(alike, pool=usd(1_500_000), mode=ReserveMode.POOLED)
    assert advice.shadow_price == pytest.approx(3.0, abs=1e-5)


@pytest.mark.parametrize("pool", [700_000, 2_000_000, 4_400_000])
def test_the_price_of_an_undrawn_dollar_is_what_the_next_dollar_in_the_pool_adds_at_it(pool: int) -> None:
    advice = asked(MIXED, pool=usd(pool), mode=ReserveMode.POOLED)
    assert advice.shadow_price is not None
    assert advice.shadow_price > 1
    for each in advice.recommendations:
        one = next(one for one in MIXED if one.id == each.company_id)
        assert one.tree is not None
        told = curve(one.tree, one.ownership).value_per_reserved(0.0, advice.shadow_price)
        assert each.value_per_reserved_dollar == pytest.approx(told, abs=1e-5)


def test_the_priority_plan_is_that_of_the_priority_allocation() -> None:
    advice = asked(MIXED, pool=usd(9_000_000), max_per_company=usd(2_000_000))
    known = [one for one in MIXED if one.id not in ("eta", "theta")]
    stages = {"Seed": "seed", "Series A": "a", "series-a": "a", "B": "b", "Pre-IPO": "later", None: "later"}
    multiples = dict(zip(("seed", "a", "b", "c", "later"), ("3", "2", "1.5", "1", "1"), strict=True))
    split = allocate(
        [ReserveCompany(one.id, one.name, stages[one.stage], Money(one.invested)) for one in known],
        [StagePolicy(stage, Decimal(multiple), Decimal(1)) for stage, multiple in multiples.items()],
        Constraints(
            usd(9_000_000),
            max_per_company=usd(2_000_000),
            probability={stage.name: Decimal(str(stage.graduate)) for stage in DEFAULT_STAGES},
        ),
    )
    told = {each.company.id: each.allocated for each in split.shares}
    assert given_by(plan_of(advice, PRIORITY)) == told
    assert list(told) == ["alpha", "beta", "zeta", "delta", "epsilon"]


def test_a_company_of_a_stage_nobody_knows_comes_after_all_others_by_priority() -> None:
    stages = {"Alpha": "Pre-IPO", "Beta": None, "Gamma": "Series C", "Delta": "Series B"}
    holdings = [holding(name, single(2.0), stage=stage) for name, stage in stages.items()]
    advice = asked(holdings, pool=usd(3_500_000), max_per_company=usd(1_000_000))
    told = given_by(plan_of(advice, PRIORITY))
    assert told == {"delta": usd(1_000_000), "gamma": usd(1_000_000), "alpha": usd(1_000_000), "beta": usd(500_000)}


@pytest.mark.parametrize("more", [0.0, 0.5])
def test_a_company_whose_every_round_is_worth_it_may_get_all_that_its_rounds_take(more: float) -> None:
    steps = [step(0.6, 40, 10), step(0.6, 90, 30), step(0.6, 200, 40), step(0.6, 400, 60)]
    good = tree(steps, *([ending(0.3, 3_000)] for _ in range(5)), super_pro_rata=more)
    told = curve(good, 0.1)
    plan = asked([holding("Good", good)], pool=usd(100_000_000)).plans[0]
    assert plan.total_allocated == pytest.approx(told.room * 100, abs=4)
    assert plan.pool_need_p95 == plan.total_allocated
    base = value_of_holding(good, 0.1, 2e6)
    assert plan.expected_proceeds == pytest.approx((base + told.proceeds(told.room)) * 100, rel=1e-9)


def test_what_the_priority_plan_gives_beyond_all_rounds_is_never_drawn() -> None:
    one = holding("One", single(2.0, 1.0))
    plan = plan_of(asked([one], pool=usd(5_000_000)), PRIORITY)
    assert plan.total_allocated == usd(5_000_000)
    assert plan.pool_need_p95 == usd(1_000_000)
    exact = plan_of(asked([one], pool=usd(1_000_000)), PRIORITY)
    assert plan.expected_proceeds == exact.expected_proceeds
    assert plan.expected_value == exact.expected_value + usd(4_000_000)


def test_the_rule_of_thumb_gives_one_and_a_half_times_what_is_invested_more_or_less_by_the_multiple() -> None:
    holdings = [
        holding("High", single(3.1), invested=1_000_000),
        holding("Upper", single(2.999), invested=1_000_000),
        holding("Lower", single(1.501), invested=1_000_000),
        holding("Low", single(1.4), invested=1_000_000),
    ]
    told = given_by(plan_of(asked(holdings, pool=usd(50_000_000)), HEURISTIC))
    assert told == {"high": usd(2_250_000), "upper": usd(1_500_000), "lower": usd(1_500_000), "low": usd(750_000)}


def test_at_exactly_3_and_one_and_a_half_the_rule_of_thumb_stays_as_it_is() -> None:
    holdings = [
        holding("Three", single(3.0), invested=1_000_000),
        holding("Half", single(1.5), invested=1_000_000),
    ]
    told = given_by(plan_of(asked(holdings, pool=usd(50_000_000)), HEURISTIC))
    assert told == {"three": usd(1_500_000), "half": usd(1_500_000)}


def test_the_rule_of_thumb_is_cut_off_in_rank_order_where_the_pool_is_used_up() -> None:
    advice = asked(THREE, pool=usd(6_000_000))
    assert given_by(plan_of(advice, HEURISTIC)) == {"four": usd(4_500_000), "three": usd(1_500_000)}
    least = asked(THREE, pool=usd(6_000_000), min_check=usd(1_600_000))
    assert given_by(plan_of(least, HEURISTIC)) == {"four": usd(4_500_000)}
    shared = asked(THREE, pool=usd(6_000_000), max_pool_share=share("0.2"))
    assert given_by(plan_of(shared, HEURISTIC)) == dict.fromkeys(("four", "three", "two"), usd(1_200_000))


def test_equal_multiples_are_cut_off_in_the_order_of_names() -> None:
    holdings = [holding(name, sized(1.37**place), invested=1_000_000) for place, name in enumerate("EDCBA")]
    plan = plan_of(asked(holdings, pool=usd(2_500_000)), HEURISTIC)
    assert list(given_by(plan).items()) == [("a", usd(1_500_000)), ("b", usd(1_000_000))]


@pytest.mark.parametrize("strategy", [PRIORITY, HEURISTIC])
def test_other_strategies_tell_whether_a_cap_or_the_pool_ended_it(strategy: ReserveStrategy) -> None:
    advice = asked(THREE, strategies=(strategy,), pool=usd(3_000_000), max_per_company=usd(1_000_000), min_check=usd(1))
    assert [each.limited_by for each in advice.recommendations] == ["cap", "cap", "cap"]
    few = asked(THREE, strategies=(strategy,), pool=usd(1_500_000), max_per_company=usd(1_000_000))
    assert sorted(each.limited_by for each in few.recommendations) == ["cap", "cut-off", "cut-off"]


STAGED = [replace(one, stage=stage) for one, stage in zip(THREE, ("Series A", "series a", "A"), strict=True)]


@pytest.mark.parametrize("name", ["Series A", "a", "A ROUND"])
@pytest.mark.parametrize("strategy", [OPTIMAL, PRIORITY])
def test_a_stages_cap_holds_for_all_companies_of_the_stage_however_it_is_written(
    strategy: ReserveStrategy, name: str
) -> None:
    advice = asked(STAGED, max_per_stage=(StageCap(name, usd(1_200_000)), StageCap("Seed", Money(0))))
    assert plan_of(advice, strategy).total_allocated == usd(1_200_000)


@pytest.mark.parametrize("strategy", [OPTIMAL, PRIORITY])
def test_of_two_caps_of_one_stage_the_smaller_holds(strategy: ReserveStrategy) -> None:
    for caps in permutations((StageCap("Series A", usd(700_000)), StageCap("A", usd(900_000)))):
        assert plan_of(asked(STAGED, max_per_stage=caps), strategy).total_allocated == usd(700_000)


@pytest.mark.parametrize("strategy", [OPTIMAL, PRIORITY])
def test_a_cap_of_a_stage_nobody_knows_holds_too(strategy: ReserveStrategy) -> None:
    others = [replace(one, stage=stage) for one, stage in zip(THREE, ("Pre-IPO", "pre ipo", None), strict=True)]
    advice = asked(others, max_per_stage=(StageCap("Pre-IPO", usd(300_000)),), max_per_company=usd(1_000_000))
    told = given_by(plan_of(advice, strategy))
    assert told.get("two", 0) + told.get("four", 0) == usd(300_000)
    assert told["three"] == usd(1_000_000)


def test_companies_nothing_can_be_said_of_are_listed_with_the_reason() -> None:
    advice = asked(
        [
            holding("Zoe", None, unavailable="no priced round"),
            holding("Late", from_stage("Growth", 9e8, 0.0)),
            holding("Nobody", KNOWN, ownership=0.0),
            holding("Sliver", KNOWN, ownership=0.00005),
            holding("Unlikely", single(3.0, 0.009), ownership=0.5),
            *THREE,
        ]
    )
    never = "no round to come would take a cheque of the fund's"
    little = "too little of the increment would be deployed to say what it earns"
    told = [(each.company_id, each.company_name, each.reason) for each in advice.unavailable]
    assert told == [
        ("late", "Late", never),
        ("nobody", "Nobody", never),
        ("sliver", "Sliver", little),
        ("unlikely", "Unlikely", little),
        ("zoe", "Zoe", "no priced round"),
    ]
    assert ranking(advice) == ["four", "three", "two"]


def test_a_fund_without_companies_has_nothing_to_recommend() -> None:
    advice = asked([])
    assert (advice.pool, advice.recommendations, advice.unavailable) == (0, (), ())
    assert {plan.total_allocated + plan.expected_value + plan.proceeds_p95 for plan in advice.plans} == {0}
    assert advice.baseline.expected_proceeds == 0
    assert advice.shadow_price == 1
    assert asked([], mode=ReserveMode.POOLED, pool=usd(5)).plans[0].remaining == usd(5)


def test_a_fund_of_companies_nothing_can_be_said_of_has_nothing_to_recommend() -> None:
    advice = asked([holding("Eta", None, unavailable="no deal forecast")])
    assert advice.unavailable == (UnavailableCompany(CompanyKey("eta"), "Eta", "no deal forecast"),)
    assert (advice.recommendations, advice.pool) == ((), usd(2_000_000))
    assert [plan.allocations for plan in advice.plans] == [(), (), ()]


@pytest.mark.parametrize("mode", EACH_MODE)
@pytest.mark.parametrize(
    "options",
    [
        {"pool": Money(0)},
        {"max_per_company": Money(0)},
        {"max_per_company_share": share("0")},
        {"max_pool_share": share("0")},
        {"max_per_stage": (StageCap("Seed", Money(0)),), "strategies": (OPTIMAL, PRIORITY)},
        {"min_check": usd(20_000_000)},
    ],
)
def test_where_nothing_may_be_given_nothing_is_and_companies_are_ranked_all_the_same(
    options: dict[str, Any], mode: ReserveMode
) -> None:
    advice = asked(THREE, mode=mode, **options)
    assert [plan.allocations for plan in advice.plans] == [()] * len(advice.plans)
    assert ranking(advice) == ["four", "three", "two"]
    assert {each.confidence_score for each in advice.recommendations} == {0}
    assert {plan.expected_proceeds for plan in advice.plans} == {advice.baseline.expected_proceeds}
    assert {plan.proceeds_p50 for plan in advice.plans} == {advice.baseline.proceeds_p50}


def test_confidence_is_the_share_of_draws_in_which_the_marginal_greedy_funds_the_company() -> None:
    holdings = [one for one in MIXED if one.id in ("alpha", "beta", "gamma", "zeta")]
    holdings = sorted((replace(one, stage="Seed") for one in holdings), key=lambda one: one.name)
    advice = asked(holdings, pool=usd(2_000_000), seed=3, discount_rate=Decimal("0.1"), confidence_level=share("0.9"))
    funded, multiples = np.zeros((DRAWS, 4)), np.zeros((DRAWS, 4))
    odds = [drawn_odds(one.tree, 3, one.id) for one in holdings if one.tree is not None]
    for draw in range(DRAWS):
        candidates = []
        for place, one in enumerate(holdings):
            assert one.tree is not None
            drawn = curve(
                drawn_tree(
                    one.tree,
                    odds[place].onward[:, draw],
                    odds[place].grown[:, draw],
                    [each[:, draw] for each in odds[place].ended],
                ),
                one.ownership,
                0.1,
            )
            candidates.append(rounds_of(one, drawn.gain + 1.0 - drawn.cost))
            multiples[draw, place] = drawn.gain[0] / drawn.cost[0]
        cheques = marginal_greedy(candidates, Limits(usd(2_000_000)))
        funded[draw] = [sum(each) > 0 for each in cheques]
    told = by_id(advice)
    for place, one in enumerate(holdings):
        found = told[one.id]
        assert found.confidence_score == pytest.approx(funded[:, place].mean())
        low, high = np.quantile(multiples[:, place], (0.05, 0.95))
        assert (found.follow_on_multiple_low, found.follow_on_multiple_high) == pytest.approx((low, high))
    assert 0 < min(each.confidence_score for each in told.values()) < 1


def drawn_tree(one: Tree, onward: np.ndarray, grown: np.ndarray, ended: list[np.ndarray]) -> Tree:
    """A tree with these odds and step-ups."""
    steps = tuple(
        replace(each, probability=float(onward[n]), post=each.post * grown[n + 1], size=each.size * grown[n + 1])
        for n, each in enumerate(one.steps)
    )
    endings = tuple(
        tuple(
            replace(each, probability=float(p), median=each.median * grown[n])
            for each, p in zip(ends, chances, strict=True)
        )
        for n, (ends, chances) in enumerate(zip(one.endings, ended, strict=True))
    )
    return replace(one, steps=steps, endings=endings)


def rounds_of(one: Holding, value: np.ndarray) -> Candidate:
    """A company's rounds as the plan takes them: its caps as told, and what a dollar is worth as drawn."""
    assert one.tree is not None
    steps, more = one.tree.steps, 1 + one.tree.super_pro_rata
    owned = [one.ownership]
    for each in steps:
        owned.append(owned[-1] * each.retained)
    follow = np.zeros((len(steps), len(steps)))
    for before, bought in enumerate(steps):
        part = 1 / bought.post
        for later in range(before + 1, len(steps)):
            follow[later, before] = more * steps[later].size * part
            part *= steps[later].retained
    sizes = np.array([each.size * 100 for each in steps])
    return Candidate(one.id, "", usd(2_000_000), value, sizes, more * sizes * np.array(owned[:-1]), follow)


def test_one_more_company_changes_no_others_interval() -> None:
    two = by_id(asked(THREE[:2]))
    three = by_id(asked(THREE))
    for key, each in two.items():
        assert each.follow_on_multiple_low == three[key].follow_on_multiple_low
        assert each.follow_on_multiple_high == three[key].follow_on_multiple_high
        assert each.moic_p50 == three[key].moic_p50


@pytest.mark.parametrize(("narrow", "wide"), [*pairwise([share("0.5"), share("0.9"), share("0.99")])])
def test_a_higher_level_makes_a_wider_interval_around_the_multiple(narrow: Fraction, wide: Fraction) -> None:
    for one, other in zip(
        asked(MIXED, confidence_level=narrow).recommendations,
        asked(MIXED, confidence_level=wide).recommendations,
        strict=True,
    ):
        assert other.follow_on_multiple_low < one.follow_on_multiple_low < one.follow_on_multiple
        assert one.follow_on_multiple < one.follow_on_multiple_high < other.follow_on_multiple_high


def test_with_a_discount_rate_multiples_and_values_are_of_today_and_proceeds_as_they_are_paid() -> None:
    plain, rated = asked(THREE, pool=usd(2_500_000)), asked(THREE, pool=usd(2_500_000), discount_rate=Decimal("0.21"))
    # 18 months to the round and 24 more to the exit.
    for one, other in zip(plain.recommendations, rated.recommendations, strict=True):
        assert other.follow_on_multiple == pytest.approx(one.follow_on_multiple / 1.21**2)
        assert other.expected_moic == pytest.approx(one.expected_moic / 1.21**2)
        assert other.moic_p95 == pytest.approx(one.moic_p95 / 1.21**2)
        assert other.expected_deployment == one.expected_deployment
        called, got = 0.5 / 1.21**1.5, 0.5 * one.follow_on_multiple / 1.21**3.5
        assert other.value_per_reserved_dollar == pytest.approx(got + 1 - called)
    assert rated.baseline == plain.baseline
    undated, dated = plain.plans[0], rated.plans[0]
    assert replace(dated, expected_value=undated.expected_value) == undated
    held = sum(value_of_holding(one.tree, one.ownership, 2e6, 0.21) for one in THREE if one.tree is not None)
    gained = (0.5 * (4 + 3 + 2 * 0.5) / 1.21**3.5 - 0.5 * 2.5 / 1.21**1.5 + 2.5) * MILLION
    assert dated.expected_value == pytest.approx(100 * (held + gained), abs=1)


def test_progress_rises_to_the_whole_and_says_what_is_being_done() -> None:
    told: list[tuple[float, str]] = []
    advise(MIXED, SIZE, usd(9_000_000), replace(QUICK, iterations=20_000), lambda *step: told.append(step))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert list(dict.fromkeys(what for _, what in told)) == ["curves", "allocation", "simulation", "confidence", "done"]


@pytest.mark.parametrize("at", ["curves", "allocation", "simulation", "confidence", "done"])
def test_what_progress_raises_ends_the_run(at: str) -> None:
    class StoppedError(Exception):
        pass

    def stop(_: float, what: str) -> None:
        if what == at:
            raise StoppedError

    with pytest.raises(StoppedError):
        advise(MIXED, SIZE, usd(9_000_000), QUICK, stop)


def test_a_plan_lists_what_each_company_gets_in_the_order_of_names() -> None:
    plan = asked(THREE, pool=usd(1_500_000)).plans[0]
    assert plan.allocations == (
        PlanAllocation(CompanyKey("four"), "Four", usd(1_000_000)),
        PlanAllocation(CompanyKey("three"), "Three", usd(500_000)),
    )


options_asked = st.fixed_dictionaries(
    {
        "pool": st.none() | st.integers(0, 10**9).map(Money),
        "min_check": st.none() | st.integers(0, 10**8).map(Money),
        "max_per_company": st.none() | st.integers(0, 10**9).map(Money),
        "max_per_company_share": st.integers(0, 20).map(lambda n: share(str(n / 100))),
        "max_pool_share": st.integers(0, 100).map(lambda n: share(str(n / 100))),
        "max_per_stage": st.sampled_from([(), (StageCap("seed", Money(55_555_555)), StageCap("Series A", Money(3)))]),
        "mode": st.sampled_from(ReserveMode),
        "rank_by": st.sampled_from(ReserveRankBy),
        "discount_rate": st.sampled_from([None, Decimal("0.12")]),
        "incremental_amount": st.integers(10**7, 10**12).map(Money),
    }
)


@settings(PROPERTY, max_examples=25)
@given(options_asked)
def test_whatever_is_asked_the_answer_adds_up(options: dict[str, Any]) -> None:
    advice = asked(MIXED, **options)
    assert len(advice.recommendations) + len(advice.unavailable) == len(MIXED)
    assert len(set(ranking(advice))) == len(advice.recommendations)
    for plan in advice.plans:
        assert plan.conservation_ok
        assert plan.total_allocated + plan.remaining == advice.pool
        assert all(each.amount >= (options["min_check"] or 0) for each in plan.allocations)
        assert all(each.amount <= (options["max_per_company"] or 10**20) for each in plan.allocations if each.amount)
    for each in advice.recommendations:
        assert 0 <= each.confidence_score <= 1
        assert each.follow_on_multiple_low <= each.follow_on_multiple_high
        assert each.change == each.recommended_allocation - each.current_reserve_allocation
        assert each.limited_by in {"cap", "stage", "pro-rata", "minimum cheque", "cut-off"}
        assert each.moic_p05 <= each.moic_p50 <= each.moic_p95
        assert all(0 < point.probability_deployed <= 1 for point in each.curve)
