"""Alerts: their facts, and how each stands at a moment as folded from these."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.alerts import (
    ALERT_EVENTS,
    AlertAcknowledged,
    AlertChange,
    AlertEvent,
    AlertFigures,
    AlertKind,
    AlertRaised,
    AlertResolution,
    AlertResolved,
    Alerts,
    AlertSnoozed,
    AlertStatus,
    Rule,
    Told,
    check_snooze,
    figures_of,
)
from domain.event import kind_of
from domain.forecasting import MetricType
from domain.refusal import Invalid
from domain.rules import AlertSeverity
from domain.variance import BACKFILL, VarianceStatus
from domain.wording import Wording
from tests.domain.figures import Q1, Q2, REVENUE, RULE, raised, varied
from tests.spec import ACME, NOW, OPENED, TOLD, but, figures, given, instant, refuses

VARIANCE, MISSING = AlertKind
WARNING, CRITICAL, URGENT = AlertSeverity.WARNING, AlertSeverity.CRITICAL, AlertSeverity.URGENT
FIGURES = figures_of(varied(1_000_000, 610_000))
RAISED = raised(varied(1_000_000, 610_000))
OVERDUE = but(
    RAISED,
    alert_id="m",
    kind=MISSING,
    severity=AlertSeverity.INFO,
    figures=AlertFigures(*Q1, VarianceStatus.MISSING_ACTUAL, forecast=Decimal(1)),
    rung=None,
)
ACKNOWLEDGED = AlertAcknowledged("a", ACME, REVENUE)
SNOOZED = AlertSnoozed("a", ACME, REVENUE, instant("2025-06-01"))
RESOLVED = AlertResolved("a", ACME, REVENUE, AlertResolution.AUTOMATIC, notifies=True)
MANUAL = but(RESOLVED, resolution=AlertResolution.MANUAL, reason="The customer pays later.")
ALL = (RAISED, ACKNOWLEDGED, SNOOZED, RESOLVED)
KEY = ("rule", ACME, REVENUE, VARIANCE)


def book(*events: AlertEvent) -> Alerts:
    """The rule, then these facts, a day apart from 1 May 2025 on."""
    start = instant("2025-05-01")
    facts = [Told(event, place + 2, start + timedelta(days=place), "ann") for place, event in enumerate(events)]
    return Alerts().fold([Told(RULE, 1, start - timedelta(days=1), "ann"), *facts])


def raised_again(change: AlertChange, *, notifies: bool = True, severity: AlertSeverity = CRITICAL) -> AlertRaised:
    second = figures_of(varied(1_000_000, 600_000, period=Q2))
    return but(RAISED, change=change, notifies=notifies, severity=severity, occurrences=2, figures=second)


@pytest.mark.parametrize("event", ALL, ids=lambda event: type(event).__name__)
def test_what_happens_to_an_alert_changes_no_total_and_no_holding(event: AlertEvent) -> None:
    outcome = given(OPENED).when(event).then(version=2)
    assert figures(outcome.fund) == figures(given(OPENED).fund)


def test_nobody_records_facts_about_alerts_by_themselves() -> None:
    assert tuple(type(event) for event in ALL) == ALERT_EVENTS
    assert [(kind_of(event).recordable, kind_of(event).folds) for event in (RULE, *ALL)] == [(False, False)] * 5


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (None, "This must not be empty."),
        ("  ", "This must not be empty."),
        ("x" * 2_001, "At most 2000 characters."),
    ],
)
def test_resolved_by_hand_without_words_is_refused(reason: str | None, message: str) -> None:
    given(OPENED).when(but(MANUAL, reason=reason)).refused(Invalid, "events", "0", "reason", message=message)
    given(OPENED).when(but(MANUAL, reason="x" * 2_000)).then(version=2)


def test_an_alert_keeps_its_figure_as_it_was_known() -> None:
    variance = varied(1_000_000, 610_000, flags=(BACKFILL,))
    assert figures_of(variance) == AlertFigures(
        period_start=Q1.start,
        period_end=Q1.end,
        status=VarianceStatus.OK,
        forecast=Decimal(1_000_000),
        actual=Decimal(610_000),
        variance=Decimal(-390_000),
        percent=Decimal(-39),
        favourable=False,
        flags=(BACKFILL,),
        forecast_version=2,
        actual_version=3,
    )
    assert figures_of(variance).period == Q1


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"flags": (BACKFILL,)}, True),
        ({"actual_version": 4}, False),
        ({"forecast_version": 4}, False),
        ({"status": VarianceStatus.BASE_TOO_SMALL}, False),
    ],
)
def test_a_figure_is_the_same_while_it_is_made_of_the_same_versions(changes: dict[str, Any], same: bool) -> None:
    assert FIGURES.same_as(varied(1_000_000, 610_000, **changes)) is same


def test_a_raised_alert_is_open_and_told() -> None:
    alert = book(RAISED).alerts["a"]
    assert (alert.key, alert.kind, alert.stage, alert.change) == (KEY, VARIANCE, AlertStatus.OPEN, AlertChange.OPENED)
    assert (alert.severity, alert.peak_severity, alert.occurrences, alert.rung) == (CRITICAL, CRITICAL, 1, RAISED.rung)
    assert (alert.created_at, alert.updated_at, alert.told_at) == (instant("2025-05-01"),) * 3
    assert (alert.opened_version, alert.version, alert.told_version, alert.rule_version) == (2, 2, 2, 1)
    assert (alert.live, alert.told_severity, alert.follows, alert.through) == (True, CRITICAL, None, Q1)


def test_a_pending_alert_has_told_nobody() -> None:
    alert = book(but(RAISED, change=AlertChange.PENDING, notifies=False)).alerts["a"]
    assert (alert.stage, alert.live) == (AlertStatus.PENDING, True)
    assert (alert.told_at, alert.told_severity, alert.told_version) == (None, None, None)


@pytest.mark.parametrize("change", [AlertChange.UPDATED, AlertChange.REPEATED, AlertChange.WORSENED])
def test_an_alert_whose_beginning_is_not_known_is_open(change: AlertChange) -> None:
    assert book(but(RAISED, change=change)).alerts["a"].stage is AlertStatus.OPEN


def test_raised_again_an_alert_shows_the_newest_figure_and_remembers_its_worst_severity() -> None:
    milder = raised_again(AlertChange.UPDATED, notifies=False, severity=WARNING)
    alert = book(RAISED, milder).alerts["a"]
    assert (alert.figures.period, alert.through, alert.occurrences) == (Q2, Q2, 2)
    assert (alert.severity, alert.peak_severity, alert.told_severity) == (WARNING, CRITICAL, CRITICAL)
    assert (alert.created_at, alert.updated_at, alert.told_at) == (
        instant("2025-05-01"),
        instant("2025-05-02"),
        instant("2025-05-01"),
    )
    assert (alert.opened_version, alert.version, alert.told_version) == (2, 3, 2)


@pytest.mark.parametrize(
    ("change", "stage", "snoozed", "actor"),
    [
        (AlertChange.UPDATED, AlertStatus.ACKNOWLEDGED, True, "ann"),
        (AlertChange.REPEATED, AlertStatus.ACKNOWLEDGED, True, "ann"),
        (AlertChange.WORSENED, AlertStatus.OPEN, False, None),
        (AlertChange.OPENED, AlertStatus.OPEN, False, None),
        (AlertChange.REOPENED, AlertStatus.OPEN, False, None),
    ],
)
def test_what_was_acknowledged_and_snoozed_speaks_again_once_it_is_worse(
    change: AlertChange, stage: AlertStatus, snoozed: bool, actor: str | None
) -> None:
    alert = book(RAISED, ACKNOWLEDGED, SNOOZED, raised_again(change)).alerts["a"]
    assert (alert.stage, alert.snoozed_until is not None, alert.acknowledged_by) == (stage, snoozed, actor)


def test_acknowledging_and_snoozing_move_an_alerts_revision_and_tell_nobody() -> None:
    alert = book(RAISED, ACKNOWLEDGED, SNOOZED).alerts["a"]
    assert (alert.version, alert.told_version, alert.change) == (4, 2, AlertChange.SNOOZED)
    assert (alert.updated_at, alert.told_at) == (instant("2025-05-03"), instant("2025-05-01"))
    assert book(RAISED, ACKNOWLEDGED).alerts["a"].change is AlertChange.ACKNOWLEDGED


def test_a_resolved_alert_says_when_why_and_by_which_figure() -> None:
    by = figures_of(varied(1_000_000, 990_000, period=Q2))
    alert = book(RAISED, SNOOZED, but(RESOLVED, figures=by)).alerts["a"]
    assert (alert.stage, alert.live, alert.change) == (AlertStatus.RESOLVED, False, AlertChange.RESOLVED)
    assert (alert.resolved_at, alert.resolution, alert.reason) == (
        instant("2025-05-03"),
        AlertResolution.AUTOMATIC,
        None,
    )
    assert (alert.ended_by, alert.figures, alert.last_figures, alert.through) == (by, FIGURES, by, Q2)
    assert (alert.snoozed_until, alert.told_at, alert.told_version) == (None, instant("2025-05-03"), 4)


def test_an_alert_resolved_quietly_was_last_told_before() -> None:
    alert = book(RAISED, but(MANUAL, notifies=False)).alerts["a"]
    assert (alert.told_at, alert.told_version, alert.reason) == (instant("2025-05-01"), 2, "The customer pays later.")
    assert (alert.last_figures, alert.through) == (FIGURES, Q1)


def test_reopened_an_alert_forgets_its_end() -> None:
    alert = book(RAISED, MANUAL, raised_again(AlertChange.REOPENED)).alerts["a"]
    assert (alert.stage, alert.resolution, alert.resolved_at, alert.reason, alert.ended_by) == (
        AlertStatus.OPEN,
        None,
        None,
        None,
        None,
    )
    assert (alert.told_at, alert.told_severity) == (instant("2025-05-03"), CRITICAL)


def test_reopened_quietly_an_alert_counts_as_told_to_nobody() -> None:
    alert = book(RAISED, RESOLVED, raised_again(AlertChange.REOPENED, notifies=False)).alerts["a"]
    assert (alert.told_at, alert.told_severity, alert.told_version) == (None, None, 3)


@pytest.mark.parametrize(
    ("events", "paused", "at", "status"),
    [
        ((RAISED,), False, "2025-05-10", AlertStatus.OPEN),
        ((RAISED, ACKNOWLEDGED), False, "2025-05-10", AlertStatus.ACKNOWLEDGED),
        ((RAISED, ACKNOWLEDGED, SNOOZED), False, "2025-05-31T23:59:59", AlertStatus.SNOOZED),
        ((RAISED, ACKNOWLEDGED, SNOOZED), False, "2025-06-01", AlertStatus.ACKNOWLEDGED),
        ((RAISED, SNOOZED), True, "2025-05-10", AlertStatus.SUPPRESSED),
        ((but(RAISED, change=AlertChange.PENDING),), False, "2025-05-10", AlertStatus.PENDING),
        ((but(RAISED, change=AlertChange.PENDING),), True, "2025-05-10", AlertStatus.SUPPRESSED),
        ((RAISED, SNOOZED, RESOLVED), True, "2025-05-10", AlertStatus.RESOLVED),
    ],
)
def test_an_alert_stands_as_its_facts_its_snooze_and_its_rule_have_it(
    events: tuple[AlertEvent, ...], paused: bool, at: str, status: AlertStatus
) -> None:
    found = book(*events)
    if paused:
        found.tell(Told(but(RULE, enabled=False), 9, NOW))
    assert found.paused(found.alerts["a"]) is paused
    assert found.status(found.alerts["a"], instant(at)) is status


def test_an_alert_whose_rule_is_not_known_is_not_paused() -> None:
    alone = Alerts().fold([Told(RAISED, 5, NOW)])
    assert not alone.paused(alone.alerts["a"])


@pytest.mark.parametrize("event", [ACKNOWLEDGED, SNOOZED, RESOLVED], ids=lambda event: type(event).__name__)
def test_as_of_a_moment_before_it_was_raised_an_alert_is_not_there(event: AlertEvent) -> None:
    found = book(event)
    assert (found.alerts, found.latest, found.version) == ({}, {}, 2)
    assert found.of(KEY) is None


def test_the_newest_alert_of_a_rule_company_metric_and_kind_is_found() -> None:
    second = but(RAISED, alert_id="b", follows="a")
    found = book(RAISED, RESOLVED, second, OVERDUE)
    newest, missing = found.of(KEY), found.of(("rule", ACME, REVENUE, MISSING))
    assert newest is found.alerts["b"]
    assert newest.follows == "a"
    assert missing is found.alerts["m"]
    assert found.of(("rule", ACME, MetricType.ARR, VARIANCE)) is None


def test_a_book_is_at_the_version_of_its_newest_fact() -> None:
    assert Alerts().version == 0
    found = book(RAISED, ACKNOWLEDGED)
    assert found.version == 3
    found.tell(Told(SNOOZED, 2, NOW))
    assert found.version == 3


def test_a_rule_stands_as_it_was_set_last_and_every_setting_is_kept() -> None:
    first, changed = instant("2025-01-01"), instant("2025-02-01")
    paused, other = but(RULE, enabled=False), but(RULE, rule_id="other", retired=True)
    found = Alerts().fold([Told(RULE, 1, first), Told(other, 2, first), Told(paused, 3, changed)])
    assert found.rules["rule"] == Rule(paused, 3, 1, changed, first)
    assert found.settings == {1: RULE, 2: other, 3: paused}
    assert list(found.rules) == ["rule", "other"]
    assert list(found.standing()) == ["rule"]


def test_a_snooze_ends_in_the_future_and_within_its_limit() -> None:
    check_snooze(NOW + timedelta(microseconds=1), NOW, 366)
    check_snooze(NOW + timedelta(days=366), NOW, 366)
    refuses(lambda: check_snooze(NOW, NOW, 366), Invalid, "until")
    with pytest.raises(Invalid, match=r"^A snooze lasts at most 366 days\.$"):
        check_snooze(NOW + timedelta(days=366, microseconds=1), NOW, 366)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (RAISED, "Critical alert on Acme's revenue for 01 Jan 2025 to 31 Mar 2025, -39.0%"),
        (
            but(RAISED, change=AlertChange.PENDING),
            "Not yet an alert on Acme's revenue for 01 Jan 2025 to 31 Mar 2025, -39.0%",
        ),
        (
            raised_again(AlertChange.WORSENED, severity=URGENT),
            "Worsened urgent alert on Acme's revenue for 01 Apr 2025 to 30 Jun 2025, -40.0%",
        ),
        (
            raised_again(AlertChange.REOPENED),
            "Reopened critical alert on Acme's revenue for 01 Apr 2025 to 30 Jun 2025, -40.0%",
        ),
        (
            but(RAISED, figures=figures_of(varied(10_000, 12_345_678)), severity=WARNING),
            "Warning alert on Acme's revenue for 01 Jan 2025 to 31 Mar 2025, +123,356.8%",
        ),
        (
            but(RAISED, figures=figures_of(varied(0, -60_000, MetricType.EBITDA)), metric_type=MetricType.EBITDA),
            "Critical alert on Acme's EBITDA for 01 Jan 2025 to 31 Mar 2025",
        ),
        (OVERDUE, "Info alert: Acme's revenue for 01 Jan 2025 to 31 Mar 2025 is overdue"),
        (
            but(OVERDUE, change=AlertChange.REPEATED),
            "Repeated info alert: Acme's revenue for 01 Jan 2025 to 31 Mar 2025 is overdue",
        ),
        (ACKNOWLEDGED, "Acknowledged the alert on Acme's revenue"),
        (SNOOZED, "Snoozed the alert on Acme's revenue until 2025-06-01T00:00:00.000000Z"),
        (RESOLVED, "Resolved the alert on Acme's revenue: a later figure was fine, or the overdue one came"),
        (MANUAL, "Resolved the alert on Acme's revenue: The customer pays later."),
    ],
)
def test_what_happens_to_an_alert_reads_well(event: AlertEvent, sentence: str) -> None:
    assert event.summary(TOLD) == sentence


@pytest.mark.parametrize("kind", [AlertKind, AlertChange, AlertStatus, AlertResolution], ids=lambda kind: kind.__name__)
def test_every_member_is_stored_by_its_name_and_says_what_it_means(kind: type[Wording]) -> None:
    assert all(member.name == member.value and member.text.endswith(".") for member in kind)
