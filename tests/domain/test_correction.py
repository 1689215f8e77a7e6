"""Correction: voids, and what they make of the facts after them."""

from datetime import date

import pytest

from domain.alerts import (
    AlertAcknowledged,
    AlertChange,
    AlertFigures,
    AlertKind,
    AlertRaised,
    AlertResolution,
    AlertResolved,
    AlertSnoozed,
)
from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.correction import EventVoided
from domain.event import Event
from domain.forecasting import MetricType
from domain.fund import CompanyStatus
from domain.investing import CompanyStatusChanged, InvestmentMade, ProceedsReceived
from domain.refusal import Invalid, InvalidState, NotFound
from domain.rules import AlertRuleSet, AlertSeverity
from domain.variance import VarianceStatus
from tests.spec import ACME, ACME_ADDED, OPENED, TOLD, figures, given, instant, on, usd

CALL = CapitalCalled(usd(100))
FEE = FeeCharged(usd(5))


def void(version: int) -> EventVoided:
    return EventVoided(version, "typed twice")


def test_a_voided_fact_no_longer_counts() -> None:
    given(OPENED, CALL, FEE).when(void(3)).then(version=4, called=usd(100), fees=0, cash=usd(100))


def test_a_voided_fact_counts_for_no_moment_once_the_void_is_known() -> None:
    ledger = given(OPENED, on("2020-02-01", CALL), on("2020-03-01", FEE), void(2))
    assert ledger.at("2020-02-15").called == 0
    assert ledger.at("2020-02-15", version=3).called == usd(100)
    assert ledger.at("2020-02-15").version == 4
    assert ledger.at("2020-01-15").version == 1


def test_a_fact_voided_and_recorded_right_counts_once() -> None:
    given(OPENED, CALL, void(2)).when(on("2020-01-02", CapitalCalled(usd(90)))).then(
        version=4, called=usd(90), flows=[(instant("2020-01-02"), usd(-90))]
    )


def test_a_fact_can_be_voided_and_recorded_right_in_one_append() -> None:
    given(OPENED, CapitalCalled(usd(1_000_000))).when(void(2), on("2020-01-02", CapitalCalled(usd(900_000)))).then(
        version=4, called=usd(900_000)
    )


def test_a_void_makes_room_for_what_later_facts_need() -> None:
    ledger = given(OPENED, FeeCharged(usd(1_000_000)))
    ledger.when(FEE, void(2)).then(fees=usd(5))


@pytest.mark.parametrize("reason", ["", " ", "x" * 2_001, "\0"])
def test_a_void_needs_a_reason(reason: str) -> None:
    given(OPENED, CALL).when(EventVoided(2, reason)).refused(Invalid, "events", "0", "reason")


def test_a_reason_may_have_2000_letters() -> None:
    given(OPENED, CALL).when(EventVoided(2, "x" * 2_000)).then(called=0)


def test_the_opening_can_not_be_voided() -> None:
    given(OPENED, CALL).when(void(1)).refused(
        InvalidState,
        "events",
        "0",
        "version",
        message="Version 1 opened the fund, is a void itself or about alerts, and can't be voided.",
    )


def test_a_void_can_not_be_voided() -> None:
    given(OPENED, CALL, void(2)).when(void(3)).refused(
        InvalidState,
        "events",
        "0",
        "version",
        message="Version 3 opened the fund, is a void itself or about alerts, and can't be voided.",
    )


ALERT = "alert", ACME, MetricType.REVENUE
ABOUT_ALERTS: list[Event] = [
    AlertRuleSet("rule", "Sales", (MetricType.REVENUE,)),
    AlertRaised(
        alert_id="alert",
        rule_id="rule",
        rule_version=2,
        company_id=ACME,
        metric_type=MetricType.REVENUE,
        kind=AlertKind.VARIANCE,
        change=AlertChange.OPENED,
        severity=AlertSeverity.URGENT,
        figures=AlertFigures(date(2020, 1, 1), date(2020, 3, 31), VarianceStatus.OK),
        occurrences=1,
        notifies=True,
    ),
    AlertAcknowledged(*ALERT),
    AlertSnoozed(*ALERT, instant("2021-01-01")),
    AlertResolved(*ALERT, AlertResolution.AUTOMATIC, notifies=True),
]


@pytest.mark.parametrize("event", ABOUT_ALERTS, ids=lambda event: type(event).__name__)
def test_a_fact_about_alerts_can_not_be_voided(event: Event) -> None:
    given(OPENED, event).when(void(2)).refused(
        InvalidState,
        "events",
        "0",
        "version",
        message="Version 2 opened the fund, is a void itself or about alerts, and can't be voided.",
    )


def test_a_fact_is_voided_once() -> None:
    given(OPENED, CALL, FEE, void(2)).when(void(2)).refused(
        InvalidState, "events", "0", "version", message="Version 2 is voided already."
    )


def test_a_fact_is_voided_once_in_one_append() -> None:
    given(OPENED, CALL, FEE).when(void(3), void(2), void(3)).refused(
        InvalidState, "events", "2", "version", message="Version 3 is voided already."
    )


@pytest.mark.parametrize("version", [-1, 0, 3, 4, 2**40])
def test_a_version_the_ledger_does_not_have_can_not_be_voided(version: int) -> None:
    given(OPENED, CALL).when(void(version)).refused(
        NotFound, "events", "0", "version", message=f"The ledger has no version {version}."
    )


def test_a_fact_of_the_same_append_can_not_be_voided() -> None:
    given(OPENED, CALL).when(FEE, void(3)).refused(NotFound, "events", "1", "version")


def test_several_facts_can_be_voided_in_one_append() -> None:
    ledger = given(OPENED, CALL, FEE, FEE)
    outcome = ledger.when(void(4), void(2), void(3)).then(version=7)
    assert figures(outcome.fund) == figures(given(OPENED).fund)


def test_a_company_voided_with_all_that_is_about_it_leaves_no_trace() -> None:
    ledger = given(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(5)))
    assert ledger.when(void(2), void(3)).fund.companies == {}


def test_a_company_can_not_be_voided_from_under_its_cheque() -> None:
    given(OPENED, on("2020-02-01", ACME_ADDED), on("2020-03-01", InvestmentMade(ACME, usd(5)))).when(
        void(2)
    ).contradicts(
        3,
        "events",
        "0",
        message="This contradicts version 3 of 2020-03-01: No company 'acme' in the fund at that moment.",
    )


def test_a_call_can_not_be_voided_from_under_a_distribution() -> None:
    ledger = given(OPENED, CALL, CapitalCalled(usd(50)), DistributionMade(usd(120)))
    ledger.when(void(3)).contradicts(
        4,
        "events",
        "0",
        message="This contradicts version 4 of 2020-01-04: 120 USD is above the 100 USD in cash by then.",
    )


def test_proceeds_can_not_be_voided_from_under_a_distribution() -> None:
    ledger = given(OPENED, CALL, ACME_ADDED, ProceedsReceived(ACME, usd(30)), DistributionMade(usd(120)))
    ledger.when(void(4)).contradicts(5, "events", "0")


def test_a_recallable_distribution_can_not_be_voided_from_under_a_cheque() -> None:
    ledger = given(
        OPENED,
        ACME_ADDED,
        InvestmentMade(ACME, usd(1_000_000)),
        DistributionMade(usd(10), recallable=True),
        InvestmentMade(ACME, usd(10)),
    )
    ledger.when(void(4)).contradicts(5, "events", "0")


def test_a_return_to_the_portfolio_can_not_be_voided_from_under_a_cheque() -> None:
    exited = CompanyStatusChanged(ACME, CompanyStatus.EXITED)
    back = CompanyStatusChanged(ACME, CompanyStatus.ACTIVE)
    given(OPENED, ACME_ADDED, exited, back, InvestmentMade(ACME, usd(5))).when(void(4)).contradicts(5, "events", "0")


def test_a_contradiction_by_several_new_facts_names_none_of_them() -> None:
    given(OPENED, CALL, CapitalCalled(usd(50)), DistributionMade(usd(120))).when(FEE, void(3)).contradicts(4, "events")


def test_a_void_reads_well() -> None:
    assert EventVoided(5, "typed twice").summary(TOLD) == "Voided version 5: typed twice"
