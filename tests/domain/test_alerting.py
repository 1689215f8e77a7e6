"""Alerting: what rules make of figures as they come, and what becomes of an alert."""

from datetime import UTC, date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from domain.alerting import REPEATED_AFTER, alert_id, assess
from domain.alerts import (
    AlertAcknowledged,
    AlertChange,
    AlertFigures,
    AlertKind,
    AlertRaised,
    AlertResolution,
    AlertSnoozed,
    AlertStatus,
)
from domain.forecasting import ForecastKind, MetricType
from domain.fund import CompanyStatus
from domain.handling import resolve
from domain.matching import Basis, ForecastPolicy, Series
from domain.periods import Calendar, Period
from domain.rules import DEFAULT_LADDER, AlertRuleSet, AlertRung, AlertSeverity, VarianceDirection
from domain.variance import BACKFILL, RESTATED, Variance, VarianceStatus, compare
from tests.domain.figures import (
    PLANNED,
    Q1,
    Q2,
    Q3,
    Q4,
    QUARTERS,
    REVENUE,
    RULE,
    Figure,
    Story,
    held,
    in_time,
    month,
    quarter,
    year,
)
from tests.spec import ACME, BETA, but, instant, share

INFO, WARNING, CRITICAL, URGENT = AlertSeverity
MISSING = AlertKind.MISSING_ACTUAL
MILLION = 1_000_000
FINE, SO_SO, WARNS, CRITICAL_MISS, URGENT_MISS = 950_000, 915_000, 880_000, 700_000, 500_000
"""Of a million: clear, between the thresholds and where they clear, and on each rung of the default ladder."""
PERSISTENT = but(RULE, persistence=2, persistence_window=3)


def planned(*rules: AlertRuleSet, periods: tuple[Period, ...] = QUARTERS) -> Story:
    """A story in which a million a period is planned before the year begins."""
    return Story(*(rules or (RULE,))).plans(dict.fromkeys(periods, MILLION))


def acknowledged(story: Story, kind: AlertKind = AlertKind.VARIANCE) -> Story:
    return story.tell(AlertAcknowledged(story.alert(kind).id, ACME, REVENUE))


def snoozed(story: Story, until: str, kind: AlertKind = AlertKind.VARIANCE) -> Story:
    return story.tell(AlertSnoozed(story.alert(kind).id, ACME, REVENUE, instant(until)))


def by_hand(story: Story, kind: AlertKind = AlertKind.VARIANCE) -> Story:
    return story.tell(resolve(story.book, story.alert(kind).id, "Known."))


def status(story: Story, kind: AlertKind = AlertKind.VARIANCE) -> AlertStatus:
    return story.book.status(story.alert(kind), story.now)


def opened(figure: Figure = CRITICAL_MISS, *rules: AlertRuleSet) -> Story:
    """A story in which the first quarter's miss has opened an alert."""
    story = planned(*rules).reports(Q1, figure)
    (first,) = story.assess()
    assert first.startswith("OPENED")
    return story


def test_a_miss_opens_an_alert_and_people_are_told() -> None:
    story = planned().reports(Q1, CRITICAL_MISS)
    assert story.assess() == ["OPENED CRITICAL, told"]
    (decided,) = story.decided
    assert decided.occurred_at is None
    assert decided.event == AlertRaised(
        alert_id=alert_id("rule", ACME, REVENUE, AlertKind.VARIANCE, Q1, None),
        rule_id="rule",
        rule_version=1,
        company_id=ACME,
        metric_type=REVENUE,
        kind=AlertKind.VARIANCE,
        change=AlertChange.OPENED,
        severity=CRITICAL,
        figures=AlertFigures(
            date(2025, 1, 1),
            date(2025, 3, 31),
            VarianceStatus.OK,
            forecast=Decimal(MILLION),
            actual=Decimal(700_000),
            variance=Decimal(-300_000),
            percent=Decimal(-30),
            favourable=False,
            flags=(),
            forecast_version=2,
            actual_version=3,
        ),
        occurrences=1,
        notifies=True,
        rung=DEFAULT_LADDER[1],
        follows=None,
    )


def test_an_alerts_id_is_that_of_its_rule_company_metric_kind_period_and_predecessor() -> None:
    ids = {
        alert_id("a", "b", "c", "d", Q1, None),
        alert_id("b", "b", "c", "d", Q1, None),
        alert_id("a", "c", "c", "d", Q1, None),
        alert_id("a", "b", "d", "d", Q1, None),
        alert_id("a", "b", "c", "e", Q1, None),
        alert_id("a", "b", "c", "d", Q2, None),
        alert_id("a", "b", "c", "d", Q1, "before"),
        alert_id("ab", "", "c", "d", Q1, None),
    }
    assert len(ids) == 8
    assert {len(one) for one in ids} == {32}
    assert alert_id("a", "b", "c", "d", Q1, None) in ids


@pytest.mark.parametrize("figure", [FINE, SO_SO, MILLION, 1_600_000])
def test_what_is_no_miss_opens_nothing(figure: int) -> None:
    story = planned().reports(Q1, figure)
    assert story.assess() == []


def test_upside_opens_an_alert_of_a_rule_that_asks_for_it_only() -> None:
    story = planned(RULE, but(RULE, rule_id="upside", name="Upside", direction=VarianceDirection.FAVOURABLE))
    story.reports(Q1, 1_600_000)
    assert story.assess() == ["OPENED URGENT, told"]
    assert story.alert(rule_id="upside").severity is URGENT


def test_a_figure_without_a_forecast_is_no_alert() -> None:
    assert Story(RULE).reports(Q1, 1).assess() == []


def test_each_company_and_metric_has_an_alert_of_its_own() -> None:
    story = planned(but(RULE, metrics=(REVENUE, MetricType.ARR)))
    story.plans({Q1: MILLION}, metric=MetricType.ARR)
    story.records.plan({Q1: MILLION}, company=BETA)
    story.reports(Q1, CRITICAL_MISS).reports(Q1, WARNS, metric=MetricType.ARR)
    story.records.report(Q1, URGENT_MISS, company=BETA)
    assert story.assess() == ["OPENED CRITICAL, told"]
    assert story.assess(metric=MetricType.ARR) == ["OPENED WARNING, told"]
    assert story.assess(company=BETA) == ["OPENED URGENT, told"]
    assert len(story.book.alerts) == 3


def test_rules_on_the_same_figure_alert_apart() -> None:
    strict = but(RULE, rule_id="strict", name="Strict", ladder=(AlertRung(URGENT, Decimal(1)),))
    story = planned(RULE, strict).reports(Q1, WARNS)
    assert story.assess() == ["OPENED WARNING, told", "OPENED URGENT, told"]


def test_rules_that_choose_forecasts_alike_share_one_comparison() -> None:
    story = planned(RULE, but(RULE, rule_id="twin", name="Twin"), but(RULE, rule_id="lock", name="Lock"))
    story.set(but(RULE, rule_id="lock", name="Lock", forecast_policy=ForecastPolicy.BUDGET_LOCK))
    story.reports(Q1, CRITICAL_MISS)
    asked = []

    def counted(series: Series, basis: Basis, calendar: Calendar) -> list[Variance]:
        asked.append(basis.policy)
        return compare(series, basis, calendar)

    assert len(assess(story.book, story.records.of(), story.fund, story.calendar, counted)) == 2
    assert asked == [ForecastPolicy.LATEST_AT_PERIOD_START, ForecastPolicy.BUDGET_LOCK]


def test_a_later_breach_goes_on_with_the_same_alert() -> None:
    story = opened(CRITICAL_MISS)
    first = story.alert()
    assert story.reports(Q2, CRITICAL_MISS).assess() == ["REPEATED CRITICAL, told"]
    alert = story.alert()
    assert (alert.id, alert.occurrences, alert.figures.period, alert.created_at) == (first.id, 2, Q2, first.created_at)


def test_a_later_figure_that_is_fine_ends_the_alert() -> None:
    story = opened().reports(Q2, FINE)
    assert story.assess() == ["RESOLVED AUTOMATIC, told"]
    alert = story.alert()
    assert (alert.live, alert.resolution, alert.resolved_at) == (False, AlertResolution.AUTOMATIC, story.now)
    assert alert.figures.period == Q1
    assert alert.ended_by is not None
    assert (alert.ended_by.period, alert.ended_by.actual) == (Q2, Decimal(FINE))


def test_between_its_thresholds_and_where_they_clear_an_alert_stays_as_it_is() -> None:
    story = opened().reports(Q2, SO_SO)
    assert story.assess() == []
    assert story.reports(Q3, 920_000).assess() == []
    assert (story.alert().stage, story.alert().figures.period) == (AlertStatus.OPEN, Q1)
    assert story.reports(Q4, 920_001).assess() == ["RESOLVED AUTOMATIC, told"]


def test_the_next_breach_after_an_alert_is_over_begins_one_that_follows_it() -> None:
    story = opened()
    first = story.alert()
    story.reports(Q2, FINE).assess()
    assert story.reports(Q3, WARNS).assess() == ["OPENED WARNING, told"]
    second = story.alert()
    assert (second.follows, second.occurrences, second.peak_severity) == (first.id, 1, WARNING)
    assert second.id != first.id
    assert not story.book.alerts[first.id].live


def test_several_figures_at_once_are_walked_through_in_their_order() -> None:
    story = planned().reports(Q1, CRITICAL_MISS).reports(Q2, FINE).reports(Q3, WARNS).reports(Q4, URGENT_MISS)
    assert story.assess() == [
        "OPENED CRITICAL, told",
        "RESOLVED AUTOMATIC, told",
        "OPENED WARNING, told",
        "WORSENED URGENT, told",
    ]
    assert (story.alert().severity, story.alert().occurrences) == (URGENT, 2)


def test_worse_than_people_were_told_is_told_at_once() -> None:
    story = opened(WARNS, but(RULE, cooldown_minutes=527_040))
    assert story.reports(Q2, CRITICAL_MISS).assess() == ["WORSENED CRITICAL, told"]
    assert story.reports(Q3, URGENT_MISS).assess() == ["WORSENED URGENT, told"]
    alert = story.alert()
    assert (alert.severity, alert.peak_severity, alert.told_severity) == (URGENT, URGENT, URGENT)


def test_a_milder_breach_is_no_news_within_the_cooldown_and_nor_is_the_old_severity_again() -> None:
    story = opened(URGENT_MISS, but(RULE, cooldown_minutes=527_040))
    assert story.reports(Q2, WARNS).assess() == ["UPDATED WARNING, quiet"]
    assert story.reports(Q3, URGENT_MISS).assess() == ["UPDATED URGENT, quiet"]
    assert story.reports(Q4, WARNS).assess() == ["UPDATED WARNING, quiet"]
    alert = story.alert()
    assert (alert.severity, alert.peak_severity, alert.occurrences) == (WARNING, URGENT, 4)


def test_told_at_a_milder_severity_after_the_cooldown_a_worse_one_is_told_again() -> None:
    story = opened(URGENT_MISS)
    assert story.reports(Q2, WARNS).assess() == ["REPEATED WARNING, told"]
    assert story.reports(Q3, URGENT_MISS).assess() == ["WORSENED URGENT, told"]


DAYS = tuple(Period(day, day) for day in (date(2025, 1, 10) + timedelta(days=n) for n in range(12)))
HOURLY = but(RULE, cooldown_minutes=60)
EVERY_HALF_HOUR = ["OPENED CRITICAL, told", *["UPDATED CRITICAL, quiet", "REPEATED CRITICAL, told"] * 5]


def test_a_breach_every_half_hour_with_an_hours_cooldown_is_told_every_hour() -> None:
    story = planned(HOURLY, periods=DAYS).at("2025-01-22T08:00:00")
    found = []
    for period in DAYS[:11]:
        found += story.later(minutes=30).reports(period, CRITICAL_MISS, story.now).assess()
    assert found == EVERY_HALF_HOUR


def test_a_figure_restated_every_half_hour_with_an_hours_cooldown_is_told_every_hour() -> None:
    story = planned(HOURLY).reports(Q1, CRITICAL_MISS)
    found = story.assess()
    for step in range(1, 11):
        found += story.later(minutes=30).restates(Q1, CRITICAL_MISS - step, story.now).assess()
    assert found == EVERY_HALF_HOUR
    assert story.alert().occurrences == 11


def test_without_a_cooldown_every_breach_is_told() -> None:
    story = planned(but(RULE, cooldown_minutes=0), periods=DAYS).at("2025-01-22T08:00:00")
    found = [line for period in DAYS[:4] for line in story.reports(period, CRITICAL_MISS, story.now).assess()]
    assert found == ["OPENED CRITICAL, told", *["REPEATED CRITICAL, told"] * 3]


def test_below_its_persistence_a_breach_is_pending_and_nobody_is_told() -> None:
    story = planned(PERSISTENT).reports(Q1, CRITICAL_MISS)
    assert story.assess() == ["PENDING CRITICAL, quiet"]
    alert = story.alert()
    assert (alert.stage, alert.live, alert.told_at) == (AlertStatus.PENDING, True, None)


@pytest.mark.parametrize("between", [None, FINE])
def test_two_breaches_in_three_figures_open_an_alert(between: int | None) -> None:
    story = planned(PERSISTENT).reports(Q1, CRITICAL_MISS)
    story.assess()
    pending = story.alert()
    if between is None:
        assert story.reports(Q2, WARNS).assess() == ["OPENED WARNING, told"]
        assert (story.alert().id, story.alert().occurrences) == (pending.id, 2)
    else:
        assert story.reports(Q2, between).assess() == ["RESOLVED AUTOMATIC, quiet"]
        assert story.reports(Q3, WARNS).assess() == ["OPENED WARNING, told"]
        assert story.alert().follows == pending.id


def test_a_breach_outside_the_window_counts_no_more() -> None:
    story = planned(PERSISTENT).reports(Q1, CRITICAL_MISS)
    story.assess()
    story.reports(Q2, FINE).assess()
    assert story.reports(Q3, FINE).assess() == []
    assert story.reports(Q4, CRITICAL_MISS).assess() == ["PENDING CRITICAL, quiet"]


def test_a_pending_alert_goes_on_pending_until_it_has_breached_often_enough() -> None:
    story = planned(but(RULE, persistence=3, persistence_window=3))
    assert [story.reports(period, WARNS).assess() for period in (Q1, Q2, Q3)] == [
        ["PENDING WARNING, quiet"],
        ["PENDING WARNING, quiet"],
        ["OPENED WARNING, told"],
    ]
    assert story.alert().occurrences == 3


def test_months_and_quarters_are_counted_apart() -> None:
    march = month(2025, 3)
    story = planned(PERSISTENT, periods=(march, Q1, Q2))
    assert story.reports(march, CRITICAL_MISS).assess() == ["PENDING CRITICAL, quiet"]
    # The quarter's first breach, though the month's is right before it.
    assert story.reports(Q1, CRITICAL_MISS).assess() == ["PENDING CRITICAL, quiet"]
    assert story.reports(Q2, CRITICAL_MISS).assess() == ["OPENED CRITICAL, told"]


def test_once_open_an_alert_needs_no_persistence() -> None:
    story = planned(but(PERSISTENT, persistence_window=2))
    story.reports(Q1, WARNS).assess()
    story.reports(Q2, WARNS).assess()
    story.reports(Q3, SO_SO).assess()
    assert story.reports(Q4, WARNS).assess() == ["REPEATED WARNING, told"]


def test_acknowledged_an_alert_says_who_is_on_it() -> None:
    story = acknowledged(opened())
    assert (status(story), story.alert().acknowledged_by) == (AlertStatus.ACKNOWLEDGED, "ann")


def test_a_new_breach_leaves_an_acknowledged_alert_acknowledged() -> None:
    story = acknowledged(opened())
    assert story.reports(Q2, CRITICAL_MISS).assess() == ["REPEATED CRITICAL, told"]
    assert (status(story), story.alert().acknowledged_by) == (AlertStatus.ACKNOWLEDGED, "ann")


def test_worse_than_when_it_was_acknowledged_an_alert_waits_for_somebody_again() -> None:
    story = acknowledged(opened())
    assert story.reports(Q2, URGENT_MISS).assess() == ["WORSENED URGENT, told"]
    assert (status(story), story.alert().acknowledged_by) == (AlertStatus.OPEN, None)


def test_a_snoozed_alert_is_quiet_until_it_has_slept() -> None:
    story = snoozed(opened(), "2025-10-01")
    assert status(story) is AlertStatus.SNOOZED
    assert story.reports(Q2, CRITICAL_MISS).assess() == ["UPDATED CRITICAL, quiet"]
    story.at("2025-09-30T23:59:59")
    assert status(story) is AlertStatus.SNOOZED
    story.at("2025-10-01")
    assert status(story) is AlertStatus.OPEN
    assert story.reports(Q3, CRITICAL_MISS).assess() == ["REPEATED CRITICAL, told"]


def test_a_snoozed_alert_wakes_once_it_is_worse() -> None:
    story = snoozed(opened(), "2025-12-01")
    assert story.reports(Q2, URGENT_MISS).assess() == ["WORSENED URGENT, told"]
    assert (status(story), story.alert().snoozed_until) == (AlertStatus.OPEN, None)


def test_a_snoozed_alert_ends_quietly() -> None:
    story = snoozed(opened(), "2025-12-01").reports(Q2, FINE)
    assert story.assess() == ["RESOLVED AUTOMATIC, quiet"]
    assert status(story) is AlertStatus.RESOLVED


def test_resolved_by_hand_an_alert_is_over_whatever_its_figure_says() -> None:
    story = by_hand(opened())
    alert = story.alert()
    assert (alert.stage, alert.resolution, alert.reason) == (
        AlertStatus.RESOLVED,
        AlertResolution.MANUAL,
        "Known.",
    )
    assert story.later(days=30).assess("2025-05-20") == []


def test_after_an_alert_was_resolved_by_hand_the_next_breach_begins_another() -> None:
    story = by_hand(opened())
    first = story.alert().id
    assert story.reports(Q2, CRITICAL_MISS).assess() == ["OPENED CRITICAL, told"]
    assert story.alert().follows == first


def test_resolved_by_hand_an_alert_reopens_when_its_figure_is_restated_and_still_bad() -> None:
    story = by_hand(opened())
    assert story.restates(Q1, 710_000).assess() == ["REOPENED CRITICAL, told"]


def test_a_figure_restated_for_the_better_ends_the_alert() -> None:
    story = opened().restates(Q1, FINE)
    assert story.assess() == ["RESOLVED RESTATED, told"]
    ended_by = story.alert().ended_by
    assert ended_by is not None
    assert (ended_by.actual, ended_by.flags) == (Decimal(FINE), (RESTATED,))


def test_a_figure_restated_for_the_worse_is_told_at_once() -> None:
    story = opened(WARNS).restates(Q1, URGENT_MISS, in_time(Q1, 20) + timedelta(hours=1))
    assert story.assess() == ["WORSENED URGENT, told"]
    assert (story.alert().occurrences, story.alert().figures.actual) == (2, Decimal(URGENT_MISS))


def test_a_figure_restated_between_breach_and_clear_keeps_the_alert_as_bad_as_it_was() -> None:
    story = opened().restates(Q1, SO_SO)
    assert story.assess() == ["UPDATED CRITICAL, quiet"]
    alert = story.alert()
    assert (alert.severity, alert.rung, alert.figures.actual) == (CRITICAL, None, Decimal(SO_SO))


def test_an_alert_reopens_when_the_figure_that_ended_it_is_restated_and_bad_after_all() -> None:
    story = opened()
    first = story.alert()
    story.reports(Q2, FINE).assess()
    assert story.restates(Q2, WARNS).assess() == ["REOPENED WARNING, told"]
    alert = story.alert()
    assert (alert.id, alert.stage, alert.figures.period, alert.occurrences) == (first.id, AlertStatus.OPEN, Q2, 2)
    assert (alert.resolution, alert.resolved_at, alert.ended_by, alert.peak_severity) == (None, None, None, CRITICAL)


def test_an_alert_does_not_reopen_when_the_figure_that_ended_it_is_restated_and_still_fine() -> None:
    story = opened().reports(Q2, FINE)
    story.assess()
    assert story.restates(Q2, MILLION).assess() == []
    assert story.restates(Q2, SO_SO).assess() == []


def test_an_alert_does_not_reopen_for_a_figure_before_the_one_that_ended_it() -> None:
    story = opened().reports(Q2, FINE)
    story.assess()
    assert story.restates(Q1, URGENT_MISS).assess() == []


def test_reopened_by_an_old_figure_an_alert_comes_and_goes_quietly() -> None:
    story = opened().reports(Q2, FINE)
    story.assess()
    story.reports(Q3, FINE).assess()
    assert story.restates(Q2, WARNS).assess() == ["REOPENED WARNING, quiet", "RESOLVED AUTOMATIC, quiet"]


def test_reopened_quietly_an_alert_is_first_told_with_its_next_breach() -> None:
    story = opened(CRITICAL_MISS, but(RULE, cooldown_minutes=527_040)).reports(Q2, FINE)
    story.assess()
    story.reports(Q3, SO_SO).assess()
    assert story.restates(Q2, WARNS).assess() == ["REOPENED WARNING, quiet"]
    assert (story.alert().told_at, story.alert().told_severity) == (None, None)
    assert story.reminds("2025-12-31") == []
    assert story.reports(Q4, WARNS).assess() == ["OPENED WARNING, told"]


def test_reopening_needs_its_persistence_too() -> None:
    story = planned(PERSISTENT)
    for period in (Q1, Q2):
        story.reports(period, WARNS).assess()
    story.reports(Q3, FINE).assess()
    assert story.alert().stage is AlertStatus.RESOLVED
    assert story.restates(Q3, WARNS).assess() == ["REOPENED WARNING, told"]
    rarer = planned(but(RULE, persistence=3, persistence_window=3)).reports(Q1, WARNS)
    rarer.assess()
    rarer.reports(Q2, FINE).assess()
    assert rarer.restates(Q2, WARNS).assess() == []


def test_a_voided_figure_ends_its_alert() -> None:
    story = opened()
    assert story.voids(story.version_of(Q1)).assess() == ["RESOLVED RESTATED, told"]
    alert = story.alert()
    assert (alert.ended_by, alert.reason) == (None, "The figure or its forecast was withdrawn.")


def test_of_a_series_of_which_nothing_is_left_the_alert_ends() -> None:
    story = opened()
    story.voids(story.version_of(Q1)).voids(2)
    assert story.records.of() == Series(ACME, REVENUE)
    assert story.assess() == ["RESOLVED RESTATED, told"]


def test_a_voided_forecast_ends_the_alert_of_its_figure() -> None:
    assert opened().voids(2).assess() == ["RESOLVED RESTATED, told"]


def test_a_voided_forecast_that_leaves_an_older_one_is_rated_against_that() -> None:
    story = Story(RULE).plans({Q1: 720_000}, "2024-12-10").plans({Q1: MILLION}).reports(Q1, CRITICAL_MISS)
    assert story.assess() == ["OPENED CRITICAL, told"]
    assert story.voids(3).assess() == ["RESOLVED RESTATED, told"]
    assert story.alert().ended_by == but(
        story.alert().figures,
        forecast=Decimal(720_000),
        variance=Decimal(-20_000),
        percent=Decimal("-2.777778"),
        forecast_version=2,
    )


def test_after_a_voided_figure_the_breach_before_it_is_what_the_alert_is_about() -> None:
    story = opened(WARNS)
    story.reports(Q2, CRITICAL_MISS).assess()
    assert story.voids(story.version_of(Q2), story.now + timedelta(hours=1)).assess() == ["UPDATED WARNING, quiet"]
    alert = story.alert()
    assert (alert.figures.period, alert.severity, alert.peak_severity) == (Q1, WARNING, CRITICAL)


def test_an_alert_reopens_when_the_figure_that_ended_it_is_voided() -> None:
    story = opened().reports(Q2, FINE)
    story.assess()
    assert story.voids(story.version_of(Q2)).assess() == ["REOPENED CRITICAL, told"]
    assert story.alert().figures.period == Q1


def test_an_alert_stays_over_when_the_figure_that_ended_it_is_voided_and_a_later_one_is_fine() -> None:
    story = opened().reports(Q2, FINE)
    story.assess()
    story.reports(Q3, FINE).assess()
    # The figure voided is missing now; the alert that it ended stays over.
    assert story.voids(story.version_of(Q2)).assess() == ["OPENED MISSING INFO, told"]
    assert status(story) is AlertStatus.RESOLVED


def test_a_breach_after_the_figure_that_ended_an_alert_was_voided_begins_another() -> None:
    story = opened().reports(Q2, FINE)
    story.assess()
    story.reports(Q3, FINE).assess()
    story.voids(story.version_of(Q2)).assess()
    first = story.alert().id
    assert story.reports(Q4, WARNS).assess() == ["OPENED WARNING, told"]
    assert story.alert().follows == first


def test_a_voided_restatement_brings_the_alert_back() -> None:
    story = opened().restates(Q1, FINE)
    story.assess()
    assert story.voids(story.version_of(Q1)).assess() == ["REOPENED CRITICAL, told"]


def test_an_alert_resolved_by_hand_stays_over_when_its_figure_is_voided() -> None:
    story = by_hand(opened())
    assert story.voids(story.version_of(Q1)).assess() == []


def test_a_figure_reported_anew_after_a_void_reopens_the_alert() -> None:
    story = opened()
    story.voids(story.version_of(Q1)).assess()
    assert story.reports(Q1, URGENT_MISS, "2025-05-01").assess() == ["REOPENED URGENT, told"]


def test_while_its_rule_is_paused_an_alert_is_suppressed_and_nothing_is_rated() -> None:
    story = opened().set(but(RULE, enabled=False), "2025-05-01")
    assert status(story) is AlertStatus.SUPPRESSED
    assert story.reports(Q2, URGENT_MISS).assess() == []
    assert story.reminds("2025-08-01") == []


def test_a_paused_rules_finished_alert_is_over_all_the_same() -> None:
    story = by_hand(opened()).set(but(RULE, enabled=False))
    assert status(story) is AlertStatus.RESOLVED


def test_back_from_a_pause_a_rule_takes_in_the_newest_figure_and_tells_nobody() -> None:
    story = opened(WARNS).set(but(RULE, enabled=False), "2025-05-01")
    story.reports(Q2, FINE).assess()
    story.reports(Q3, URGENT_MISS).assess()
    assert story.set(RULE).assess() == ["WORSENED URGENT, quiet"]
    assert status(story) is AlertStatus.OPEN
    assert story.reports(Q4, URGENT_MISS).assess() == ["WORSENED URGENT, told"]


def test_a_rule_made_laxer_ends_the_alert() -> None:
    story = opened(WARNS).set(but(RULE, ladder=DEFAULT_LADDER[1:]), "2025-05-01")
    assert story.assess() == ["RESOLVED RULE_CHANGED, told"]


def test_a_rule_made_stricter_makes_the_alert_worse_and_tells_nobody() -> None:
    story = opened(WARNS).set(but(RULE, ladder=(AlertRung(URGENT, Decimal(10)),)), "2025-05-01")
    assert story.assess() == ["WORSENED URGENT, quiet"]
    assert story.alert().rule_version == story.book.rules["rule"].version


@pytest.mark.parametrize("changes", [{"name": "Other"}, {"cooldown_minutes": 5}, {"ladder": DEFAULT_LADDER[:2]}])
def test_a_rule_changed_without_bearing_on_the_figure_changes_no_alert(changes: dict[str, object]) -> None:
    story = opened().set(but(RULE, **changes), "2025-05-01")
    assert story.assess() == []
    assert story.alert().rule_version == 1


def test_a_rule_that_asks_for_fewer_breaches_opens_what_was_pending_and_tells_nobody() -> None:
    story = planned(PERSISTENT).reports(Q1, CRITICAL_MISS)
    story.assess()
    assert story.set(RULE, "2025-05-01").assess() == ["OPENED CRITICAL, quiet"]
    assert story.reports(Q2, CRITICAL_MISS).assess() == ["OPENED CRITICAL, told"]


def test_a_retired_rules_alert_ends_quietly_and_for_good() -> None:
    story = opened().set(but(RULE, retired=True), "2025-05-01")
    assert story.assess() == ["RESOLVED RULE_RETIRED, quiet"]
    assert story.reports(Q2, URGENT_MISS).assess() == []


@pytest.mark.parametrize(
    "out",
    [
        {"status": CompanyStatus.EXITED},
        {"status": CompanyStatus.WRITTEN_OFF},
        {"stage": "Series A"},
    ],
    ids=["exited", "written off", "another stage"],
)
def test_an_alert_ends_quietly_once_the_company_is_out_of_the_rules_scope(out: dict[str, object]) -> None:
    story = opened(CRITICAL_MISS, but(RULE, stages=("Seed",)))
    story.later(days=10).assess("2025-05-20")
    story.fund = but(story.fund, companies={ACME: but(story.fund.companies[ACME], **out)})
    assert story.assess() == ["RESOLVED OUT_OF_SCOPE, quiet"]
    assert story.reports(Q2, URGENT_MISS).assess() == []


def test_an_alert_ends_once_its_rule_names_other_companies_or_figures_or_the_company_is_gone() -> None:
    for changes in ({"company_ids": (BETA,)}, {"metrics": (MetricType.ARR,)}):
        assert opened().set(but(RULE, **changes)).assess() == ["RESOLVED OUT_OF_SCOPE, quiet"]
    story = opened()
    story.fund = held(BETA)
    assert story.assess() == ["RESOLVED OUT_OF_SCOPE, quiet"]


def test_a_rule_changed_so_that_the_newest_figure_breaches_again_opens_a_quiet_alert_that_follows_the_last() -> None:
    story = opened().set(but(RULE, company_ids=(BETA,)), "2025-05-01")
    story.assess()
    first = story.alert().id
    assert story.set(RULE, "2025-05-02").assess() == ["OPENED CRITICAL, quiet"]
    assert story.alert().follows == first
    assert story.assess() == []


def test_a_changed_rule_leaves_over_what_somebody_ended() -> None:
    story = by_hand(opened())
    assert story.set(but(RULE, name="Renamed"), "2025-05-02").assess() == []


def test_of_what_was_reported_before_a_rule_was_set_only_the_newest_figure_counts_and_nobody_is_told() -> None:
    story = Story().plans(dict.fromkeys(QUARTERS, MILLION))
    story.reports(Q1, URGENT_MISS).reports(Q2, CRITICAL_MISS)
    story.set(RULE, "2025-09-01")
    assert story.assess() == ["OPENED CRITICAL, quiet"]
    assert story.alert().occurrences == 1
    assert story.reports(Q3, CRITICAL_MISS).assess() == ["OPENED CRITICAL, told"]


def test_a_rule_set_when_the_newest_figure_is_fine_opens_nothing() -> None:
    story = Story().plans(dict.fromkeys(QUARTERS, MILLION)).reports(Q1, URGENT_MISS).reports(Q2, FINE)
    assert story.set(RULE, "2025-09-01").assess() == []


def test_an_acknowledged_alert_that_nobody_was_told_of_is_told_with_its_next_breach() -> None:
    story = Story().plans(dict.fromkeys(QUARTERS, MILLION)).reports(Q1, CRITICAL_MISS)
    story.set(RULE, "2025-05-01").assess()
    acknowledged(story)
    assert story.reports(Q2, CRITICAL_MISS).assess() == ["REPEATED CRITICAL, told"]
    assert status(story) is AlertStatus.ACKNOWLEDGED


def test_a_newer_forecast_of_a_reported_figure_is_news_too() -> None:
    later = but(RULE, forecast_policy=ForecastPolicy.LATEST_AT_EFFECTIVE_DATE)
    story = Story(later).plans({Q1: MILLION}).reports(Q1, FINE)
    assert story.assess() == []
    story.records.plan({Q1: 2 * MILLION}, "2025-04-25", made="2025-03-31")
    assert story.assess("2025-04-25") == ["OPENED URGENT, told"]


def history(story: Story, figures: dict[Period, int], when: str, request: str = "import") -> Story:
    """Reports of one import, each dated twenty days after its period."""
    for period, figure in figures.items():
        story.reports(period, figure, when, reported=in_time(period), request=request)
    return story


YEARS = tuple(quarter(2023 + n // 4, n % 4 + 1) for n in range(8))


def with_years(*rules: AlertRuleSet) -> Story:
    return Story(*(rules or (RULE,)), set_at="2022-12-01").plans(dict.fromkeys(YEARS, MILLION), "2022-12-15")


def test_years_of_history_at_once_are_rated_and_told_to_nobody() -> None:
    story = history(with_years(), dict.fromkeys(YEARS, URGENT_MISS), "2025-01-25")
    assert story.assess() == ["OPENED URGENT, quiet", *["UPDATED URGENT, quiet"] * 7]
    alert = story.alert()
    assert (alert.occurrences, alert.told_at, alert.figures.period) == (8, None, YEARS[-1])
    assert BACKFILL in alert.figures.flags


def test_history_is_dated_when_it_was_reported() -> None:
    figures = {YEARS[0]: WARNS, YEARS[1]: FINE, YEARS[2]: CRITICAL_MISS, YEARS[7]: FINE}
    story = Story(RULE, set_at="2022-12-01").plans(dict.fromkeys(figures, MILLION), "2022-12-15")
    assert history(story, figures, "2025-01-25").assess() == [
        "OPENED WARNING, quiet",
        "RESOLVED AUTOMATIC, quiet",
        "OPENED CRITICAL, quiet",
        "RESOLVED AUTOMATIC, quiet",
    ]
    assert [one.occurred_at for one in story.decided] == [in_time(period) for period in figures]
    over = story.alert()
    assert (over.created_at, over.resolved_at) == (in_time(YEARS[2]), in_time(YEARS[7]))


def test_history_is_dated_no_earlier_than_its_rule() -> None:
    story = Story(set_at="2022-12-01").plans(dict.fromkeys(YEARS, MILLION), "2022-12-15").set(RULE, "2024-06-01")
    history(story, {one: WARNS if one < YEARS[6] else FINE for one in YEARS}, "2025-01-25").assess()
    assert [one.occurred_at for one in story.decided] == [
        *[instant("2024-06-01")] * 5,
        in_time(YEARS[5]),
        in_time(YEARS[6]),
    ]


def test_history_reported_only_now_is_dated_now() -> None:
    story = planned(periods=(Q1,)).reports(Q1, CRITICAL_MISS, "2025-12-01")
    assert story.assess() == ["OPENED CRITICAL, quiet"]
    assert [one.occurred_at for one in story.decided] == [None]


def test_a_figure_reported_months_late_is_raised_and_told_to_nobody() -> None:
    story = planned(periods=(Q1,)).reports(Q1, CRITICAL_MISS, "2025-12-01", reported="2025-04-20")
    assert story.assess() == ["OPENED CRITICAL, quiet"]
    assert [one.occurred_at for one in story.decided] == [instant("2025-04-20")]


def test_a_figure_behind_a_later_period_is_raised_and_told_to_nobody() -> None:
    story = planned().reports(Q2, SO_SO, "2025-07-10")
    assert story.assess() == ["OPENED MISSING INFO, told"]
    story.reports(Q1, CRITICAL_MISS, "2025-07-11", reported="2025-04-20")
    assert story.assess() == ["OPENED CRITICAL, quiet", "RESOLVED AUTOMATIC, told"]
    assert [one.occurred_at for one in story.decided] == [instant("2025-04-20"), None]
    assert story.alert().figures.flags == (BACKFILL,)


def test_history_that_is_fine_in_the_end_leaves_an_alert_that_is_over() -> None:
    story = planned().reports(Q2, FINE, "2025-07-10").reports(Q1, CRITICAL_MISS, "2025-07-11")
    assert story.assess() == ["OPENED CRITICAL, quiet", "RESOLVED AUTOMATIC, quiet"]


def test_a_breach_after_history_is_the_first_that_people_hear_of_it() -> None:
    story = history(with_years(), dict.fromkeys(YEARS, WARNS), "2025-01-25")
    story.assess()
    story.records.plan({Q1: MILLION}, "2024-12-15")
    assert story.reports(Q1, WARNS).assess() == ["OPENED WARNING, told"]
    assert (story.alert().occurrences, story.alert().told_severity) == (9, WARNING)


def test_history_that_makes_an_alert_worse_is_told_to_nobody_but_the_next_figure_as_bad_is() -> None:
    rule = but(RULE, cooldown_minutes=527_040)
    story = with_years(rule).reports(YEARS[0], WARNS)
    assert story.assess() == ["OPENED WARNING, told"]
    history(story, dict.fromkeys(YEARS[1:7], CRITICAL_MISS), "2024-10-10")
    assert story.assess() == ["WORSENED CRITICAL, quiet"] * 6
    assert story.alert().told_severity is WARNING
    assert story.reports(YEARS[7], CRITICAL_MISS).assess() == ["WORSENED CRITICAL, told"]


def test_an_alert_that_history_ends_is_over_and_nobody_is_told() -> None:
    story = with_years().reports(YEARS[0], WARNS)
    story.assess()
    assert history(story, dict.fromkeys(YEARS[1:], FINE), "2025-01-25").assess() == ["RESOLVED AUTOMATIC, quiet"]


def test_a_figure_overdue_is_told_once_by_the_oldest_rule_that_covers_it() -> None:
    story = planned(but(RULE, metrics=(MetricType.ARR,), rule_id="arr", name="ARR"), RULE)
    story.set(but(RULE, rule_id="younger", name="Younger"))
    assert story.assess("2025-05-14T23:59:59") == []
    assert story.assess("2025-05-15") == ["OPENED MISSING INFO, told"]
    alert = story.alert(MISSING)
    assert (alert.rule_id, alert.figures.period, alert.figures.status) == ("rule", Q1, VarianceStatus.MISSING_ACTUAL)
    assert (alert.figures.actual, alert.figures.variance, alert.rung) == (None, None, None)
    assert story.assess("2025-06-15") == []


def test_a_figure_is_overdue_by_the_funds_own_days() -> None:
    story = Story(RULE, zone=ZoneInfo("America/Los_Angeles")).plans({Q1: MILLION})
    assert story.assess("2025-05-15T06:59:59") == []
    assert story.assess("2025-05-15T07:00:00") == ["OPENED MISSING INFO, told"]


def test_a_missing_figure_that_comes_ends_its_notice_and_is_rated_by_itself() -> None:
    story = planned()
    story.assess("2025-05-15")
    assert story.reports(Q1, CRITICAL_MISS, "2025-05-20").assess() == [
        "OPENED CRITICAL, told",
        "RESOLVED AUTOMATIC, told",
    ]
    assert (status(story, MISSING), story.alert(MISSING).reason) == (AlertStatus.RESOLVED, "The figure came.")
    assert status(story) is AlertStatus.OPEN


def test_a_missing_figure_is_no_zero_and_ends_no_other_alert() -> None:
    story = opened()
    assert story.assess("2025-08-13") == []
    assert story.assess("2025-08-14") == ["OPENED MISSING INFO, told"]
    assert (status(story), story.alert().occurrences) == (AlertStatus.OPEN, 1)


def test_what_was_due_before_the_rule_was_set_is_noticed_and_told_to_nobody() -> None:
    story = Story().plans(dict.fromkeys(QUARTERS, MILLION)).set(RULE, "2025-05-01")
    assert story.assess("2025-05-15") == ["OPENED MISSING INFO, quiet"]
    assert story.assess("2025-08-14") == ["OPENED MISSING INFO, told"]
    assert (story.alert(MISSING).figures.period, story.alert(MISSING).occurrences) == (Q2, 2)


def test_what_was_due_a_moment_after_the_rule_was_set_is_told() -> None:
    story = Story().plans({Q1: MILLION}).set(RULE, "2025-04-30T23:59:59")
    assert story.assess("2025-05-15") == ["OPENED MISSING INFO, told"]


def test_several_figures_overdue_before_the_rule_are_one_quiet_notice() -> None:
    story = Story().plans(dict.fromkeys(QUARTERS, MILLION)).set(RULE, "2025-12-01")
    assert story.assess() == ["OPENED MISSING INFO, quiet"]
    assert story.alert(MISSING).figures.period == Q3
    story.set(but(RULE, name="Renamed"), "2026-03-01")
    assert story.assess() == ["UPDATED MISSING INFO, quiet"]
    assert story.alert(MISSING).figures.period == Q4


def test_the_next_figure_missing_goes_on_with_the_notice() -> None:
    story = planned()
    story.assess("2025-05-15")
    first = story.alert(MISSING).id
    assert story.assess("2025-08-14") == ["REPEATED MISSING INFO, told"]
    alert = story.alert(MISSING)
    assert (alert.id, alert.occurrences, alert.figures.period) == (first, 2, Q2)


def test_the_next_figure_missing_within_the_cooldown_is_told_to_nobody() -> None:
    story = planned(but(RULE, cooldown_minutes=527_040))
    story.assess("2025-05-15")
    assert story.assess("2025-08-14") == ["UPDATED MISSING INFO, quiet"]


def test_a_snoozed_notice_is_quiet_and_stays_snoozed() -> None:
    story = planned()
    story.assess("2025-05-15")
    snoozed(story, "2025-12-01", MISSING)
    assert story.assess("2025-08-14") == ["UPDATED MISSING INFO, quiet"]
    assert status(story, MISSING) is AlertStatus.SNOOZED
    assert story.reports(Q2, FINE, "2025-08-20").reports(Q1, FINE, "2025-08-20").assess() == [
        "RESOLVED AUTOMATIC, quiet"
    ]


def test_a_snoozed_notice_that_nobody_was_told_of_stays_snoozed() -> None:
    story = Story().plans(dict.fromkeys(QUARTERS, MILLION)).set(RULE, "2025-05-10")
    assert story.assess("2025-05-15") == ["OPENED MISSING INFO, quiet"]
    snoozed(story, "2025-12-01", MISSING)
    assert story.assess("2025-08-14") == ["UPDATED MISSING INFO, quiet"]
    assert status(story, MISSING) is AlertStatus.SNOOZED


def test_an_acknowledged_notice_stays_acknowledged() -> None:
    story = Story().plans(dict.fromkeys(QUARTERS, MILLION)).set(RULE, "2025-05-10")
    assert story.assess("2025-05-15") == ["OPENED MISSING INFO, quiet"]
    acknowledged(story, MISSING)
    assert story.assess("2025-08-14") == ["REPEATED MISSING INFO, told"]
    assert status(story, MISSING) is AlertStatus.ACKNOWLEDGED


def test_of_several_missing_figures_the_one_left_is_what_the_notice_is_about() -> None:
    story = planned()
    story.assess("2025-08-14")
    assert story.alert(MISSING).figures.period == Q2
    assert story.reports(Q2, FINE, "2025-08-20").assess() == ["UPDATED MISSING INFO, quiet"]
    assert story.alert(MISSING).figures.period == Q1
    assert story.reports(Q1, FINE, "2025-08-21").assess() == ["RESOLVED AUTOMATIC, told"]


def test_put_aside_by_hand_a_missing_figure_is_told_no_more_and_the_next_one_is() -> None:
    story = planned()
    story.assess("2025-05-15")
    by_hand(story, MISSING)
    first = story.alert(MISSING).id
    assert story.assess("2025-08-13") == []
    assert story.assess("2025-08-14") == ["OPENED MISSING INFO, told"]
    assert story.alert(MISSING).follows == first


def test_a_figure_that_came_and_was_voided_is_missing_again() -> None:
    story = planned()
    story.assess("2025-05-15")
    first = story.alert(MISSING).id
    story.reports(Q1, FINE, "2025-05-20").assess()
    assert story.voids(story.version_of(Q1)).assess() == ["OPENED MISSING INFO, told"]
    assert story.alert(MISSING).follows == first


def test_a_voided_forecast_ends_the_notice_as_nobody_waits_for_the_figure_any_more() -> None:
    story = planned()
    story.assess("2025-05-15")
    assert story.voids(2).assess() == ["RESOLVED RESTATED, told"]
    assert story.alert(MISSING).reason == "No forecast asks for the figure any more."


def test_while_the_oldest_rule_is_paused_the_next_one_waits_for_missing_figures() -> None:
    younger = but(RULE, rule_id="younger", name="Younger")
    story = planned(but(RULE, enabled=False), younger)
    assert story.assess("2025-05-15") == ["OPENED MISSING INFO, told"]
    assert story.alert(MISSING, "younger").live
    story.set(RULE, "2025-05-20")
    assert story.assess() == ["OPENED MISSING INFO, quiet", "RESOLVED RULE_CHANGED, quiet"]
    assert story.alert(MISSING).live
    assert story.alert(MISSING, "younger").reason == "An older rule waits for the figure now."


def test_the_notice_of_a_retired_rule_passes_to_the_next() -> None:
    younger = but(RULE, rule_id="younger", name="Younger")
    story = planned(RULE, younger)
    story.assess("2025-05-15")
    story.set(but(RULE, retired=True), "2025-05-20")
    assert story.assess() == ["RESOLVED RULE_RETIRED, quiet", "OPENED MISSING INFO, told"]
    assert story.alert(MISSING, "younger").live


def test_the_notice_of_a_company_that_is_gone_ends() -> None:
    story = planned()
    story.assess("2025-05-15")
    story.fund = held(BETA)
    assert story.assess() == ["RESOLVED OUT_OF_SCOPE, quiet"]


@pytest.mark.parametrize(("figure", "severity"), [(CRITICAL_MISS, "CRITICAL"), (URGENT_MISS, "URGENT")])
def test_a_bad_alert_that_nobody_acknowledges_is_told_again_every_week(figure: int, severity: str) -> None:
    story = opened(figure)
    told_at, before = story.now, story.alert()
    assert story.reminds(told_at + REPEATED_AFTER - timedelta(microseconds=1)) == []
    assert story.reminds(told_at + REPEATED_AFTER) == [f"REPEATED {severity}, told"]
    assert story.reminds(told_at + 2 * REPEATED_AFTER) == [f"REPEATED {severity}, told"]
    alert = story.alert()
    assert (alert.told_at, alert.occurrences) == (told_at + timedelta(days=14), 1)
    assert (alert.figures, alert.rung, alert.rule_version) == (before.figures, before.rung, before.rule_version)


def test_a_reminder_counts_as_a_notice_for_the_cooldown() -> None:
    story = opened(CRITICAL_MISS, but(RULE, cooldown_minutes=60))
    story.reminds(story.now + REPEATED_AFTER)
    assert story.restates(Q1, 710_000, story.now + timedelta(minutes=30)).assess() == ["UPDATED CRITICAL, quiet"]


def test_a_warning_is_told_once() -> None:
    assert opened(WARNS).reminds("2025-12-31") == []


def test_a_missing_figure_is_told_once() -> None:
    story = planned()
    story.assess("2025-05-15")
    assert story.reminds("2025-06-30") == []


@pytest.mark.parametrize(
    "dealt_with",
    [
        acknowledged,
        by_hand,
        lambda story: snoozed(story, "2026-01-01"),
        lambda story: story.set(but(RULE, enabled=False)),
    ],
    ids=["acknowledged", "resolved", "snoozed", "paused"],
)
def test_nobody_is_reminded_of_what_is_dealt_with(dealt_with: object) -> None:
    story = opened()
    assert callable(dealt_with)
    dealt_with(story)
    assert story.reminds("2025-12-31") == []


def test_after_its_snooze_a_bad_alert_is_told_again() -> None:
    story = snoozed(opened(), "2025-06-01")
    assert story.reminds("2025-05-31T23:59:59") == []
    assert story.reminds("2025-06-01") == ["REPEATED CRITICAL, told"]


def test_nobody_is_reminded_of_history_nor_of_what_is_pending() -> None:
    story = history(with_years(), dict.fromkeys(YEARS, URGENT_MISS), "2025-01-25")
    story.assess()
    assert story.reminds("2025-12-31") == []
    pending = planned(PERSISTENT).reports(Q1, URGENT_MISS)
    pending.assess()
    assert pending.reminds("2025-12-31") == []


def test_a_reforecast_of_the_last_day_hides_a_miss_only_from_a_rule_that_goes_by_the_effective_date() -> None:
    effective = but(
        RULE, rule_id="effective", name="Effective", forecast_policy=ForecastPolicy.LATEST_AT_EFFECTIVE_DATE
    )
    story = planned(RULE, effective).plans({Q1: URGENT_MISS}, "2025-03-31T23:00:00").reports(Q1, URGENT_MISS)
    assert story.assess() == ["OPENED URGENT, told"]
    assert [alert.rule_id for alert in story.book.alerts.values()] == ["rule"]


def test_a_rule_by_the_budget_does_not_listen_to_other_forecasts() -> None:
    story = Story(but(RULE, forecast_policy=ForecastPolicy.BUDGET_LOCK)).at(PLANNED)
    story.records.plan({Q1: MILLION}, kind=ForecastKind.BUDGET)
    story.plans({Q1: URGENT_MISS}, "2024-12-20").reports(Q1, URGENT_MISS)
    assert story.assess() == ["OPENED URGENT, told"]


def test_an_alert_clears_at_the_share_its_rule_gives() -> None:
    story = opened(WARNS, but(RULE, clear_at=share("0.5"))).reports(Q2, FINE)
    assert story.assess() == []
    assert story.reports(Q3, 950_001).assess() == ["RESOLVED AUTOMATIC, told"]


def test_a_year_reported_behind_a_month_is_news_where_there_is_no_alert() -> None:
    story = Story(RULE, set_at="2023-12-01").plans({year(2024): 12 * MILLION, month(2025, 1): MILLION}, "2023-12-15")
    story.reports(month(2025, 1), SO_SO)
    assert story.assess() == ["OPENED MISSING INFO, told"]
    assert story.reports(year(2024), 6 * MILLION, "2025-03-20").assess() == [
        "OPENED URGENT, told",
        "RESOLVED AUTOMATIC, told",
    ]


def test_the_same_decision_twice_is_the_same_alert() -> None:
    story = planned().reports(Q1, CRITICAL_MISS)
    first, second = (
        assess(story.book, story.records.of(), story.fund, Calendar(UTC, story.now + timedelta(days=days)))
        for days in (0, 1)
    )
    assert first == second


def test_an_alert_knows_when_it_was_made_changed_and_told() -> None:
    story = opened()
    made = story.now
    alert = story.alert()
    assert (alert.created_at, alert.updated_at, alert.told_at) == (made, made, made)
    assert (alert.opened_version, alert.version, alert.told_version) == (4, 4, 4)
    story.reports(Q2, FINE).assess()
    over = story.alert()
    assert (over.opened_version, over.version, over.told_version, over.told_at) == (4, 6, 6, story.now)


def test_the_same_figure_recorded_twice_is_no_second_breach() -> None:
    story = opened()
    before = story.alert()
    assert story.reports(Q1, CRITICAL_MISS).assess() == ["UPDATED CRITICAL, quiet"]
    after = story.alert()
    assert (after.occurrences, after.told_at) == (before.occurrences, before.told_at)
    assert (after.figures.actual_version or 0) > (before.figures.actual_version or 0)
    assert story.assess() == []
