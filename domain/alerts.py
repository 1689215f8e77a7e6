"""Alerts: their facts, and how each stands at a moment as folded from these."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, TypeAlias

from domain.event import Apart, CompanyKey, Telling, event
from domain.forecasting import MetricType, metric_words
from domain.fund import FundBuilder
from domain.moments import instant_text
from domain.periods import Period
from domain.refusal import Invalid
from domain.rules import AlertRuleSet, AlertRung, AlertSeverity
from domain.text import MAX_TEXT, check_text
from domain.variance import Variance, VarianceStatus
from domain.wording import Wording


class AlertKind(Wording):
    """What an alert is about."""

    VARIANCE = "VARIANCE", "A reported figure differs from its forecast."
    MISSING_ACTUAL = "MISSING_ACTUAL", "A figure is overdue."


class AlertChange(Wording):
    """What has happened to an alert."""

    PENDING = "PENDING", "Breached, but not often enough to alert; nobody is told."
    OPENED = "OPENED", "Opened."
    WORSENED = "WORSENED", "Worse than when people were last told."
    REPEATED = "REPEATED", "Breached again after the cool-down, or unacknowledged for a week."
    UPDATED = "UPDATED", "New figures; nobody is told."
    ACKNOWLEDGED = "ACKNOWLEDGED", "Somebody is on it."
    SNOOZED = "SNOOZED", "Quiet for a while."
    RESOLVED = "RESOLVED", "Over."
    REOPENED = "REOPENED", "Not over after all: its figures were restated."


class AlertStatus(Wording):
    """How an alert stands."""

    PENDING = "PENDING", "Breached, but not often enough yet."
    OPEN = "OPEN", "Waits for somebody."
    ACKNOWLEDGED = "ACKNOWLEDGED", "Somebody is on it."
    RESOLVED = "RESOLVED", "Over."
    SNOOZED = "SNOOZED", "Quiet for a while."
    SUPPRESSED = "SUPPRESSED", "Its rule is paused."


class AlertResolution(Wording):
    """Why an alert is over."""

    AUTOMATIC = "AUTOMATIC", "A later figure was fine, or the overdue one came."
    MANUAL = "MANUAL", "Somebody said so."
    RESTATED = "RESTATED", "Its figure or forecast was restated."
    RULE_CHANGED = "RULE_CHANGED", "The rule was changed."
    RULE_RETIRED = "RULE_RETIRED", "The rule was retired."
    OUT_OF_SCOPE = "OUT_OF_SCOPE", "The rule no longer covers the company or the figure."


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """The figure that an alert is about, as it was known."""

    period_start: Annotated[date, "First day of the period."]
    period_end: Annotated[date, "Last day of the period, included."]
    status: Annotated[VarianceStatus, "Whether it could be compared."]
    forecast: Annotated[Decimal | None, "The forecast in force."] = None
    actual: Annotated[Decimal | None, "The figure reported."] = None
    variance: Annotated[Decimal | None, "Actual − forecast."] = None
    percent: Annotated[Decimal | None, "100 × variance / |forecast|."] = None
    favourable: Annotated[bool | None, "Whether it is good news."] = None
    flags: Annotated[tuple[str, ...], "What is particular about it."] = ()
    forecast_version: Annotated[int | None, "Version of the forecast."] = None
    actual_version: Annotated[int | None, "Version of the report."] = None

    @property
    def period(self) -> Period:
        """The period."""
        return Period(self.period_start, self.period_end)

    def same_as(self, variance: Variance) -> bool:
        """Whether nothing was learned of it since: the versions it was made of are its identity."""
        return (self.actual_version, self.forecast_version, self.status) == (
            variance.actual_version,
            variance.forecast_version,
            variance.status,
        )

    def says_as(self, variance: Variance) -> bool:
        """Whether it is the same figure against the same forecast, though perhaps recorded again."""
        return (self.actual, self.forecast, self.status) == (variance.actual, variance.forecast, variance.status)


def figures_of(variance: Variance) -> AlertFigures:
    """A variance as an alert keeps it."""
    return AlertFigures(
        *variance.period,
        status=variance.status,
        forecast=variance.forecast,
        actual=variance.actual,
        variance=variance.variance,
        percent=variance.percent,
        favourable=variance.favourable,
        flags=variance.flags,
        forecast_version=variance.forecast_version,
        actual_version=variance.actual_version,
    )


AlertId = Annotated[str, "The alert."]
AboutCompany = Annotated[CompanyKey, "The company."]
AboutMetric = Annotated[MetricType, "The figure."]
Notifies = Annotated[bool, "Whether people are told."]


@event("ALERT_RAISED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class AlertRaised(Apart):
    """A rule found a breach: an alert began, goes on, or got worse."""

    alert_id: AlertId
    rule_id: Annotated[str, "The rule."]
    rule_version: Annotated[int, "Version of the rule as it stood."]
    company_id: AboutCompany
    metric_type: AboutMetric
    kind: Annotated[AlertKind, "What it is about."]
    change: Annotated[AlertChange, "What happened."]
    severity: Annotated[AlertSeverity, "How bad it is."]
    figures: Annotated[AlertFigures, "The figure."]
    occurrences: Annotated[int, "Breaches so far, this one included."]
    notifies: Notifies
    rung: Annotated[AlertRung | None, "The rung met."] = None
    follows: Annotated[str | None, "The alert of this rule, company and metric before it."] = None

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        words = {
            AlertChange.PENDING: "Not yet an alert",
            AlertChange.OPENED: f"{self.severity.capitalize()} alert",
        }.get(self.change, f"{self.change.capitalize()} {self.severity.lower()} alert")
        what = f"{told.name(self.company_id)}'s {metric_words(self.metric_type)} for {self.figures.period.text}"
        if self.kind is AlertKind.MISSING_ACTUAL:
            return f"{words}: {what} is overdue"
        off = "" if self.figures.percent is None else f", {self.figures.percent:+,.1f}%"
        return f"{words} on {what}{off}"


@event("ALERT_ACKNOWLEDGED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class AlertAcknowledged(Apart):
    """Somebody said that they are on it."""

    alert_id: AlertId
    company_id: AboutCompany
    metric_type: AboutMetric

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        return f"Acknowledged the alert on {told.name(self.company_id)}'s {metric_words(self.metric_type)}"


@event("ALERT_SNOOZED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class AlertSnoozed(Apart):
    """Somebody wants to hear no more of it for a while, unless it gets worse."""

    alert_id: AlertId
    company_id: AboutCompany
    metric_type: AboutMetric
    until: Annotated[datetime, "When it speaks again."]

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        what = f"{told.name(self.company_id)}'s {metric_words(self.metric_type)}"
        return f"Snoozed the alert on {what} until {instant_text(self.until)}"


@event("ALERT_RESOLVED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class AlertResolved(Apart):
    """An alert is over."""

    alert_id: AlertId
    company_id: AboutCompany
    metric_type: AboutMetric
    resolution: Annotated[AlertResolution, "Why."]
    notifies: Notifies
    reason: Annotated[str | None, "In somebody's words."] = None
    figures: Annotated[AlertFigures | None, "The figure that ended it."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse a reason that is no text; one in somebody's words must say something."""
        if self.resolution is AlertResolution.MANUAL:
            check_text(self.reason or "", "reason", most=MAX_TEXT)

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        why = self.reason or self.resolution.text.rstrip(".").lower()
        return f"Resolved the alert on {told.name(self.company_id)}'s {metric_words(self.metric_type)}: {why}"


AlertEvent: TypeAlias = AlertRaised | AlertAcknowledged | AlertSnoozed | AlertResolved
ALERT_EVENTS = (AlertRaised, AlertAcknowledged, AlertSnoozed, AlertResolved)

AlertKey: TypeAlias = tuple[str, str, MetricType, AlertKind]
"""Rule, company, metric and kind: at most one alert at a time."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it stands.

    Attributes:
        stage: PENDING, OPEN, ACKNOWLEDGED or RESOLVED, as the facts have it.
        version: Of its last fact: its revision.
        opened_version: Of its first fact.
        told_severity: Of the last notice; None where `told_at` is.
        told_at: When people were last told; None again once it reopens and nobody is told.
        ended_by: The figure that ended it, where one did.
    """

    id: str
    rule_id: str
    rule_version: int
    company_id: str
    metric_type: MetricType
    kind: AlertKind
    stage: AlertStatus
    severity: AlertSeverity
    peak_severity: AlertSeverity
    figures: AlertFigures
    occurrences: int
    created_at: datetime
    updated_at: datetime
    opened_version: int
    version: int
    change: AlertChange
    rung: AlertRung | None = None
    follows: str | None = None
    told_at: datetime | None = None
    told_severity: AlertSeverity | None = None
    told_version: int | None = None
    snoozed_until: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolution: AlertResolution | None = None
    reason: str | None = None
    ended_by: AlertFigures | None = None

    @property
    def key(self) -> AlertKey:
        """What it is the one alert of."""
        return self.rule_id, self.company_id, self.metric_type, self.kind

    @property
    def live(self) -> bool:
        """Whether it isn't over."""
        return self.stage is not AlertStatus.RESOLVED

    @property
    def last_figures(self) -> AlertFigures:
        """The figure it last dealt with."""
        return self.ended_by or self.figures

    @property
    def through(self) -> Period:
        """The period it last dealt with: what comes after is new to it."""
        return self.last_figures.period

    def snoozed(self, at: datetime) -> bool:
        """Whether it is quiet at a moment."""
        return self.live and self.snoozed_until is not None and at < self.snoozed_until

    def status(self, at: datetime, *, paused: bool) -> AlertStatus:
        """How it stands at a moment; `paused` says whether its rule is."""
        if self.live and paused:
            return AlertStatus.SUPPRESSED
        return AlertStatus.SNOOZED if self.snoozed(at) else self.stage


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it stands.

    Attributes:
        version: Of the fact that set it so.
        since: Version of its first fact.
        set_at: When it was set so.
    """

    setting: AlertRuleSet
    version: int
    since: int
    set_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A fact about alerts with its place and moment, as the book takes it."""

    event: AlertEvent | AlertRuleSet
    version: int
    at: datetime
    actor: str = ""


@dataclass(slots=True)
class Alerts:
    """A fund's rules and alerts, folded from their facts in order.

    Attributes:
        rules: By id; retired ones too.
        alerts: By id.
        latest: The newest alert of each key.
        settings: Every setting of every rule, by version.
        version: Of the last fact folded in.
    """

    rules: dict[str, Rule] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    latest: dict[AlertKey, str] = field(default_factory=dict)
    settings: dict[int, AlertRuleSet] = field(default_factory=dict)
    version: int = 0

    def fold(self, facts: Iterable[Told]) -> "Alerts":
        """This book with the facts in it."""
        for fact in facts:
            self.tell(fact)
        return self

    def tell(self, fact: Told) -> None:
        """Takes one fact in."""
        self.version = max(self.version, fact.version)
        event = fact.event
        if isinstance(event, AlertRuleSet):
            known = self.rules.get(event.rule_id)
            since, created_at = (known.since, known.created_at) if known else (fact.version, fact.at)
            self.rules[event.rule_id] = Rule(event, fact.version, since, fact.at, created_at)
            self.settings[fact.version] = event
            return
        before = self.alerts.get(event.alert_id)
        if isinstance(event, AlertRaised):
            alert = raised(before, event, fact)
        elif before is not None:
            alert = changed(before, event, fact)
        else:
            # As of a moment before it was raised, an alert isn't there.
            return
        self.alerts[alert.id] = alert
        self.latest[alert.key] = alert.id

    def of(self, key: AlertKey) -> Alert | None:
        """The newest alert of a key."""
        return self.alerts.get(self.latest.get(key, ""))

    def paused(self, alert: Alert) -> bool:
        """Whether the alert's rule is paused."""
        rule = self.rules.get(alert.rule_id)
        return rule is not None and not rule.setting.enabled

    def status(self, alert: Alert, at: datetime) -> AlertStatus:
        """How an alert stands at a moment."""
        return alert.status(at, paused=self.paused(alert))

    def standing(self) -> Mapping[str, Rule]:
        """Rules that aren't retired, oldest first."""
        return {key: rule for key, rule in self.rules.items() if not rule.setting.retired}


_STAGES = {AlertChange.PENDING: AlertStatus.PENDING, AlertChange.OPENED: AlertStatus.OPEN}


def raised(before: Alert | None, event: AlertRaised, fact: Told) -> Alert:
    """The alert begun by a fact, or as it stands after it."""
    told = {}
    if event.notifies:
        told = {"told_at": fact.at, "told_severity": event.severity, "told_version": fact.version}
    if before is None:
        return Alert(
            id=event.alert_id,
            rule_id=event.rule_id,
            rule_version=event.rule_version,
            company_id=event.company_id,
            metric_type=event.metric_type,
            kind=event.kind,
            stage=_STAGES.get(event.change, AlertStatus.OPEN),
            severity=event.severity,
            peak_severity=event.severity,
            figures=event.figures,
            occurrences=event.occurrences,
            created_at=fact.at,
            updated_at=fact.at,
            opened_version=fact.version,
            version=fact.version,
            change=event.change,
            rung=event.rung,
            follows=event.follows,
            **told,  # type: ignore[arg-type]  # each of its own type
        )
    # What was acknowledged or snoozed speaks again once it is worse.
    stage, snoozed_until, acknowledged_by = before.stage, before.snoozed_until, before.acknowledged_by
    if event.change in (AlertChange.OPENED, AlertChange.WORSENED, AlertChange.REOPENED):
        stage, snoozed_until, acknowledged_by = AlertStatus.OPEN, None, None
    if event.change is AlertChange.REOPENED and not event.notifies:
        # The last notice said that it is over.
        told = {"told_at": None, "told_severity": None}
    return replace(
        before,
        rule_version=event.rule_version,
        stage=stage,
        severity=event.severity,
        peak_severity=max(before.peak_severity, event.severity, key=lambda one: one.rank),
        figures=event.figures,
        occurrences=event.occurrences,
        updated_at=fact.at,
        version=fact.version,
        change=event.change,
        rung=event.rung,
        snoozed_until=snoozed_until,
        acknowledged_by=acknowledged_by,
        resolved_at=None,
        resolution=None,
        reason=None,
        ended_by=None,
        **told,  # type: ignore[arg-type]
    )


def changed(before: Alert, event: AlertAcknowledged | AlertSnoozed | AlertResolved, fact: Told) -> Alert:
    """The alert as it stands after a fact."""
    alert = replace(before, updated_at=fact.at, version=fact.version)
    match event:
        case AlertAcknowledged():
            return replace(
                alert, stage=AlertStatus.ACKNOWLEDGED, acknowledged_by=fact.actor, change=AlertChange.ACKNOWLEDGED
            )
        case AlertSnoozed():
            return replace(alert, snoozed_until=event.until, change=AlertChange.SNOOZED)
    told = {"told_at": fact.at, "told_version": fact.version} if event.notifies else {}
    return replace(
        alert,
        stage=AlertStatus.RESOLVED,
        change=AlertChange.RESOLVED,
        snoozed_until=None,
        resolved_at=fact.at,
        resolution=event.resolution,
        reason=event.reason,
        ended_by=event.figures,
        **told,  # type: ignore[arg-type]
    )


def check_snooze(until: datetime, now: datetime, longest: int) -> None:
    """Refuse a snooze that is over already, or goes on for ever."""
    if not now < until:
        message = "A snooze ends in the future."
        raise Invalid(message, "until")
    if until - now > timedelta(days=longest):
        message = f"A snooze lasts at most {longest} days."
        raise Invalid(message, "until")
