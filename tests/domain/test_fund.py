"""A fund at a moment: its totals, multiples and rates, and the builder that makes it."""

from copy import deepcopy
from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest

from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.fund import CompanyStatus, Fund, FundBuilder, Holding
from domain.investing import (
    CompanyStatusChanged,
    InvestmentMade,
    ProceedsReceived,
    ReserveAllocated,
    RoundPriced,
    ValuationUpdated,
)
from domain.refusal import UnknownCompany
from tests.spec import ACME, ACME_ADDED, BETA, BETA_ADDED, OPENED, given, instant, on, refuses, share, usd

INVESTED = (
    on("2020-02-01", ACME_ADDED),
    on("2020-02-02", BETA_ADDED),
    on("2020-02-03", InvestmentMade(ACME, usd(100_000), share("0.2"))),
    on("2020-02-03", InvestmentMade(BETA, usd(60_000))),
    on("2020-03-01", ReserveAllocated(ACME, usd(90_000))),
    on("2020-03-01", ReserveAllocated(BETA, usd(10_000))),
    on("2021-02-03", RoundPriced(ACME, "Series A", usd(3_000_000), usd(1_000_000), share("0.15"))),
    on("2021-02-03", InvestmentMade(ACME, usd(40_000), share("0.16"), from_reserves=True)),
    on("2021-06-01", FeeCharged(usd(15_000))),
    on("2022-01-31", ProceedsReceived(BETA, usd(90_000))),
    on("2022-01-31", CompanyStatusChanged(BETA, CompanyStatus.EXITED)),
)
CALLED = (on("2020-02-01", CapitalCalled(usd(180_000))), on("2021-02-01", CapitalCalled(usd(60_000))))
DISTRIBUTED = (
    on("2022-02-28", DistributionMade(usd(70_000))),
    on("2022-03-01", DistributionMade(usd(10_000), recallable=True)),
)


def test_the_totals_of_a_fund_that_records_its_calls() -> None:
    fund = given(OPENED, *CALLED, *INVESTED, *DISTRIBUTED).fund
    assert (fund.committed, fund.called, fund.invested) == (usd(1_000_000), usd(240_000), usd(200_000))
    assert (fund.fees, fund.proceeds, fund.distributed) == (usd(15_000), usd(90_000), usd(80_000))
    assert fund.recallable == usd(10_000)
    assert fund.cash == usd(240_000 + 90_000 - 200_000 - 15_000 - 80_000)
    assert fund.total_value == usd(640_000)
    assert fund.nav == usd(640_000 + 35_000)
    assert fund.available_capital == usd(1_000_000 - 200_000 - 15_000 + 10_000)
    assert (fund.planned_reserves, fund.deployed_reserves) == (usd(100_000), usd(40_000))
    assert fund.moic == (90 + 640) / 200
    assert fund.dpi == 80 / 240
    assert fund.rvpi == 675 / 240
    assert fund.tvpi == 755 / 240


def test_the_totals_of_a_fund_that_records_no_calls_is_read_as_called_just_in_time() -> None:
    fund = given(OPENED, *INVESTED, *DISTRIBUTED).fund
    assert fund.called == 0
    assert fund.cash == usd(90_000 - 200_000 - 15_000 - 80_000)
    assert fund.nav == fund.total_value == usd(640_000)
    assert fund.available_capital == usd(795_000)
    assert fund.moic == 3.65
    assert (fund.dpi, fund.rvpi, fund.tvpi, fund.irr(instant("2022-12-31"))) == (None, None, None, None)


def test_the_totals_between_the_facts() -> None:
    ledger = given(OPENED, *CALLED, *INVESTED, *DISTRIBUTED)
    before_the_round = ledger.at("2021-02-02")
    assert (before_the_round.called, before_the_round.invested) == (usd(240_000), usd(160_000))
    assert (before_the_round.total_value, before_the_round.cash) == (usd(160_000), usd(80_000))
    after_the_round = ledger.at("2021-02-03")
    assert (after_the_round.invested, after_the_round.total_value) == (usd(200_000), usd(700_000))
    assert after_the_round.moic == 3.5


def test_an_empty_state_has_version_0_and_no_money() -> None:
    fund = given().fund
    assert fund == Fund()
    assert (fund.name, fund.currency, fund.vintage_year, fund.time_zone) == ("", "", 0, "UTC")
    assert (fund.version, fund.opened_at, fund.nav, fund.available_capital) == (0, None, 0, 0)
    assert (fund.moic, fund.dpi, fund.rvpi, fund.tvpi, fund.irr(instant("2020-01-01"))) == (None,) * 5


def test_cash_below_zero_is_shown_and_lowers_the_net_asset_value() -> None:
    fund = given(OPENED, CapitalCalled(usd(10_000)), FeeCharged(usd(15_000))).fund
    assert (fund.cash, fund.nav, fund.tvpi) == (usd(-5_000), usd(-5_000), -0.5)


def test_the_investors_rate_counts_calls_distributions_and_the_net_asset_value() -> None:
    # 100 paid in, 22 back after 365 days, worth 96.80 after 730: 10% a year on what was left.
    ledger = given(
        on("2021-01-01", OPENED),
        on("2021-01-01", CapitalCalled(usd(100))),
        on("2021-01-01", ACME_ADDED),
        on("2021-01-01", InvestmentMade(ACME, usd(100))),
        on("2022-01-01", ProceedsReceived(ACME, usd(22))),
        on("2022-01-01", DistributionMade(usd(22))),
        on("2023-01-01", ValuationUpdated(ACME, usd(1_000), usd("96.80"))),
    )
    assert ledger.fund.irr(instant("2023-01-01")) == pytest.approx(0.1, abs=1e-12)
    assert ledger.fund.irr(instant("2024-01-01")) == pytest.approx(0.068254291, abs=1e-9)


def test_the_investors_rate_on_the_day_of_the_call_is_unknown() -> None:
    assert given(OPENED, on("2020-01-01", CapitalCalled(usd(100)))).fund.irr(instant("2020-01-01")) is None


def test_the_investors_rate_of_a_fund_that_lost_everything_is_unknown() -> None:
    lost = given(OPENED, on("2020-01-01", CapitalCalled(usd(100))), FeeCharged(usd(100))).fund
    assert (lost.nav, lost.irr(instant("2021-01-01"))) == (0, None)


def test_a_holdings_rate_counts_cheques_proceeds_and_its_fair_value() -> None:
    ledger = given(
        on("2021-01-01", OPENED),
        on("2021-01-01", ACME_ADDED),
        on("2021-01-01", InvestmentMade(ACME, usd(100))),
        on("2022-01-01", ProceedsReceived(ACME, usd(55))),
        on("2022-06-01", ValuationUpdated(ACME, usd(1_000), usd("60.50"))),
    )
    held = ledger.fund.companies[ACME]
    assert held.irr(instant("2023-01-01")) == pytest.approx(0.1, abs=1e-12)
    assert held.moic == 1.155


def test_a_holding_without_a_cheque_has_no_multiple_and_no_rate() -> None:
    held = given(OPENED, ACME_ADDED).fund.companies[ACME]
    assert (held.moic, held.irr(instant("2021-01-01"))) == (None, None)


@pytest.mark.parametrize(
    ("holding", "fair_value"),
    [
        (Holding("a", "A"), 0),
        (Holding("a", "A", invested=700), 700),
        (Holding("a", "A", invested=700, valuation=10_000), 700),
        (Holding("a", "A", invested=700, ownership=Decimal("0.2")), 700),
        (Holding("a", "A", invested=700, valuation=10_000, ownership=Decimal("0.2")), 2_000),
        (Holding("a", "A", invested=700, valuation=10_000, ownership=Decimal(0)), 0),
        (Holding("a", "A", invested=700, valuation=0, ownership=Decimal("0.2")), 0),
        (Holding("a", "A", invested=700, valuation=10_000, ownership=Decimal("0.2"), stated_fair_value=5), 5),
        (Holding("a", "A", invested=700, valuation=10_000, ownership=Decimal("0.2"), stated_fair_value=0), 0),
        (Holding("a", "A", invested=700, stated_fair_value=900, status=CompanyStatus.EXITED), 0),
        (Holding("a", "A", invested=700, stated_fair_value=900, status=CompanyStatus.WRITTEN_OFF), 0),
    ],
)
def test_a_holding_is_worth_what_was_stated_else_its_share_else_its_cost(holding: Holding, fair_value: int) -> None:
    assert holding.fair_value == fair_value


def test_a_builder_copies_only_what_it_changes() -> None:
    base = given(OPENED, ACME_ADDED, BETA_ADDED, InvestmentMade(ACME, usd(5))).fund
    kept = deepcopy(base)
    builder = FundBuilder(base)
    builder.change(ACME).flows.append((instant("2021-01-01"), 1))
    builder.flows.append((instant("2021-01-01"), 1))
    builder.add(Holding("gamma", "Gamma"))
    reached = builder.freeze()
    assert base == kept
    assert reached.companies[BETA] is base.companies[BETA]
    assert reached.companies[ACME] is not base.companies[ACME]
    assert list(reached.companies) == ["acme", "beta", "gamma"]


def test_a_builder_copies_a_holding_once_and_one_of_its_own_never() -> None:
    builder = FundBuilder(given(OPENED, ACME_ADDED).fund)
    assert builder.change(ACME) is builder.change(ACME)
    gamma = Holding("gamma", "Gamma")
    builder.add(gamma)
    assert builder.change("gamma") is gamma


def test_a_state_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        given(OPENED).fund.called = 1  # type: ignore[misc]


def test_a_builder_that_goes_on_leaves_what_it_froze() -> None:
    builder = FundBuilder(given(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(5))).fund)
    builder.change(ACME).invested += 1
    frozen = builder.freeze()
    kept = deepcopy(frozen)
    builder.change(ACME).invested += 1
    builder.change(ACME).flows.append((instant("2021-01-01"), 1))
    builder.flows.append((instant("2021-01-01"), 1))
    builder.add(Holding("gamma", "Gamma"))
    assert frozen == kept


def test_a_builder_says_what_it_holds() -> None:
    builder = FundBuilder(given(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(5))).fund)
    assert ACME in builder
    assert BETA not in builder
    assert builder.holding(ACME).invested == usd(5)
    assert (builder.available_capital, builder.cash) == (usd(999_995), usd(-5))
    refuses(lambda: builder.holding(BETA), UnknownCompany, "companyId")
