"""Capital: opening, calls, distributions and fees."""

from datetime import date

import pytest

from domain.capital import CapitalCalled, DistributionMade, FeeCharged, FundOpened
from domain.investing import InvestmentMade, ProceedsReceived
from domain.refusal import (
    ExceedsAvailableCapital,
    ExceedsCash,
    ExceedsUncalledCapital,
    Invalid,
    InvalidState,
)
from tests.spec import ACME, ACME_ADDED, OPENED, OPENED_AT, TOLD, but, given, instant, on, usd


def test_a_fund_opens_with_its_name_currency_year_size_and_zone() -> None:
    opening = FundOpened("Rhine II", "EUR", 2019, usd("60000000.00"), "Europe/Berlin")
    given().when(on("2019-03-01", opening)).then(
        version=1,
        name="Rhine II",
        currency="EUR",
        vintage_year=2019,
        time_zone="Europe/Berlin",
        opened_at=instant("2019-03-01"),
        committed=usd(60_000_000),
        called=0,
        invested=0,
        distributed=0,
        recallable=0,
        fees=0,
        proceeds=0,
        flows=[],
        companies={},
        cash=0,
        nav=0,
        total_value=0,
        available_capital=usd(60_000_000),
        planned_reserves=0,
        deployed_reserves=0,
        moic=None,
        dpi=None,
        rvpi=None,
        tvpi=None,
    )


def test_a_fund_is_in_utc_unless_told_otherwise() -> None:
    given().when(OPENED).then(time_zone="UTC", opened_at=OPENED_AT)


def test_a_fund_opens_once() -> None:
    given(OPENED).when(OPENED).refused(InvalidState, "events", "0", message="The fund is open already.")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\0"])
def test_a_fund_needs_a_name(name: str) -> None:
    given().when(but(OPENED, name=name)).refused(Invalid, "events", "0", "name")


@pytest.mark.parametrize(
    "currency", ["", "US", "USDT", "usd", "Usd", "U1D", "US$", "US ", "ÜSD", "\u0415UR", "\uff35\uff33\uff24"]
)
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    given().when(but(OPENED, currency=currency)).refused(
        Invalid, "events", "0", "currency", message="A currency is three capital letters, such as USD."
    )


@pytest.mark.parametrize("year", [-1, 0, 1899, 2200, 20_20_20])
def test_a_vintage_year_beyond_reason_is_refused(year: int) -> None:
    given().when(but(OPENED, vintage_year=year)).refused(
        Invalid, "events", "0", "vintageYear", message="A vintage year lies from 1900 to 2199."
    )


@pytest.mark.parametrize("year", [1900, 2199])
def test_the_first_and_last_vintage_year_are_taken(year: int) -> None:
    given().when(but(OPENED, vintage_year=year)).then(vintage_year=year)


@pytest.mark.parametrize("size", [0, -1])
def test_a_fund_needs_a_size(size: int) -> None:
    given().when(but(OPENED, size=size)).refused(
        Invalid, "events", "0", "size", message="The amount must be above zero."
    )


@pytest.mark.parametrize("zone", ["", " ", "x" * 201, "Europe/\0"])
def test_a_fund_needs_a_time_zone(zone: str) -> None:
    given().when(but(OPENED, time_zone=zone)).refused(Invalid, "events", "0", "timeZone")


def test_an_opening_reads_well() -> None:
    assert OPENED.summary(TOLD) == "Alpha Fund opened with 1,000,000 USD committed"


def test_a_call_is_paid_in_at_once() -> None:
    given(OPENED).when(on("2020-02-01", CapitalCalled(usd(300_000), date(2020, 2, 15)))).then(
        called=usd(300_000),
        cash=usd(300_000),
        nav=usd(300_000),
        available_capital=usd(1_000_000),
        flows=[(instant("2020-02-01"), usd(-300_000))],
        dpi=0.0,
        rvpi=1.0,
        tvpi=1.0,
        moic=None,
    )


def test_all_that_is_committed_can_be_called_and_no_cent_more() -> None:
    ledger = given(OPENED, CapitalCalled(usd("999999.99")))
    ledger.when(CapitalCalled(usd("0.01"))).then(called=usd(1_000_000))
    ledger.when(CapitalCalled(usd("0.02"))).refused(
        ExceedsUncalledCapital,
        "events",
        "0",
        "amount",
        message="0.02 USD is above the 0.01 USD uncalled by then.",
    )


def test_a_recallable_distribution_can_be_called_again() -> None:
    ledger = given(OPENED, CapitalCalled(usd(1_000_000)), DistributionMade(usd(40_000), recallable=True))
    ledger.when(CapitalCalled(usd(40_000))).then(called=usd(1_040_000), cash=usd(1_000_000))
    ledger.when(CapitalCalled(usd("40000.01"))).refused(ExceedsUncalledCapital, "events", "0", "amount")


@pytest.mark.parametrize("amount", [0, -1])
def test_a_call_of_nothing_is_refused(amount: int) -> None:
    given(OPENED).when(but(CapitalCalled(usd(1)), amount=amount)).refused(Invalid, "events", "0", "amount")


@pytest.mark.parametrize("due_on", [date(1899, 12, 31), date(2200, 1, 1)])
def test_a_call_due_beyond_reason_is_refused(due_on: date) -> None:
    given(OPENED).when(CapitalCalled(usd(1), due_on)).refused(
        Invalid, "events", "0", "dueOn", message="A due date lies from 1900 to 2199."
    )


def test_a_call_reads_well() -> None:
    assert CapitalCalled(usd(250_000)).summary(TOLD) == "Called 250,000 USD from the investors"
    due = CapitalCalled(usd("250000.50"), date(2020, 3, 9))
    assert due.summary(TOLD) == "Called 250,000.50 USD from the investors, due 09 Mar 2020"


def test_a_distribution_leaves_the_funds_cash() -> None:
    ledger = given(OPENED, CapitalCalled(usd(100_000)))
    ledger.when(on("2020-06-01", DistributionMade(usd(25_000)))).then(
        distributed=usd(25_000),
        recallable=0,
        cash=usd(75_000),
        nav=usd(75_000),
        available_capital=usd(1_000_000),
        dpi=0.25,
        rvpi=0.75,
        tvpi=1.0,
        flows=[(instant("2020-01-02"), usd(-100_000)), (instant("2020-06-01"), usd(25_000))],
    )


def test_a_recallable_distribution_adds_to_what_is_available() -> None:
    ledger = given(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(900_000)))
    ledger.when(DistributionMade(usd(50_000), recallable=True)).then(
        distributed=usd(50_000), recallable=usd(50_000), available_capital=usd(150_000)
    )
    ledger.when(DistributionMade(usd(50_000))).then(available_capital=usd(100_000))


def test_what_can_be_recalled_can_be_invested_and_no_cent_more() -> None:
    ledger = given(
        OPENED, ACME_ADDED, InvestmentMade(ACME, usd(900_000)), DistributionMade(usd(50_000), recallable=True)
    )
    ledger.when(InvestmentMade(ACME, usd(150_000))).then(available_capital=0)
    ledger.when(InvestmentMade(ACME, usd("150000.01"))).refused(ExceedsAvailableCapital, "events", "0", "amount")


def test_all_cash_can_be_distributed_and_no_cent_more() -> None:
    ledger = given(
        OPENED,
        CapitalCalled(usd(100_000)),
        FeeCharged(usd(10_000)),
        ACME_ADDED,
        InvestmentMade(ACME, usd(60_000)),
        ProceedsReceived(ACME, usd(5_000)),
    )
    ledger.when(DistributionMade(usd(35_000))).then(cash=0)
    ledger.when(DistributionMade(usd("35000.01"))).refused(
        ExceedsCash, "events", "0", "amount", message="35,000.01 USD is above the 35,000 USD in cash by then."
    )


def test_what_was_distributed_can_not_be_distributed_again() -> None:
    ledger = given(OPENED, CapitalCalled(usd(100)), DistributionMade(usd(60)))
    ledger.when(DistributionMade(usd(40))).then(cash=0)
    ledger.when(DistributionMade(usd("40.01"))).refused(ExceedsCash, "events", "0", "amount")


def test_cash_limits_nothing_where_no_call_is_recorded() -> None:
    given(OPENED).when(DistributionMade(usd(500))).then(distributed=usd(500), cash=usd(-500), nav=0)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_distribution_of_nothing_is_refused(amount: int) -> None:
    given(OPENED).when(but(DistributionMade(usd(1)), amount=amount)).refused(Invalid, "events", "0", "amount")


def test_a_distribution_reads_well() -> None:
    assert DistributionMade(usd(5_000)).summary(TOLD) == "Distributed 5,000 USD to the investors"
    recallable = DistributionMade(usd(5_000), recallable=True)
    assert recallable.summary(TOLD) == "Distributed 5,000 USD to the investors, recallable"


def test_a_fee_leaves_less_to_invest() -> None:
    given(OPENED, CapitalCalled(usd(100_000))).when(FeeCharged(usd(20_000), "management")).then(
        fees=usd(20_000), available_capital=usd(980_000), cash=usd(80_000), nav=usd(80_000), tvpi=0.8
    )


def test_a_fee_without_calls_leaves_the_net_asset_value_alone() -> None:
    given(OPENED).when(FeeCharged(usd(20_000))).then(cash=usd(-20_000), nav=0, available_capital=usd(980_000))


def test_a_fee_above_what_is_available_is_refused() -> None:
    ledger = given(OPENED)
    ledger.when(FeeCharged(usd(1_000_000))).then(available_capital=0)
    ledger.when(FeeCharged(usd("1000000.01"))).refused(
        ExceedsAvailableCapital,
        "events",
        "0",
        "amount",
        message="1,000,000.01 USD is above the 1,000,000 USD available by then.",
    )


@pytest.mark.parametrize("amount", [0, -1])
def test_a_fee_of_nothing_is_refused(amount: int) -> None:
    given(OPENED).when(but(FeeCharged(usd(1)), amount=amount)).refused(Invalid, "events", "0", "amount")


@pytest.mark.parametrize("kind", ["x" * 2_001, "\0"])
def test_a_fee_for_something_that_is_no_text_is_refused(kind: str) -> None:
    given(OPENED).when(FeeCharged(usd(1), kind)).refused(Invalid, "events", "0", "kind")


def test_a_fee_reads_well() -> None:
    assert FeeCharged(usd(1_200)).summary(TOLD) == "Charged 1,200 USD of fees"
    assert FeeCharged(usd(1_200), "audit").summary(TOLD) == "Charged 1,200 USD of fees (audit)"
