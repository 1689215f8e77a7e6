"""Alerting: what a rule makes of a company's figures, given the alert it has of them. Decides; facts do the rest.

Deciding again on the same facts decides nothing: a figure is known by the versions it was made of, and an alert by the
last figure it dealt with.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from domain.alerts import (
    Alert,
    AlertChange,
    AlertEvent,
    AlertKind,
    AlertRaised,
    AlertResolution,
    AlertResolved,
    Alerts,
    AlertStatus,
    Rule,
    Told,
    changed,
    figures_of,
    raised,
)
from domain.event import CompanyKey
from domain.fund import Fund
from domain.matching import Basis, Series
from domain.periods import Calendar, Period
from domain.rules import AlertRuleSet, AlertSeverity, Rating, Zone, rate
from domain.variance import BACKFILL, Variance, VarianceStatus, compare

REPEATED_AFTER = timedelta(days=7)
"""Alerts of `REPEATED_SEVERITIES` that nobody acknowledges are told again so long after the last notice."""
REPEATED_SEVERITIES = (AlertSeverity.CRITICAL, AlertSeverity.URGENT)


@dataclass(frozen=True, slots=True)
class Decided:
    """An event to record, and the moment it was true: None for the moment of recording."""

    event: AlertEvent | AlertRuleSet
    occurred_at: datetime | None = None


def alert_id(rule_id: str, company_id: str, metric: str, kind: str, period: Period, before: str | None) -> str:
    """Id of the alert that begins with this period; the same decision twice is the same alert."""
    parts = "\0".join((rule_id, company_id, metric, kind, str(period.start), str(period.end), before or ""))
    return sha256(parts.encode()).hexdigest()[:32]


def assess(
    book: Alerts,
    series: Series,
    fund: Fund,
    calendar: Calendar,
    comparisons: Callable[[Series, Basis, Calendar], list[Variance]] = compare,
) -> list[Decided]:
    """What every rule makes of one series, and what becomes of alerts whose rule no longer covers it."""
    holding = fund.companies.get(series.company_id)
    decided: list[Decided] = []
    compared: dict[Basis, list[Variance]] = {}
    claimed = False
    for rule in book.rules.values():
        setting = rule.setting
        covers = holding is not None and series.metric in setting.metrics and setting.covers(holding)
        if setting.retired or not covers:
            decided.extend(_released(book, rule, series))
            continue
        if not setting.enabled:
            continue
        if setting.basis not in compared:
            compared[setting.basis] = comparisons(series, setting.basis, calendar)
        variances = compared[setting.basis]
        decided.extend(_of_variances(book, rule, series, variances, calendar.now))
        # A figure that is overdue is one rule's business: the oldest one's that covers it.
        decided.extend(_of_missing(book, rule, series, variances, calendar.now, claimed=claimed))
        claimed = True
    return decided


def _released(book: Alerts, rule: Rule, series: Series) -> Iterator[Decided]:
    for kind in AlertKind:
        alert = book.of((rule.setting.rule_id, series.company_id, series.metric, kind))
        if alert is not None and alert.live:
            why = AlertResolution.RULE_RETIRED if rule.setting.retired else AlertResolution.OUT_OF_SCOPE
            yield Decided(_resolved(alert, why, notifies=False))


def _of_variances(
    book: Alerts, rule: Rule, series: Series, variances: Sequence[Variance], now: datetime
) -> list[Decided]:
    compared = [one for one in variances if one.compared]
    alert = book.of((rule.setting.rule_id, series.company_id, series.metric, AlertKind.VARIANCE))
    walk = Walk(rule, series, compared, alert, now)
    walk.go()
    return walk.decided


class Walk:
    """One rule's way through the figures of a series, from where its alert stands to the newest."""

    def __init__(
        self, rule: Rule, series: Series, compared: Sequence[Variance], alert: Alert | None, now: datetime
    ) -> None:
        self.decided: list[Decided] = []
        self._rule = rule
        self._series = series
        self._compared = compared
        self._rated: dict[int, Rating] = {}
        self._alert = alert
        self._now = now

    def go(self) -> None:
        """Looks at what the alert is about again, then at each figure it hasn't dealt with, in order."""
        alert = self._alert
        if alert is not None:
            self._look_again(alert)
            alert = self._alert
        last = len(self._compared) - 1
        for place, one in enumerate(self._compared):
            if alert is not None and one.period.order <= alert.through.order:
                if place == last and self._judged_otherwise(alert, one):
                    self._step(place)
                continue
            # A rule rates what came after it was set; of what was there before, only how things stand.
            if place == last or (one.actual_version or 0) > self._rule.version:
                self._step(place)

    def _judged_otherwise(self, alert: Alert, newest: Variance) -> bool:
        """Whether the rule was changed since it found the newest figure fine; what somebody ended stays ended."""
        return (
            not alert.live
            and alert.rule_version != self._rule.version
            and alert.resolution is not AlertResolution.MANUAL
            and newest.period == alert.through
        )

    def _look_again(self, alert: Alert) -> None:
        """Whether the figure that the alert last dealt with still says what it said."""
        figures = alert.last_figures
        place = next((i for i, one in enumerate(self._compared) if one.period == figures.period), None)
        if place is None:
            if alert.live or alert.ended_by is not None:
                self._withdrawn(alert)
            return
        one, rating = self._compared[place], self._rating(place)
        same = figures.same_as(one)
        if not alert.live:
            # Over is over, unless the very figure that was found fine is now found bad.
            if not same and rating.zone is Zone.BREACH and self._persists(place):
                self._raise(place, AlertChange.REOPENED)
            return
        if same and alert.rule_version == self._rule.version:
            return
        if rating.zone is Zone.CLEAR:
            why = AlertResolution.RULE_CHANGED if same else AlertResolution.RESTATED
            self._resolve(why, one)
        elif rating.zone is Zone.BREACH and self._differs(alert, place):
            self._again(place)
        elif rating.zone is Zone.BREACH and not same and figures.says_as(one):
            # Recorded twice, it is no second breach.
            self._raise(place, AlertChange.UPDATED, counts=False)
        elif rating.zone is Zone.BREACH and not same:
            self._again(place)
        elif not same:
            self._raise(place, AlertChange.UPDATED, severity=alert.severity)

    def _differs(self, alert: Alert, place: int) -> bool:
        """Whether the rule, changed since, makes something else of a figure that is still a breach."""
        opens = alert.stage is AlertStatus.PENDING and self._persists(place)
        return opens or self._severity(self._rating(place)) is not alert.severity

    def _withdrawn(self, alert: Alert) -> None:
        """The figure or its forecast was voided: the newest one left decides."""
        last = len(self._compared) - 1
        bad = last >= 0 and self._rating(last).zone is Zone.BREACH and self._persists(last)
        if not alert.live:
            # A figure newer than those it dealt with begins an alert of its own.
            if bad and self._compared[last].period.order <= alert.through.order:
                self._raise(last, AlertChange.REOPENED)
        elif bad:
            self._again(last)
        else:
            self._resolve(AlertResolution.RESTATED, None, "The figure or its forecast was withdrawn.")

    def _step(self, place: int) -> None:
        alert, zone = self._alert, self._rating(place).zone
        if alert is None or not alert.live:
            if zone is Zone.BREACH:
                self._raise(place, AlertChange.OPENED if self._persists(place) else AlertChange.PENDING)
        elif zone is Zone.BREACH:
            self._again(place)
        elif zone is Zone.CLEAR:
            self._resolve(AlertResolution.AUTOMATIC, self._compared[place])

    def _again(self, place: int) -> None:
        """A breach while there is an alert."""
        alert = self._alert
        assert alert is not None, "there is an alert"
        severity, quiet = self._severity(self._rating(place)), alert.snoozed(self._now)
        if alert.stage is AlertStatus.PENDING:
            self._raise(place, AlertChange.OPENED if self._persists(place) else AlertChange.PENDING)
        elif self._is_told(place) and alert.stage is AlertStatus.OPEN and alert.told_at is None and not quiet:
            # It came as history, so this is the first that people hear of it.
            self._raise(place, AlertChange.OPENED)
        elif severity.rank > (alert.told_severity or alert.severity).rank:
            self._raise(place, AlertChange.WORSENED)
        elif self._is_told(place) and not quiet and _cooled(alert, self._rule, self._now):
            self._raise(place, AlertChange.REPEATED)
        else:
            self._raise(place, AlertChange.UPDATED)

    def _is_told(self, place: int) -> bool:
        """Whether people hear of this figure: not of history, nor of what was known before the rule was set so."""
        one = self._compared[place]
        news = max(one.actual_version or 0, one.forecast_version or 0)
        return BACKFILL not in one.flags and news > self._rule.version

    def _rating(self, place: int) -> Rating:
        """What the rule makes of a figure: of most, which the alert has dealt with, nobody asks."""
        if place not in self._rated:
            self._rated[place] = rate(self._rule.setting, self._compared[place])
        return self._rated[place]

    def _persists(self, place: int) -> bool:
        """Whether enough of the last figures breach, this one among them."""
        setting, length = self._rule.setting, self._compared[place].period.months
        alike = [i for i in range(place + 1) if self._compared[i].period.months == length]
        window = alike[-setting.persistence_window :]
        return sum(self._rating(i).zone is Zone.BREACH for i in window) >= setting.persistence

    @staticmethod
    def _severity(rating: Rating) -> AlertSeverity:
        assert rating.rung is not None, "a breach meets a rung"
        return rating.rung.severity

    def _raise(
        self, place: int, change: AlertChange, severity: AlertSeverity | None = None, *, counts: bool = True
    ) -> None:
        one, rating, last = self._compared[place], self._rating(place), self._alert
        setting = self._rule.setting
        # What is over goes on only where it is reopened; else a new alert follows it.
        goes_on = last is not None and (last.live or change is AlertChange.REOPENED)
        if last is not None and goes_on:
            identity, occurrences, follows = last.id, last.occurrences + counts, last.follows
        else:
            follows, occurrences = None if last is None else last.id, 1
            identity = alert_id(setting.rule_id, one.company_id, one.metric, AlertKind.VARIANCE, one.period, follows)
        quiet = change in (AlertChange.PENDING, AlertChange.UPDATED) or not self._is_told(place)
        event = AlertRaised(
            alert_id=identity,
            rule_id=setting.rule_id,
            rule_version=self._rule.version,
            company_id=self._company(),
            metric_type=one.metric,
            kind=AlertKind.VARIANCE,
            change=change,
            severity=severity or self._severity(rating),
            figures=figures_of(one),
            occurrences=occurrences,
            notifies=not quiet,
            rung=rating.rung,
            follows=follows,
        )
        at = self._dated(one)
        self.decided.append(Decided(event, at))
        self._alert = raised(last if goes_on else None, event, self._told(event, at))

    def _resolve(self, why: AlertResolution, one: Variance | None, reason: str | None = None) -> None:
        alert = self._alert
        assert alert is not None, "there is an alert to resolve"
        history = one is not None and BACKFILL in one.flags
        notifies = alert.told_at is not None and not alert.snoozed(self._now) and not history
        event = _resolved(alert, why, notifies=notifies, reason=reason, by=one)
        at = None if one is None else self._dated(one)
        self.decided.append(Decided(event, at))
        self._alert = changed(alert, event, self._told(event, at))

    def _dated(self, one: Variance) -> datetime | None:
        """History is dated when it was reported, though not before its rule, nor before what the alert has seen."""
        if BACKFILL not in one.flags or one.reported_at is None:
            return None
        at = max(one.reported_at, self._rule.set_at, self._alert.updated_at if self._alert else one.reported_at)
        return at if at < self._now else None

    def _told(self, event: AlertEvent, at: datetime | None) -> Told:
        """The event as it will stand; its version is still to come, and later than all there is."""
        alert = self._alert
        return Told(event, alert.version if alert else 0, at or self._now)

    def _company(self) -> CompanyKey:
        return CompanyKey(self._series.company_id)


def _cooled(alert: Alert, rule: Rule, now: datetime) -> bool:
    # From the last notice, not the last breach: else a breach every half hour would be told once and never again.
    return alert.told_at is None or now - alert.told_at >= timedelta(minutes=rule.setting.cooldown_minutes)


def _resolved(
    alert: Alert,
    why: AlertResolution,
    *,
    notifies: bool,
    reason: str | None = None,
    by: Variance | None = None,
) -> AlertResolved:
    return AlertResolved(
        alert_id=alert.id,
        company_id=CompanyKey(alert.company_id),
        metric_type=alert.metric_type,
        resolution=why,
        notifies=notifies,
        reason=reason,
        figures=None if by is None else figures_of(by),
    )


def _of_missing(
    book: Alerts, rule: Rule, series: Series, variances: Sequence[Variance], now: datetime, *, claimed: bool
) -> Iterator[Decided]:
    """A notice of the newest figure that is overdue. Missing is no zero: it says nothing of the other alerts."""
    setting = rule.setting
    before = book.of((setting.rule_id, series.company_id, series.metric, AlertKind.MISSING_ACTUAL))
    alert = before if before is not None and before.live else None
    missing = [one for one in variances if one.status is VarianceStatus.MISSING_ACTUAL]
    if claimed or not missing:
        if alert is not None:
            yield Decided(_no_longer_missing(alert, variances, now, claimed=claimed))
        return
    newest, due = missing[-1], missing[-1].due_at
    assert due is not None, "what is overdue was due"
    came = alert is not None and all(one.period != alert.figures.period for one in missing)
    # What somebody has put aside stays so; what ended otherwise begins again if it is missing after all.
    dealt_with = before is not None and (before.live or before.resolution is AlertResolution.MANUAL)
    if before is not None and dealt_with and not came and newest.period.order <= before.through.order:
        return
    # What was due before the rule was set so is no news.
    news = due > rule.set_at
    change = AlertChange.OPENED
    if alert is not None and (came or not news or alert.snoozed(now)):
        change = AlertChange.UPDATED
    elif alert is not None and (alert.told_at is not None or alert.stage is not AlertStatus.OPEN):
        change = AlertChange.REPEATED if _cooled(alert, rule, now) else AlertChange.UPDATED
    last = None if before is None else before.id
    begun = alert_id(setting.rule_id, series.company_id, series.metric, AlertKind.MISSING_ACTUAL, newest.period, last)
    yield Decided(
        AlertRaised(
            alert_id=begun if alert is None else alert.id,
            rule_id=setting.rule_id,
            rule_version=rule.version,
            company_id=CompanyKey(series.company_id),
            metric_type=series.metric,
            kind=AlertKind.MISSING_ACTUAL,
            change=change,
            severity=AlertSeverity.INFO,
            figures=figures_of(newest),
            occurrences=1 if alert is None else alert.occurrences + 1,
            notifies=news and change is not AlertChange.UPDATED,
            follows=last if alert is None else alert.follows,
        )
    )


def _no_longer_missing(alert: Alert, variances: Sequence[Variance], now: datetime, *, claimed: bool) -> AlertResolved:
    """Why nothing is overdue any more: it was reported, or nobody waits for it, or not on this rule's behalf."""
    if claimed:
        return _resolved(
            alert, AlertResolution.RULE_CHANGED, notifies=False, reason="An older rule waits for the figure now."
        )
    told = alert.told_at is not None and not alert.snoozed(now)
    if any(one.actual is not None and one.period.overlaps(alert.figures.period) for one in variances):
        return _resolved(alert, AlertResolution.AUTOMATIC, notifies=told, reason="The figure came.")
    return _resolved(alert, AlertResolution.RESTATED, notifies=told, reason="No forecast asks for the figure any more.")


def reminders(book: Alerts, now: datetime) -> list[Decided]:
    """Bad alerts that nobody has acknowledged for a week, to be told again."""
    found = []
    for alert in book.alerts.values():
        if (
            alert.stage is AlertStatus.OPEN
            and alert.severity in REPEATED_SEVERITIES
            and alert.told_at is not None
            and now - alert.told_at >= REPEATED_AFTER
            and not alert.snoozed(now)
            and not book.paused(alert)
        ):
            event = AlertRaised(
                alert_id=alert.id,
                rule_id=alert.rule_id,
                rule_version=alert.rule_version,
                company_id=CompanyKey(alert.company_id),
                metric_type=alert.metric_type,
                kind=alert.kind,
                change=AlertChange.REPEATED,
                severity=alert.severity,
                figures=alert.figures,
                occurrences=alert.occurrences,
                notifies=True,
                rung=alert.rung,
                follows=alert.follows,
            )
            found.append(Decided(event))
    return found
