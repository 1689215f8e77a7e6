"""Commitments, exclusions and the floor of a whole run, and how the other strategies keep the limits."""

from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from domain.event import CompanyKey
from domain.reserves.advice import advise
from domain.reserves.limits import InfeasiblePlan
from domain.reserves.model import DEFAULT_MODEL
from domain.reserves.options import Commitment, ReserveMode, ReserveStrategy, StageCap
from tests.domain.reserves.test_advice import (
    ALL,
    HEURISTIC,
    MIXED,
    OPTIMAL,
    PRIORITY,
    QUICK,
    SIZE,
    THREE,
    asked,
    by_id,
    given_by,
    holding,
    plan_of,
    single,
)
from tests.domain.reserves.trees import ending, step, tree
from tests.spec import share, usd

Options: TypeAlias = dict[str, Any]

TWO, FOUR, THETA, ETA, NOBODY = map(CompanyKey, ("two", "four", "theta", "eta", "nobody"))


def promised(company_id: CompanyKey, amount: int) -> tuple[Commitment, ...]:
    return (Commitment(company_id, usd(amount)),)


def test_what_is_committed_comes_first_under_every_strategy() -> None:
    advice = asked(THREE, pool=usd(2_500_000), max_per_company=usd(1_500_000), commitments=promised(TWO, 800_000))
    assert given_by(plan_of(advice, OPTIMAL)) == {"two": usd(800_000), "four": usd(1_000_000), "three": usd(700_000)}
    assert given_by(plan_of(advice, PRIORITY)) == {"two": usd(800_000), "four": usd(1_500_000), "three": usd(200_000)}
    assert given_by(plan_of(advice, HEURISTIC)) == given_by(plan_of(advice, PRIORITY))


def test_a_commitment_counts_against_the_caps_of_its_company_and_stage() -> None:
    caps = (StageCap("Seed", usd(1_600_000)),)
    advice = asked(
        THREE, pool=usd(2_500_000), max_per_company=usd(1_000_000), max_per_stage=caps,
        commitments=promised(TWO, 900_000), min_check=usd(200_000),
    )  # fmt: skip
    for strategy in ALL:
        told = given_by(plan_of(advice, strategy))
        assert usd(900_000) <= told["two"] <= usd(1_000_000)
        assert sum(told.values()) <= usd(1_600_000)
    # A further 100,000 would be below the least cheque.
    assert given_by(plan_of(advice, PRIORITY)) == {"two": usd(900_000), "four": usd(700_000)}
    assert given_by(plan_of(advice, HEURISTIC)) == {"two": usd(900_000), "four": usd(700_000)}


@pytest.mark.parametrize(
    ("company_id", "amount", "message"),
    [
        (TWO, 5_000_000, "what is committed is more than the pool"),
        (TWO, 1_500_000, "two is committed more than its limits allow"),
        (NOBODY, 1, "nobody is committed, and can't be given anything: it isn't among the active companies"),
        (ETA, 1, "eta is committed, and can't be given anything: no deal forecast"),
    ],
)
def test_a_commitment_that_cannot_be_kept_ends_the_run(company_id: CompanyKey, amount: int, message: str) -> None:
    with pytest.raises(InfeasiblePlan) as told:
        asked([*THREE, MIXED[6]], pool=usd(4_000_000), commitments=promised(company_id, amount))
    assert str(told.value) == message


def test_who_is_excluded_gets_nothing_and_is_ranked_all_the_same() -> None:
    plain = asked(THREE, pool=usd(2_500_000))
    advice = asked(THREE, pool=usd(2_500_000), excluded_company_ids=(FOUR, NOBODY))
    for strategy in ALL:
        assert "four" not in given_by(plan_of(advice, strategy))
    four = by_id(advice)["four"]
    assert (four.rank, four.limited_by, four.recommended_allocation) == (1, "excluded", four.deployed_reserves)
    assert four.follow_on_multiple == by_id(plain)["four"].follow_on_multiple
    assert four.confidence_score == 0


def test_the_floor_raises_the_mean_of_the_worst_paths_to_itself_and_costs_value() -> None:
    # The better one of the two fails on most paths; the other one never does.
    sure, rare = (tree([step(1.0, 40, 10)], [], [ends]) for ends in (ending(1.0, 65), ending(0.3, 500)))
    two = [holding("Sure", sure), holding("Rare", rare)]
    options: Options = {"pool": usd(1_000_000), "iterations": 4_000, "strategies": (OPTIMAL,)}
    free = asked(two, **options).plans[0]
    least = usd(free.worst_five_percent_mean // 100 + 1_000)
    kept = asked(two, **options, worst_five_percent_floor=least).plans[0]
    assert free.worst_five_percent_mean < least <= kept.worst_five_percent_mean
    assert kept.expected_value < free.expected_value
    assert kept.allocations != free.allocations
    with pytest.raises(InfeasiblePlan, match=r"^within the limits, no plan brings the mean of the worst 5%"):
        asked(two, **options, worst_five_percent_floor=usd(100_000_000))


def test_a_floor_below_what_comes_anyway_changes_nothing() -> None:
    for mode in ReserveMode:
        options: Options = {"mode": mode, "pool": usd(9_000_000)}
        assert asked(MIXED, **options, worst_five_percent_floor=usd(0)) == asked(MIXED, **options)


def test_a_floor_may_look_at_fewer_paths_than_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.reserves.advice.FLOOR_FIGURES", 10)
    options: Options = {"pool": usd(9_000_000), "iterations": 10_000, "strategies": (OPTIMAL,)}
    assert asked(MIXED, **options, worst_five_percent_floor=usd(0)) == asked(MIXED, **options)


def test_the_rule_of_thumb_keeps_the_caps_of_stages() -> None:
    staged = [replace(one, stage=stage) for one, stage in zip(THREE, ("A", "Series A", "B"), strict=True)]
    advice = asked(staged, pool=usd(50_000_000), max_per_stage=(StageCap("a", usd(3_500_000)),))
    assert given_by(plan_of(advice, HEURISTIC)) == {"four": usd(3_500_000), "three": usd(3_000_000)}
    told = asked(staged, pool=usd(50_000_000), max_per_stage=(StageCap("a", usd(3_500_000)),), strategies=(HEURISTIC,))
    reasons = {each.company_id: each.limited_by for each in told.recommendations}
    assert reasons == {"four": "stage", "two": "stage", "three": "cut-off"}


def test_a_fund_may_favour_stages_as_it_likes() -> None:
    seed, a, *others = DEFAULT_MODEL.stages
    stages = {"Alpha": "Seed", "Beta": "Series A"}
    holdings = [holding(name, single(2.0), stage=stage) for name, stage in stages.items()]
    options = replace(QUICK, pool=usd(1_000_000), strategies=(ReserveStrategy.PRIORITY_GREEDY,))
    assert given_by(advise(holdings, SIZE, SIZE, options).plans[0]) == {"alpha": usd(1_000_000)}
    for favoured in (
        replace(a, weight=seed.reserve_multiple),
        replace(a, reserve_multiple=seed.reserve_multiple, graduate=share("0.5")),
    ):
        own = replace(DEFAULT_MODEL, stages=(seed, favoured, *others))
        assert given_by(advise(holdings, SIZE, SIZE, options, model=own).plans[0]) == {"beta": usd(1_000_000)}
