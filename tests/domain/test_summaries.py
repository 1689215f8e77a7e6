"""Summaries: a fund's variances and alerts, by company, metric or period."""

from decimal import Decimal

import pytest

from domain.alerts import (
    Alert,
    AlertAcknowledged,
    AlertChange,
    AlertEvent,
    AlertResolution,
    AlertResolved,
    Alerts,
    AlertSnoozed,
    Told,
)
from domain.forecasting import MetricType
from domain.money import Money
from domain.periods import Period
from domain.rules import AlertRuleSet, AlertSeverity
from domain.summaries import SummaryRow, VarianceGrouping, badness, counted, period_key, summarise
from domain.variance import LATE, Variance, VarianceStatus
from tests.domain.figures import Q1, Q2, REVENUE, RULE, Figure, raised, varied
from tests.spec import ACME, BETA, NOW, but, instant, usd

COMPANY, METRIC, PERIOD = VarianceGrouping
INFO, WARNING, CRITICAL, URGENT = AlertSeverity
MARGIN, BURN = MetricType.GROSS_MARGIN, MetricType.CASH_BURN
MISSED = varied(1_000_000, 800_000, reported_at=NOW)
BEATEN = varied(1_000_000, "1000000.5", company_id=BETA, reported_at=NOW, flags=(LATE,))
BURNT = varied(100_000, 130_000, BURN, period=Q2, reported_at=NOW)
POINTS = varied(70, 35, MARGIN, period=Q2, company_id=BETA, reported_at=NOW)
OVERDUE = Variance(ACME, REVENUE, Q2, VarianceStatus.MISSING_ACTUAL, forecast=Decimal(1_000_000))
EVERY = [MISSED, BEATEN, BURNT, POINTS, OVERDUE]


def alert(severity: AlertSeverity, metric: MetricType = REVENUE, period: Period = Q1) -> Alert:
    event = raised(varied(1_000_000, 500_000, metric, period=period), severity=severity)
    return Alerts().fold([Told(event, 1, NOW)]).alerts["a"]


def row(
    key: str,
    figures: int,
    favourable: Figure = 0,
    unfavourable: Figure = 0,
    worst: Variance | None = None,
    on_time_share: float | None = 1.0,
    **severities: int,
) -> SummaryRow:
    by_severity = {AlertSeverity(name): count for name, count in severities.items()}
    return SummaryRow(key, figures, by_severity, usd(str(favourable)), usd(str(unfavourable)), worst, on_time_share)


def test_by_company() -> None:
    alerts = [alert(CRITICAL), alert(CRITICAL, BURN), alert(URGENT, period=Q2)]
    assert summarise(EVERY, alerts, COMPANY) == [
        row("acme", 3, 0, 230_000, BURNT, 2 / 3, CRITICAL=2, URGENT=1),
        row("beta", 2, "0.50", 0, POINTS, 1 / 2),
    ]


def test_by_metric() -> None:
    assert summarise(EVERY, [alert(WARNING), alert(INFO, BURN)], METRIC) == [
        row("CASH_BURN", 1, 0, 30_000, BURNT, INFO=1),
        row("GROSS_MARGIN", 1, worst=POINTS),
        row("REVENUE", 3, "0.50", 200_000, MISSED, 1 / 3, WARNING=1),
    ]


def test_by_period() -> None:
    assert summarise(EVERY, [alert(CRITICAL), alert(WARNING, period=Q2)], PERIOD) == [
        row("2025-01-01/2025-03-31", 2, "0.50", 200_000, MISSED, 1 / 2, CRITICAL=1),
        row("2025-04-01/2025-06-30", 3, 0, 30_000, POINTS, 2 / 3, WARNING=1),
    ]
    assert period_key(Q1) == "2025-01-01/2025-03-31"


@pytest.mark.parametrize("by", VarianceGrouping)
def test_of_nothing_there_is_no_row(by: VarianceGrouping) -> None:
    assert summarise([], [], by) == []


def test_alerts_without_a_figure_in_the_list_have_a_row_all_the_same() -> None:
    assert summarise([], [alert(URGENT)], COMPANY) == [row("acme", 0, on_time_share=None, URGENT=1)]


def test_a_summary_counts_alerts_that_are_open_or_acknowledged_and_not_paused() -> None:
    paused = but(RULE, rule_id="paused", name="Paused", enabled=False)
    facts: tuple[AlertEvent | AlertRuleSet, ...] = (
        RULE,
        paused,
        *(raised(MISSED, alert_id=one) for one in ("open", "acknowledged", "snoozed", "over")),
        raised(MISSED, alert_id="pending", change=AlertChange.PENDING),
        raised(MISSED, alert_id="suppressed", rule_id="paused"),
        AlertAcknowledged("acknowledged", ACME, REVENUE),
        AlertSnoozed("snoozed", ACME, REVENUE, instant("2040-01-01")),
        AlertResolved("over", ACME, REVENUE, AlertResolution.AUTOMATIC, notifies=True),
    )
    book = Alerts().fold(Told(event, version, NOW) for version, event in enumerate(facts, start=1))
    assert [alert.id for alert in counted(book)] == ["open", "acknowledged", "snoozed"]


def test_a_group_without_bad_news_has_no_worst() -> None:
    even = varied(1_000_000, 1_000_000, reported_at=NOW)
    assert summarise([BEATEN, even], [], METRIC) == [row("REVENUE", 2, "0.50", on_time_share=1 / 2)]


def test_only_money_is_summed() -> None:
    heads = varied(100, 10, MetricType.HEADCOUNT, reported_at=NOW)
    months = varied(12, 6, MetricType.RUNWAY_MONTHS, reported_at=NOW)
    assert summarise([heads, months, POINTS], [], PERIOD)[0] == row("2025-01-01/2025-03-31", 2, worst=months)


def test_sums_are_in_whole_cents_rounded_once() -> None:
    thirds = [varied(1_000_000, "999999.9975", company_id=f"c{n}", reported_at=NOW) for n in range(3)]
    (found,) = summarise(thirds, [], METRIC)
    # Three quarters of a cent, and not three times a quarter rounded to nothing.
    assert found.unfavourable == Money(1)
    (huge,) = summarise([varied(0, "9" * 38 + ".99"), varied(0, "0.01")], [], METRIC)
    assert huge.favourable == Money(10**40)


def test_a_figure_is_on_time_when_it_was_reported_and_not_late() -> None:
    assert [one.on_time for one in EVERY] == [True, False, True, True, False]


def test_the_worst_is_the_largest_percentage_then_the_largest_difference() -> None:
    small_base = varied(9_999, -900_000)
    smaller_base = varied(9_999, -800_000)
    shown = [
        varied(1_000_000, 500_000),
        varied(2_000_000, 1_200_000),
        varied(1_000_000, 600_000),
        small_base,
        smaller_base,
    ]
    assert [one.percent for one in shown] == [-50, -40, -40, None, None]
    shuffled = shown[::-1]
    assert sorted(shuffled, key=badness) == shown


def test_of_figures_equally_bad_the_first_by_company_metric_and_period_is_the_worst() -> None:
    miss = varied(1_000_000, 500_000)
    twins = [
        miss,
        but(miss, period=Q2),
        but(miss, metric=MetricType.VALUATION),
        but(miss, company_id=BETA, metric=MetricType.ARR),
    ]
    shuffled = twins[::-1]
    assert sorted(shuffled, key=badness) == twins


def test_no_digit_decides_less_than_another_which_is_worse() -> None:
    longer, shorter = varied(0, "-" + "9" * 37 + "1"), varied(0, "-" + "9" * 37 + "0")
    assert min([shorter, longer], key=badness) is longer


def test_every_grouping_is_stored_by_its_name_and_says_what_it_means() -> None:
    assert all(member.name == member.value and member.text.endswith(".") for member in VarianceGrouping)
