"""Investing: companies, cheques, rounds, valuations, proceeds, status and planned reserves."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from domain.capital import FeeCharged
from domain.event import CompanyKey, Event
from domain.fund import CompanyStatus
from domain.investing import (
    CompanyAdded,
    CompanyStatusChanged,
    InvestmentMade,
    ProceedsReceived,
    ReserveAllocated,
    RoundPriced,
    ValuationUpdated,
)
from domain.money import Fraction
from domain.refusal import (
    CompanyExists,
    CompanyNotActive,
    ExceedsAvailableCapital,
    Invalid,
    InvalidState,
    UnknownCompany,
)
from tests.spec import ACME, ACME_ADDED, BETA, BETA_ADDED, OPENED, TOLD, but, given, instant, on, share, usd

HELD = given(OPENED, ACME_ADDED)
CHEQUE = InvestmentMade(ACME, usd(100_000), share("0.1"))
ROUND = RoundPriced(ACME, "Series A", usd(4_000_000), usd(1_000_000), share("0.08"))
VALUATION = ValuationUpdated(ACME, usd(2_000_000))
PROCEEDS = ProceedsReceived(ACME, usd(30_000))
EXITED = CompanyStatusChanged(ACME, CompanyStatus.EXITED)
WRITTEN_OFF = CompanyStatusChanged(ACME, CompanyStatus.WRITTEN_OFF)
PLANNED = ReserveAllocated(ACME, usd(200_000))
ABOUT_ACME = [CHEQUE, ROUND, VALUATION, PROCEEDS, EXITED, PLANNED]
OF_ACTIVE_ONLY = [CHEQUE, ROUND, VALUATION, PLANNED]


def by_class(event: object) -> str:
    return type(event).__name__


@pytest.mark.parametrize("event", ABOUT_ACME, ids=by_class)
def test_nothing_happens_to_a_company_the_fund_does_not_know(event: Event) -> None:
    given(OPENED, BETA_ADDED).when(event).refused(
        UnknownCompany, "events", "0", "companyId", message="No company 'acme' in the fund at that moment."
    )


@pytest.mark.parametrize("event", ABOUT_ACME, ids=by_class)
def test_nothing_happens_to_a_company_before_it_joined(event: Event) -> None:
    given(OPENED, on("2021-01-01", ACME_ADDED)).when(on("2020-12-31", event)).refused(
        UnknownCompany, "events", "0", "companyId"
    )


@pytest.mark.parametrize(("status", "words"), [(EXITED, "exited"), (WRITTEN_OFF, "written off")])
@pytest.mark.parametrize("event", OF_ACTIVE_ONLY, ids=by_class)
def test_a_company_exited_or_written_off_gets_no_cheque_round_valuation_or_reserve(
    event: Event, status: CompanyStatusChanged, words: str
) -> None:
    given(OPENED, ACME_ADDED, status).when(event).refused(
        CompanyNotActive, "events", "0", "companyId", message=f"Acme is {words} by then."
    )


@pytest.mark.parametrize(
    "make", [lambda a: but(CHEQUE, amount=a), lambda a: but(PROCEEDS, amount=a)], ids=["cheque", "proceeds"]
)
@pytest.mark.parametrize("amount", [0, -1])
def test_a_cheque_or_proceeds_of_nothing_are_refused(amount: int, make: Callable[[int], Event]) -> None:
    HELD.when(make(amount)).refused(Invalid, "events", "0", "amount", message="The amount must be above zero.")


@pytest.mark.parametrize("event", [CHEQUE, ROUND], ids=by_class)
@pytest.mark.parametrize("fraction", ["-0.01", "1.01", "1.000000000000000001", "25", "NaN", "sNaN", "Infinity"])
def test_an_ownership_outside_0_to_1_is_refused(event: InvestmentMade | RoundPriced, fraction: str) -> None:
    HELD.when(but(event, ownership_after=Decimal(fraction))).refused(
        Invalid, "events", "0", "ownershipAfter", message="A fraction lies from 0 to 1."
    )


@pytest.mark.parametrize("event", [CHEQUE, ROUND], ids=by_class)
def test_an_ownership_with_more_digits_than_a_cap_table_is_refused(
    event: InvestmentMade | RoundPriced,
) -> None:
    HELD.when(but(event, ownership_after=share("0.1234567890123456789"))).refused(
        Invalid, "events", "0", "ownershipAfter", message="At most 18 decimals."
    )


@pytest.mark.parametrize("fraction", ["0", "0.000000000000000001", "1", "1.00"])
def test_an_ownership_may_be_nothing_or_all(fraction: str) -> None:
    HELD.when(but(CHEQUE, ownership_after=share(fraction))).then_holding(ACME, ownership=Decimal(fraction))


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (but(CHEQUE, round="\0"), "round"),
        (but(CHEQUE, round="x" * 2_001), "round"),
        (but(ROUND, stage=""), "stage"),
        (but(ROUND, stage="x" * 201), "stage"),
        (but(VALUATION, note="\ud800"), "note"),
        (but(PROCEEDS, kind="x" * 2_001), "kind"),
        (but(EXITED, note="\0"), "note"),
        (but(PLANNED, reason="x" * 2_001), "reason"),
    ],
)
def test_what_people_type_must_be_text_within_limits(event: Event, field: str) -> None:
    HELD.when(event).refused(Invalid, "events", "0", field)


def test_a_company_joins_without_a_cheque() -> None:
    outcome = given(OPENED).when(ACME_ADDED).then(invested=0, total_value=0, moic=None)
    outcome.then_holding(
        ACME,
        company_id="acme",
        name="Acme",
        sector="Robotics",
        stage="Seed",
        status=CompanyStatus.ACTIVE,
        ownership=None,
        invested=0,
        initial_investment=0,
        proceeds=0,
        valuation=None,
        stated_fair_value=None,
        fair_value=0,
        planned_reserves=0,
        deployed_reserves=0,
        flows=[],
        moic=None,
    )


def test_a_company_key_is_taken_once() -> None:
    HELD.when(CompanyAdded(ACME, "Another")).refused(
        CompanyExists, "events", "0", "companyId", message="The fund has a company 'acme' already."
    )


def test_two_companies_may_have_one_name() -> None:
    assert set(HELD.when(CompanyAdded(BETA, "Acme")).fund.companies) == {"acme", "beta"}


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a\0"])
def test_a_company_needs_a_key(key: str) -> None:
    given(OPENED).when(CompanyAdded(CompanyKey(key), "Acme")).refused(Invalid, "events", "0", "companyId")


@pytest.mark.parametrize(
    ("field", "text"), [("name", ""), ("name", "x" * 201), ("sector", "x" * 2_001), ("stage", "\0")]
)
def test_a_companys_name_sector_and_stage_are_text_within_limits(field: str, text: str) -> None:
    given(OPENED).when(but(ACME_ADDED, **{field: text})).refused(Invalid, "events", "0", field)


def test_a_company_joining_reads_well() -> None:
    assert ACME_ADDED.summary(TOLD) == "Acme joined the portfolio"


def test_a_cheque_is_held_at_cost_until_the_company_is_valued() -> None:
    outcome = HELD.when(on("2020-05-01", CHEQUE)).then(
        invested=usd(100_000),
        total_value=usd(100_000),
        nav=usd(100_000),
        cash=usd(-100_000),
        available_capital=usd(900_000),
        deployed_reserves=0,
        moic=1.0,
    )
    outcome.then_holding(
        ACME,
        invested=usd(100_000),
        initial_investment=usd(100_000),
        deployed_reserves=0,
        ownership=Decimal("0.1"),
        fair_value=usd(100_000),
        flows=[(instant("2020-05-01"), usd(-100_000))],
        moic=1.0,
    )


def test_a_follow_on_counts_as_a_deployed_reserve() -> None:
    ledger = given(OPENED, ACME_ADDED, CHEQUE, PLANNED)
    outcome = ledger.when(InvestmentMade(ACME, usd(50_000), share("0.12"), from_reserves=True))
    outcome.then(invested=usd(150_000), deployed_reserves=usd(50_000), planned_reserves=usd(200_000))
    outcome.then_holding(
        ACME,
        invested=usd(150_000),
        initial_investment=usd(100_000),
        deployed_reserves=usd(50_000),
        planned_reserves=usd(200_000),
        ownership=Decimal("0.12"),
    )


def test_a_cheque_without_a_share_leaves_the_share_as_it_was() -> None:
    given(OPENED, ACME_ADDED, CHEQUE).when(InvestmentMade(ACME, usd(1))).then_holding(ACME, ownership=Decimal("0.1"))


def test_a_cheque_after_a_stated_fair_value_adds_to_it() -> None:
    stated = but(VALUATION, fair_value=usd(150_000))
    given(OPENED, ACME_ADDED, CHEQUE, stated).when(InvestmentMade(ACME, usd(20_000))).then_holding(
        ACME, stated_fair_value=usd(170_000), fair_value=usd(170_000)
    )


def test_all_that_is_available_can_be_invested_and_no_cent_more() -> None:
    ledger = given(OPENED, ACME_ADDED, FeeCharged(usd(200_000)), InvestmentMade(ACME, usd(700_000)))
    ledger.when(InvestmentMade(ACME, usd(100_000))).then(available_capital=0)
    ledger.when(InvestmentMade(ACME, usd("100000.01"))).refused(
        ExceedsAvailableCapital,
        "events",
        "0",
        "amount",
        message="100,000.01 USD is above the 100,000 USD available by then.",
    )


def test_a_cheque_reads_well() -> None:
    assert InvestmentMade(ACME, usd(100_000)).summary(TOLD) == "Invested 100,000 USD in Acme"
    follow_on = InvestmentMade(ACME, usd("99.50"), from_reserves=True, round="Series B")
    assert follow_on.summary(TOLD) == "Invested 99.50 USD from reserves in Acme in its Series B round"


def test_a_priced_round_values_the_holding_at_its_share_of_the_post_money() -> None:
    outcome = given(OPENED, ACME_ADDED, CHEQUE).when(ROUND).then(total_value=usd(400_000), moic=4.0)
    outcome.then_holding(
        ACME,
        stage="Series A",
        valuation=usd(5_000_000),
        ownership=Decimal("0.08"),
        fair_value=usd(400_000),
        invested=usd(100_000),
        moic=4.0,
    )


def test_a_round_without_a_share_leaves_the_share_as_it_was() -> None:
    given(OPENED, ACME_ADDED, CHEQUE).when(but(ROUND, ownership_after=None)).then_holding(
        ACME, ownership=Decimal("0.1"), fair_value=usd(500_000)
    )


def test_a_priced_round_replaces_a_stated_fair_value() -> None:
    stated = but(VALUATION, fair_value=usd(150_000))
    given(OPENED, ACME_ADDED, CHEQUE, stated).when(ROUND).then_holding(
        ACME, stated_fair_value=None, fair_value=usd(400_000)
    )


def test_a_round_of_a_company_whose_share_is_not_known_leaves_it_at_cost() -> None:
    ledger = given(OPENED, ACME_ADDED, but(CHEQUE, ownership_after=None))
    ledger.when(but(ROUND, ownership_after=None)).then_holding(
        ACME, valuation=usd(5_000_000), ownership=None, fair_value=usd(100_000)
    )


@pytest.mark.parametrize(("name", "field"), [("pre_money", "preMoney"), ("round_size", "roundSize")])
@pytest.mark.parametrize("amount", [0, -1])
def test_a_round_without_a_price_or_money_is_refused(name: str, field: str, amount: int) -> None:
    HELD.when(but(ROUND, **{name: amount})).refused(Invalid, "events", "0", field)


def test_a_round_reads_well() -> None:
    assert ROUND.summary(TOLD) == "Acme raised 1,000,000 USD (Series A) at 4,000,000 USD pre-money"


def test_a_valuation_values_the_holding_at_its_share() -> None:
    given(OPENED, ACME_ADDED, CHEQUE).when(VALUATION).then_holding(
        ACME, valuation=usd(2_000_000), stated_fair_value=None, fair_value=usd(200_000), moic=2.0
    )


def test_a_stated_fair_value_goes_before_share_times_value() -> None:
    given(OPENED, ACME_ADDED, CHEQUE).when(but(VALUATION, fair_value=usd("123456.78"))).then_holding(
        ACME, valuation=usd(2_000_000), stated_fair_value=usd("123456.78"), fair_value=usd("123456.78")
    )


def test_a_valuation_without_a_fair_value_ends_the_one_stated_before() -> None:
    stated = but(VALUATION, fair_value=usd(1))
    given(OPENED, ACME_ADDED, CHEQUE, stated).when(VALUATION).then_holding(ACME, fair_value=usd(200_000))


def test_a_company_may_be_worth_nothing() -> None:
    given(OPENED, ACME_ADDED, CHEQUE).when(but(VALUATION, new_value=0, fair_value=0)).then_holding(
        ACME, valuation=0, stated_fair_value=0, fair_value=0, moic=0.0
    )


@pytest.mark.parametrize(("name", "field"), [("new_value", "newValue"), ("fair_value", "fairValue")])
def test_a_value_below_zero_is_refused(name: str, field: str) -> None:
    HELD.when(but(VALUATION, **{name: -1})).refused(
        Invalid, "events", "0", field, message="A value must not be below zero."
    )


def test_a_valuation_reads_well() -> None:
    assert VALUATION.summary(TOLD) == "Valued Acme at 2,000,000 USD"
    assert but(VALUATION, note="409A").summary(TOLD) == "Valued Acme at 2,000,000 USD: 409A"


def test_proceeds_are_realised_and_stay_in_the_fund_until_distributed() -> None:
    outcome = given(OPENED, ACME_ADDED, on("2020-02-01", CHEQUE)).when(on("2021-02-01", PROCEEDS))
    outcome.then(proceeds=usd(30_000), cash=usd(-70_000), available_capital=usd(900_000), moic=1.3)
    outcome.then_holding(
        ACME,
        proceeds=usd(30_000),
        fair_value=usd(100_000),
        flows=[(instant("2020-02-01"), usd(-100_000)), (instant("2021-02-01"), usd(30_000))],
        moic=1.3,
    )


@pytest.mark.parametrize("status", [EXITED, WRITTEN_OFF])
def test_an_exited_or_written_off_company_may_still_pay(status: CompanyStatusChanged) -> None:
    given(OPENED, ACME_ADDED, CHEQUE, status).when(PROCEEDS).then(proceeds=usd(30_000), total_value=0, moic=0.3)


def test_proceeds_read_well() -> None:
    assert PROCEEDS.summary(TOLD) == "Received 30,000 USD from Acme"
    assert but(PROCEEDS, kind="escrow").summary(TOLD) == "Received 30,000 USD from Acme (escrow)"


@pytest.mark.parametrize("changed", [EXITED, WRITTEN_OFF])
def test_a_company_no_longer_held_is_worth_nothing(changed: CompanyStatusChanged) -> None:
    outcome = given(OPENED, ACME_ADDED, CHEQUE, VALUATION).when(changed).then(total_value=0, nav=0, moic=0.0)
    outcome.then_holding(ACME, status=changed.status, fair_value=0, valuation=usd(2_000_000))


def test_a_company_that_comes_back_is_worth_what_it_was() -> None:
    back = CompanyStatusChanged(ACME, CompanyStatus.ACTIVE)
    given(OPENED, ACME_ADDED, CHEQUE, VALUATION, WRITTEN_OFF).when(back, PLANNED).then(
        total_value=usd(200_000), planned_reserves=usd(200_000)
    )


def test_an_exited_company_may_be_written_off_later() -> None:
    given(OPENED, ACME_ADDED, EXITED).when(WRITTEN_OFF).then_holding(ACME, status=CompanyStatus.WRITTEN_OFF)


@pytest.mark.parametrize(
    ("facts", "changed", "message"),
    [
        ((), CompanyStatusChanged(ACME, CompanyStatus.ACTIVE), "Acme is active by then already."),
        ((EXITED,), EXITED, "Acme is exited by then already."),
        ((WRITTEN_OFF,), WRITTEN_OFF, "Acme is written off by then already."),
    ],
)
def test_a_change_of_status_that_is_none_is_refused(
    facts: tuple[Event, ...], changed: CompanyStatusChanged, message: str
) -> None:
    given(OPENED, ACME_ADDED, *facts).when(changed).refused(InvalidState, "events", "0", "status", message=message)


def test_a_change_of_status_reads_well() -> None:
    assert EXITED.summary(TOLD) == "Acme was exited"
    assert WRITTEN_OFF.summary(TOLD) == "Acme was written off"
    assert CompanyStatusChanged(ACME, CompanyStatus.ACTIVE).summary(TOLD) == "Acme is active again"


def test_the_newest_plan_replaces_the_one_before() -> None:
    outcome = given(OPENED, ACME_ADDED, BETA_ADDED, PLANNED).when(
        ReserveAllocated(ACME, usd(80_000)), ReserveAllocated(BETA, usd(5_000))
    )
    outcome.then(planned_reserves=usd(85_000), available_capital=usd(1_000_000), cash=0)
    outcome.then_holding(ACME, planned_reserves=usd(80_000))


def test_a_plan_of_zero_releases_the_reserve() -> None:
    given(OPENED, ACME_ADDED, PLANNED).when(ReserveAllocated(ACME, usd(0))).then(planned_reserves=0)


def test_a_plan_below_zero_is_refused() -> None:
    HELD.when(but(PLANNED, amount=-1)).refused(
        Invalid, "events", "0", "amount", message="A planned reserve must not be below zero."
    )


def test_a_plan_reads_well() -> None:
    assert PLANNED.summary(TOLD) == "Planned 200,000 USD of reserves for Acme"


def test_a_fraction_of_a_cent_in_a_fair_value_is_rounded_half_to_even() -> None:
    ledger = given(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(1), Fraction(Decimal("0.5"))))
    ledger.when(ValuationUpdated(ACME, usd("0.05"))).then_holding(ACME, fair_value=2)
    ledger.when(ValuationUpdated(ACME, usd("0.07"))).then_holding(ACME, fair_value=4)
