"""Options: what may be asked of a run, and what is refused with its path."""

from decimal import Decimal
from typing import Any

import pytest

from domain.event import CompanyKey
from domain.money import MAX_MONEY, Fraction, Money
from domain.refusal import Invalid, Refusal, TooLarge
from domain.reserves.options import MOST_ITERATIONS, MOST_SEED, Commitment, ReserveStrategy, RunOptions, StageCap
from tests.spec import ACME, BETA, but, share, usd

ABOVE, NOT_BELOW = "This is an amount above 0.", "This is an amount of 0 or more."


def test_the_defaults_can_be_asked() -> None:
    RunOptions().check()


@pytest.mark.parametrize(
    "options",
    [
        {"iterations": 100},
        {"iterations": MOST_ITERATIONS},
        {"seed": 0},
        {"seed": MOST_SEED},
        {"strategies": tuple(ReserveStrategy)},
        {"incremental_amount": Money(1)},
        {"incremental_amount": MAX_MONEY},
        {"pool": Money(0), "min_check": Money(0), "max_per_company": Money(0)},
        {"pool": MAX_MONEY, "min_check": MAX_MONEY, "max_per_company": MAX_MONEY},
        {"min_check": usd(5)},
        {"max_per_company_share": share("0"), "max_pool_share": share("0"), "market_correlation": share("0")},
        {"max_per_company_share": share("1"), "max_pool_share": share("1"), "market_correlation": share("0.99")},
        {"discount_rate": Decimal(0)},
        {"discount_rate": Decimal(10)},
        {"confidence_level": share("0.001")},
        {"confidence_level": share("0.999")},
        {"max_per_stage": (StageCap("Seed", Money(0)), StageCap("seed", MAX_MONEY))},
        {"commitments": (Commitment(ACME, Money(1)),), "excluded_company_ids": (BETA,)},
        {"worst_five_percent_floor": Money(0)},
    ],
)
def test_what_lies_at_a_limit_can_be_asked(options: dict[str, Any]) -> None:
    RunOptions(**options).check()


@pytest.mark.parametrize(
    ("options", "path", "message"),
    [
        ({"iterations": 99}, ("iterations",), "At least 100 iterations."),
        ({"seed": -1}, ("seed",), "A seed lies from 0 to 2147483647."),
        ({"seed": MOST_SEED + 1}, ("seed",), "A seed lies from 0 to 2147483647."),
        ({"strategies": ()}, ("strategies",), "Name each strategy once, at least one."),
        (
            {"strategies": (ReserveStrategy.OPTIMAL, ReserveStrategy.OPTIMAL)},
            ("strategies",),
            "Name each strategy once, at least one.",
        ),
        ({"incremental_amount": Money(0)}, ("incrementalAmount",), ABOVE),
        ({"incremental_amount": Money(MAX_MONEY + 1)}, ("incrementalAmount",), ABOVE),
        ({"pool": Money(-1)}, ("pool",), NOT_BELOW),
        ({"min_check": Money(-1)}, ("minCheck",), NOT_BELOW),
        ({"max_per_company": Money(-1)}, ("maxPerCompany",), NOT_BELOW),
        ({"max_per_company": Money(MAX_MONEY + 1)}, ("maxPerCompany",), NOT_BELOW),
        ({"max_per_company_share": share("1.01")}, ("maxPerCompanyShare",), "This lies from 0 to 1."),
        ({"max_pool_share": share("-0.01")}, ("maxPoolShare",), "This lies from 0 to 1."),
        ({"market_correlation": share("0.991")}, ("marketCorrelation",), "This lies from 0 to 0.99."),
        ({"market_correlation": share("NaN")}, ("marketCorrelation",), "This lies from 0 to 0.99."),
        ({"discount_rate": Decimal("10.01")}, ("discountRate",), "This lies from 0 to 10."),
        ({"discount_rate": Decimal("Infinity")}, ("discountRate",), "This lies from 0 to 10."),
        ({"confidence_level": share("0")}, ("confidenceLevel",), "This lies between 0 and 1."),
        ({"confidence_level": share("1")}, ("confidenceLevel",), "This lies between 0 and 1."),
        ({"confidence_level": Fraction(Decimal("NaN"))}, ("confidenceLevel",), "This lies between 0 and 1."),
        ({"max_per_stage": (StageCap(" ", Money(1)),)}, ("maxPerStage", "0", "stage"), "This must not be empty."),
        (
            {"max_per_stage": (StageCap("a", Money(1)), StageCap("b", Money(-1)))},
            ("maxPerStage", "1", "max"),
            NOT_BELOW,
        ),
        (
            {"max_per_stage": (StageCap("a", Money(1)), StageCap("b", Money(1)), StageCap("a", Money(2)))},
            ("maxPerStage", "2", "stage"),
            "The stage 'a' is given twice.",
        ),
        ({"worst_five_percent_floor": Money(-1)}, ("worstFivePercentFloor",), NOT_BELOW),
        (
            {"commitments": (Commitment(ACME, Money(1)), Commitment(BETA, Money(0)))},
            ("commitments", "1", "amount"),
            ABOVE,
        ),
        (
            {"commitments": (Commitment(ACME, Money(1)), Commitment(ACME, Money(2)))},
            ("commitments", "1", "companyId"),
            "The company 'acme' is given twice.",
        ),
        (
            {"commitments": (Commitment(CompanyKey(""), Money(1)),)},
            ("commitments", "0", "companyId"),
            "This must not be empty.",
        ),
        (
            {"commitments": (Commitment(ACME, Money(1)),), "excluded_company_ids": (BETA, ACME)},
            ("excludedCompanyIds", "1"),
            "The company 'acme' is committed, or excluded twice.",
        ),
        (
            {"excluded_company_ids": (BETA, BETA)},
            ("excludedCompanyIds", "1"),
            "The company 'beta' is committed, or excluded twice.",
        ),
        ({"excluded_company_ids": (CompanyKey(" "),)}, ("excludedCompanyIds", "0"), "This must not be empty."),
        (
            {"min_check": Money(2), "max_per_company": Money(1)},
            ("minCheck",),
            "No company could get as much: this is above maxPerCompany.",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_at_its_place(
    options: dict[str, Any], path: tuple[str, ...], message: str
) -> None:
    with pytest.raises(Refusal) as told:
        but(RunOptions(), **options).check()
    assert type(told.value) is Invalid
    assert (told.value.path, told.value.message) == (path, message)


def test_too_many_iterations_are_more_than_one_request_may_hold() -> None:
    with pytest.raises(TooLarge) as told:
        RunOptions(iterations=MOST_ITERATIONS + 1).check()
    assert (told.value.path, told.value.message) == (("iterations",), "At most 10,000,000 iterations.")


@pytest.mark.parametrize(
    ("name", "path"), [("commitments", "commitments"), ("excluded_company_ids", "excludedCompanyIds")]
)
def test_more_companies_than_any_fund_has_are_refused(name: str, path: str) -> None:
    keys = [CompanyKey(f"company {n}") for n in range(10_001)]
    many = tuple(keys if name == "excluded_company_ids" else [Commitment(key, Money(1)) for key in keys])
    with pytest.raises(TooLarge) as told:
        but(RunOptions(), **{name: many}).check()
    assert (told.value.path, told.value.message) == ((path,), "At most 10,000 companies.")
