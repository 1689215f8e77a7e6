"""The priority-based allocation: its order, its score, its rooms, and everything it refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, strategies as st

from domain.money import MAX_MONEY, Money
from domain.refusal import Invalid, Refusal, TooLarge
from domain.reserves.greedy import (
    MOST_COMPANIES,
    MOST_POLICIES,
    Constraints,
    ReserveCompany,
    Split,
    StagePolicy,
    allocate,
    conserved,
)
from tests.depth import deep
from tests.domain.reserves.trees import PROPERTY
from tests.spec import but, usd


def company(name: str, stage: str = "seed", invested: int = 1_000_000, id: str = "") -> ReserveCompany:
    return ReserveCompany(id or name, name, stage, usd(invested))


def policy(stage: str = "seed", multiple: str = "2", weight: str = "1") -> StagePolicy:
    return StagePolicy(stage, Decimal(multiple), Decimal(weight))


def amounts(split: Split) -> dict[str, int]:
    """Cents by id, in the order given."""
    return {share.company.id: share.allocated for share in split.shares}


def score(chosen: StagePolicy, **limits: Any) -> Fraction:
    return allocate([company("one", chosen.stage)], [chosen], Constraints(usd(1), **limits)).shares[0].score


SEED, SERIES_A, SERIES_B = policy("seed", "3"), policy("a", "2"), policy("b", "1.5")
POLICIES = [SERIES_B, SEED, SERIES_A]
LIMITS = Constraints(available=usd(10_000_000), max_per_company=usd(3_000_000))


def test_the_best_score_is_given_all_it_may_have_first() -> None:
    split = allocate([company("b one", "b"), company("a one", "a"), company("s one")], POLICIES, LIMITS)
    assert amounts(split) == {"s one": usd(3_000_000), "a one": usd(3_000_000), "b one": usd(3_000_000)}
    assert (split.total, split.remaining) == (usd(9_000_000), usd(1_000_000))


def test_the_last_one_is_given_what_is_left() -> None:
    split = allocate([company(f"{n}") for n in range(5)], POLICIES, LIMITS)
    assert list(amounts(split).values()) == [usd(3_000_000)] * 3 + [usd(1_000_000)]
    assert (split.total, split.remaining) == (usd(10_000_000), 0)


def test_without_any_cap_the_first_is_given_everything() -> None:
    three = [company("first"), company("second", "a"), company("third", "b")]
    assert amounts(allocate(three, POLICIES, Constraints(usd(9_000_000)))) == {"first": usd(9_000_000)}


def test_ties_go_by_name_in_code_point_order() -> None:
    names = [
        "Zebra",
        "apple",
        "Apple",
        "E\u0301clair",
        "Éclair",
        "eclair",
        "Ärger",
        "äpfel",
        "\uffee",
        "😀",
        "a b",
        "a",
    ]
    limits = Constraints(usd(1_000), max_per_company=usd(1))
    told = ["Apple", "E\u0301clair", "Zebra", "a", "a b", "apple", "eclair", "Ärger", "Éclair", "äpfel", "\uffee", "😀"]
    for given_order in (names, names[::-1], sorted(names)):
        split = allocate([company(name) for name in given_order], POLICIES, limits)
        assert list(amounts(split)) == told


def test_companies_of_one_name_go_by_id_in_code_point_order() -> None:
    ids = ["c10", "c9", "C9", "é", "e"]
    split = allocate([company("Same", id=one) for one in ids], POLICIES, Constraints(usd(9), max_per_company=usd(1)))
    assert list(amounts(split)) == ["C9", "c10", "c9", "e", "é"]


def test_the_name_counts_before_the_id_and_the_score_before_both() -> None:
    three = [company("B", id="1"), company("A", id="2"), company("Z", "seed", id="9"), company("A", "a", id="0")]
    split = allocate(three, POLICIES, Constraints(usd(9), max_per_company=usd(1)))
    assert list(amounts(split)) == ["2", "1", "9", "0"]


def test_equal_scores_of_two_stages_are_ties_however_floats_would_round_them() -> None:
    tenth, third = policy("tenth", "0.1", "3"), policy("third", "0.3", "1")
    assert 0.1 * 3 > 0.3
    two = [company("B", "tenth"), company("A", "third")]
    assert list(amounts(allocate(two, [tenth, third], Constraints(usd(9), max_per_company=usd(1))))) == ["A", "B"]


def test_scores_that_floats_cannot_tell_apart_are_told_apart() -> None:
    more, less = policy("more", "1.0000000000000000000000000001"), policy("less", "1")
    two = [company("A", "less"), company("B", "more")]
    assert list(amounts(allocate(two, [less, more], Constraints(usd(9), max_per_company=usd(1))))) == ["B", "A"]


def test_the_score_is_exact_where_the_years_are_whole() -> None:
    assert score(policy("seed", "3", "1.5")) == Fraction(3) / 2 * Fraction(3, 2) / Fraction(28, 25) ** 5
    told = score(
        policy("seed", "3"), rate=Decimal("0.07"), years={"seed": Decimal(3)}, probability={"seed": Decimal("0.45")}
    )
    assert told == 3 * Fraction(45, 100) / Fraction(107, 100) ** 3
    assert score(policy("seed", "3"), years={"seed": Decimal("4.0")}) == Fraction(3, 2) / Fraction(28, 25) ** 4
    assert score(policy("seed", "3"), years={"seed": Decimal(0)}) == Fraction(3, 2)
    assert score(policy("seed", "3"), rate=Decimal(0), years={"seed": Decimal("2.5")}) == Fraction(3, 2)


def test_a_rate_keeps_all_its_digits() -> None:
    rate = Decimal("0.12345678901234567890123456789012345678")
    assert score(policy(), rate=rate) == 1 / (1 + Fraction(rate)) ** 5
    with localcontext(prec=90):
        told = Decimal(1) / (1 + rate) ** Decimal("2.5")
    found = score(policy(), rate=rate, years={"seed": Decimal("2.5")})
    assert abs(found / Fraction(told) - 1) < Fraction(1, 10**48)


@pytest.mark.parametrize("years", ["0.5", "2.5", "4.75", "99.99"])
def test_the_score_is_exact_to_48_digits_where_the_years_are_not_whole(years: str) -> None:
    with localcontext(prec=90):
        told = Decimal(3) * Decimal("0.5") * Decimal("1.2") / Decimal("1.12") ** Decimal(years)
    found = score(policy("seed", "3", "1.2"), years={"seed": Decimal(years)})
    assert abs(found / Fraction(told) - 1) < Fraction(1, 10**48)


def test_what_a_stage_is_not_given_is_one_half_and_five_years() -> None:
    given_others = {"years": {"a": Decimal(1)}, "probability": {"a": Decimal(1)}}
    assert score(policy(), **given_others) == score(policy()) == 2 * Fraction(1, 2) / Fraction(28, 25) ** 5


def test_a_stage_without_any_score_comes_last_and_is_given_what_is_left() -> None:
    two = [company("A", "none"), company("B")]
    split = allocate(two, [policy("none", "0"), SEED], LIMITS)
    assert list(amounts(split).items()) == [("B", usd(3_000_000)), ("A", usd(3_000_000))]
    assert split.shares[1].score == 0


def test_a_stages_cap_counts_what_its_companies_have_together() -> None:
    limits = replace(LIMITS, max_per_stage={"seed": usd(5_000_000)})
    split = allocate([company("1"), company("2"), company("3"), company("4", "a")], POLICIES, limits)
    assert amounts(split) == {"1": usd(3_000_000), "2": usd(2_000_000), "4": usd(3_000_000)}
    assert split.remaining == usd(2_000_000)


def test_a_stages_cap_of_nothing_gives_its_companies_nothing() -> None:
    limits = replace(LIMITS, max_per_stage={"seed": Money(0), "unknown": usd(1)})
    assert amounts(allocate([company("1"), company("4", "a")], POLICIES, limits)) == {"4": usd(3_000_000)}


@pytest.mark.parametrize(("least", "told"), [(1_000_000, 4), (1_000_001, 3)])
def test_less_than_the_minimum_cheque_is_not_given(least: int, told: int) -> None:
    split = allocate([company(f"{n}") for n in range(5)], POLICIES, replace(LIMITS, min_check=usd(least)))
    assert len(split.shares) == told
    assert conserved(split, usd(10_000_000))


def test_who_may_have_less_than_the_minimum_is_passed_over_for_the_next() -> None:
    limits = replace(LIMITS, min_check=usd(2), rooms={"first": usd("1.99")})
    assert list(amounts(allocate([company("first"), company("second")], POLICIES, limits))) == ["second"]


def test_a_company_may_have_a_room_of_its_own() -> None:
    limits = replace(LIMITS, rooms={"1": usd(1), "2": Money(0), "3": usd(4_000_000), "other": usd(5)})
    assert amounts(allocate([company(f"{n}") for n in range(1, 5)], POLICIES, limits)) == {
        "1": usd(1),
        "3": usd(3_000_000),
        "4": usd(3_000_000),
    }


def test_with_the_policys_cap_a_company_gets_its_multiple_of_what_is_invested_and_no_part_of_a_cent_more() -> None:
    odd = ReserveCompany("odd", "odd", "third", Money(101))
    split = allocate(
        [company("1", invested=500_000), company("2", "b", 100), odd, company("new", invested=0)],
        [*POLICIES, policy("third", "0.333")],
        Constraints(usd(10_000_000), cap_at_policy=True),
    )
    assert amounts(split) == {"1": usd(1_500_000), "2": usd(150), "odd": 33}


def test_without_the_policys_cap_what_is_invested_does_not_matter() -> None:
    little, much = company("1", invested=0), company("1", invested=999_999)
    assert amounts(allocate([little], POLICIES, LIMITS)) == amounts(allocate([much], POLICIES, LIMITS))


def test_caps_of_nothing_leave_everything() -> None:
    limits = replace(LIMITS, max_per_company=Money(0))
    assert allocate([company("1")], POLICIES, limits) == Split((), Money(0), usd(10_000_000))


def test_nothing_available_gives_nothing() -> None:
    assert allocate([company("1")], POLICIES, Constraints(Money(0))) == Split((), Money(0), Money(0))


def test_no_companies_leave_everything() -> None:
    assert allocate([], POLICIES, LIMITS) == allocate([], [], LIMITS) == Split((), Money(0), usd(10_000_000))


def test_what_was_given_and_what_remains_is_what_was_available() -> None:
    split = allocate([company("1"), company("2")], POLICIES, LIMITS)
    assert conserved(split, usd(10_000_000))
    assert not conserved(split, usd(10_000_001))
    assert not conserved(replace(split, remaining=Money(split.remaining + 1)), usd(10_000_000))
    assert not conserved(replace(split, total=Money(split.total + 1)), usd(10_000_000))
    assert not conserved(replace(split, shares=split.shares[1:]), usd(10_000_000))


@pytest.mark.no_cover
def test_as_many_companies_as_there_may_be_are_split() -> None:
    number = deep(20_000, MOST_COMPANIES)
    many = [company(f"Company {n * 7919 % number}", ("seed", "a", "b")[n % 3], n) for n in range(number)]
    limits = Constraints(
        MAX_MONEY,
        min_check=usd(10),
        max_per_company=usd(50_000),
        max_per_stage={"a": usd(900_000_000)},
        years={"seed": Decimal("4.5"), "b": Decimal("0.5")},
        cap_at_policy=True,
    )
    split = allocate(many, POLICIES, limits)
    assert conserved(split, MAX_MONEY)
    assert len(split.shares) > deep(8_000, 40_000)


rates = st.integers(0, 40).map(lambda number: Decimal(number).scaleb(-2))
factors = st.integers(0, 30).map(lambda number: Decimal(number).scaleb(-1))
money = st.integers(0, 900).map(Money)
stages = st.sampled_from(["seed", "a", "b"])


@st.composite
def splits(draw: st.DrawFn) -> tuple[list[ReserveCompany], list[StagePolicy], Constraints]:
    """Companies with names that repeat, scores that tie, and limits of all kinds."""
    ids = draw(st.lists(st.integers(0, 99), unique=True, max_size=12))
    companies = [
        ReserveCompany(f"{one}", draw(st.sampled_from(["A", "a", "Á", "B"])), draw(stages), draw(money)) for one in ids
    ]
    policies = [StagePolicy(stage, draw(factors), draw(factors)) for stage in ("a", "seed", "b")]
    some = {"years": st.integers(0, 8).map(Decimal), "probability": st.integers(0, 10).map(lambda n: Decimal(n) / 10)}
    limits = Constraints(
        draw(st.integers(0, 5_000).map(Money)),
        draw(st.integers(0, 50).map(Money)),
        draw(st.none() | money),
        draw(st.dictionaries(stages, money)),
        draw(rates),
        draw(st.dictionaries(stages, some["years"])),
        draw(st.dictionaries(stages, some["probability"])),
        draw(st.booleans()),
        draw(st.dictionaries(st.sampled_from([f"{one}" for one in ids]), money)) if ids else {},
    )
    return companies, policies, limits


def plainly(
    companies: Sequence[ReserveCompany], policies: Sequence[StagePolicy], limits: Constraints
) -> list[tuple[str, int]]:
    """The same by the book: one company at a time, its score reckoned for itself."""
    found, left = [], limits.available
    by_stage = {each.stage: each for each in policies}

    def score_of(one: ReserveCompany) -> Fraction:
        chosen = by_stage[one.stage]
        worth = Fraction(chosen.reserve_multiple) * Fraction(chosen.weight)
        worth *= Fraction(limits.probability.get(one.stage, Decimal("0.5")))
        for _ in range(int(limits.years.get(one.stage, Decimal(5)))):
            worth /= 1 + Fraction(limits.rate)
        return worth

    in_stage: dict[str, int] = {}
    for one in sorted(
        companies, key=lambda each: (-score_of(each), list(map(ord, each.name)), list(map(ord, each.id)))
    ):
        rooms: list[int] = [left]
        if one.stage in limits.max_per_stage:
            rooms.append(limits.max_per_stage[one.stage] - in_stage.get(one.stage, 0))
        if limits.max_per_company is not None:
            rooms.append(limits.max_per_company)
        if one.id in limits.rooms:
            rooms.append(limits.rooms[one.id])
        if limits.cap_at_policy:
            rooms.append(int(by_stage[one.stage].reserve_multiple * one.invested))
        if min(rooms) > 0 and min(rooms) >= limits.min_check:
            found.append((one.id, min(rooms)))
            left = Money(left - min(rooms))
            in_stage[one.stage] = in_stage.get(one.stage, 0) + min(rooms)
    return found


@PROPERTY
@given(splits())
def test_a_split_is_what_going_by_the_book_gives(
    asked: tuple[list[ReserveCompany], list[StagePolicy], Constraints],
) -> None:
    split = allocate(*asked)
    assert list(amounts(split).items()) == plainly(*asked)
    assert conserved(split, asked[2].available)
    assert all(share.allocated > 0 for share in split.shares)


@PROPERTY
@given(splits(), st.randoms(use_true_random=False))
def test_the_order_in_which_companies_and_policies_are_given_does_not_matter(
    asked: tuple[list[ReserveCompany], list[StagePolicy], Constraints], random: Random
) -> None:
    companies, policies, limits = asked
    told = allocate(companies, policies, limits)
    random.shuffle(companies)
    for ordered in permutations(policies):
        assert allocate(companies, ordered, limits) == told


def scaled(caps: Mapping[str, Money], by: int) -> dict[str, Money]:
    return {name: Money(cap * by) for name, cap in caps.items()}


@PROPERTY
@given(splits(), st.integers(2, 1_000))
def test_a_thousandfold_of_all_money_is_split_alike(
    asked: tuple[list[ReserveCompany], list[StagePolicy], Constraints], by: int
) -> None:
    companies, policies, limits = asked
    limits = replace(limits, cap_at_policy=False)
    much = replace(
        limits,
        available=Money(limits.available * by),
        min_check=Money(limits.min_check * by),
        max_per_company=None if limits.max_per_company is None else Money(limits.max_per_company * by),
        max_per_stage=scaled(limits.max_per_stage, by),
        rooms=scaled(limits.rooms, by),
    )
    told = {one: amount * by for one, amount in amounts(allocate(companies, policies, limits)).items()}
    assert amounts(allocate(companies, policies, much)) == told


@PROPERTY
@given(splits(), st.integers(1, 1_000).map(Decimal))
def test_a_multiple_of_all_weights_changes_nothing_but_the_scores(
    asked: tuple[list[ReserveCompany], list[StagePolicy], Constraints], by: Decimal
) -> None:
    companies, policies, limits = asked
    heavy = [replace(each, weight=each.weight * by) for each in policies]
    told, found = allocate(companies, policies, limits), allocate(companies, heavy, limits)
    assert amounts(found) == amounts(told)
    assert [share.score for share in found.shares] == [share.score * Fraction(by) for share in told.shares]


ONE = company("one")
AMOUNT = "This is an amount of 0 or more."
FACTOR = "This is a number from 0 to 1000000000."
EMPTY = "This must not be empty."


@pytest.mark.parametrize(
    ("companies", "policies", "limits", "path", "message"),
    [
        ([], [], {"available": Money(-1)}, ("availableReserves",), AMOUNT),
        ([], [], {"available": Money(MAX_MONEY + 1)}, ("availableReserves",), AMOUNT),
        ([], [], {"min_check": Money(-1)}, ("minCheck",), AMOUNT),
        ([], [], {"max_per_company": Money(-1)}, ("maxPerCompany",), AMOUNT),
        ([], [], {"max_per_company": Money(MAX_MONEY + 1)}, ("maxPerCompany",), AMOUNT),
        ([], [], {"max_per_stage": {"a": Money(1), "b": Money(-1)}}, ("maxPerStage", "1", "max"), AMOUNT),
        ([], [], {"max_per_stage": {" ": Money(1)}}, ("maxPerStage", "0", "stage"), EMPTY),
        ([], [], {"rate": Decimal("-0.01")}, ("discountRateAnnual",), FACTOR),
        ([], [], {"rate": Decimal("NaN")}, ("discountRateAnnual",), FACTOR),
        ([], [], {"rate": Decimal("Infinity")}, ("discountRateAnnual",), FACTOR),
        (
            [],
            [],
            {"years": {"a": Decimal(1), "b": Decimal("100.1")}},
            ("graduationYears", "1", "years"),
            "This is a number from 0 to 100.",
        ),
        (
            [],
            [],
            {"years": {"a": Decimal("-0.1")}},
            ("graduationYears", "0", "years"),
            "This is a number from 0 to 100.",
        ),
        (
            [],
            [],
            {"years": {"a": Decimal("sNaN")}},
            ("graduationYears", "0", "years"),
            "This is a number from 0 to 100.",
        ),
        (
            [],
            [],
            {"probability": {"a": Decimal("1.01")}},
            ("graduationProb", "0", "probability"),
            "This is a number from 0 to 1.",
        ),
        (
            [],
            [],
            {"probability": {"a": Decimal("-0.1")}},
            ("graduationProb", "0", "probability"),
            "This is a number from 0 to 1.",
        ),
        ([], [SEED, policy("a", "-1")], {}, ("stagePolicies", "1", "reserveMultiple"), FACTOR),
        ([], [policy("a", "1000000000.1")], {}, ("stagePolicies", "0", "reserveMultiple"), FACTOR),
        ([], [policy("a", "1", "-Infinity")], {}, ("stagePolicies", "0", "weight"), FACTOR),
        ([], [policy("a", "1", "NaN")], {}, ("stagePolicies", "0", "weight"), FACTOR),
        ([], [SEED, SEED], {}, ("stagePolicies", "1", "stage"), "The stage 'seed' has two policies."),
        ([], [policy("")], {}, ("stagePolicies", "0", "stage"), EMPTY),
        ([ONE, company("two", "c")], POLICIES, {}, ("companies", "1", "stage"), "The stage 'c' has no policy."),
        ([ONE, company("two", id="one")], POLICIES, {}, ("companies", "1", "id"), "The id 'one' is given twice."),
        ([but(ONE, id="")], POLICIES, {}, ("companies", "0", "id"), EMPTY),
        ([but(ONE, name=" ")], POLICIES, {}, ("companies", "0", "name"), EMPTY),
        ([but(ONE, name="a\0b")], POLICIES, {}, ("companies", "0", "name"), "This holds a character that isn't text."),
        ([but(ONE, invested=-1)], POLICIES, {}, ("companies", "0", "invested"), AMOUNT),
        ([but(ONE, invested=MAX_MONEY + 1)], POLICIES, {}, ("companies", "0", "invested"), AMOUNT),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(
    companies: list[ReserveCompany],
    policies: list[StagePolicy],
    limits: dict[str, Any],
    path: tuple[str, ...],
    message: str,
) -> None:
    with pytest.raises(Refusal) as told:
        allocate(companies, policies, Constraints(**{"available": usd(1), **limits}))
    assert type(told.value) is Invalid
    assert (told.value.path, told.value.message) == (path, message)


def test_more_companies_than_that_are_refused() -> None:
    with pytest.raises(TooLarge) as told:
        allocate([ONE] * (MOST_COMPANIES + 1), POLICIES, LIMITS)
    assert (told.value.path, told.value.message) == (("companies",), "At most 100000 companies; 100001 were given.")


def test_more_policies_than_that_are_refused() -> None:
    with pytest.raises(TooLarge) as told:
        allocate([], [policy(f"{n}") for n in range(MOST_POLICIES + 1)], LIMITS)
    assert (told.value.path, told.value.message) == (("stagePolicies",), "At most 1000 policies.")
    assert allocate([], [policy(f"{n}") for n in range(MOST_POLICIES)], LIMITS).remaining == LIMITS.available


@pytest.mark.parametrize("most", [MAX_MONEY, Money(0)])
def test_the_largest_and_the_smallest_figures_are_taken(most: Money) -> None:
    extreme = Constraints(
        most, most, most, {"seed": most}, Decimal(10**9), {"seed": Decimal("99.5")}, {"seed": Decimal(1)}
    )
    split = allocate([but(ONE, invested=most)], [policy("seed", "1000000000", "1000000000")], extreme)
    assert (split.total, split.remaining) == (most, 0)
