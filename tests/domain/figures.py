"""Figures in short: periods, plans and reports with both clocks, and the story of a fund whose rules look at them.

story = Story(RULE).plans({Q1: 1_000_000}).reports(Q1, 700_000)
assert story.assess() == ["OPENED CRITICAL, told"]
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import count
from typing import Any

from domain.alerting import Decided, assess, reminders
from domain.alerts import (
    Alert,
    AlertChange,
    AlertEvent,
    AlertKind,
    AlertRaised,
    AlertResolved,
    Alerts,
    Told,
    figures_of,
)
from domain.correction import EventVoided
from domain.event import CompanyKey, Event
from domain.forecasting import ActualRecorded, ForecastCreated, ForecastKind, ForecastPeriod, MetricType
from domain.fund import Fund, Holding
from domain.matching import Learned, Series, SeriesKey, series_of
from domain.periods import Calendar, Period
from domain.rules import AlertRuleSet, AlertSeverity
from domain.variance import Variance, VarianceStatus, difference
from tests.spec import ACME, BETA, instant

REVENUE = MetricType.REVENUE
Figure = int | str | Decimal


def month(year: int, number: int) -> Period:
    """The month, counted from 1."""
    return Period(date(year, number, 1), _last_day(year, number))


def quarter(year: int, number: int) -> Period:
    """The quarter, counted from 1."""
    return Period(date(year, 3 * number - 2, 1), _last_day(year, 3 * number))


def year(number: int) -> Period:
    """The calendar year."""
    return Period(date(number, 1, 1), date(number, 12, 31))


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


Q1, Q2, Q3, Q4 = (quarter(2025, number) for number in range(1, 5))
QUARTERS = (Q1, Q2, Q3, Q4)
RULE = AlertRuleSet("rule", "Revenue misses", (REVENUE,))
PLANNED = "2024-12-15"
"""Before all quarters above."""


def decimal(figure: Figure) -> Decimal:
    """The figure, exactly."""
    return Decimal(figure)


def moment(at: str | datetime) -> datetime:
    """An instant of text in UTC, or as it is."""
    return instant(at) if isinstance(at, str) else at


def held(*companies: CompanyKey, stage: str | None = "Seed") -> Fund:
    """A fund that holds these companies."""
    return Fund(currency="USD", companies={one: Holding(one, one.capitalize(), stage=stage) for one in companies})


class Records:
    """Forecasts, reports and voids, as the ledger would number and date them."""

    def __init__(self) -> None:
        self.known: list[Learned] = []
        self._versions = count(1)

    def next_version(self) -> int:
        """The next fact's."""
        return next(self._versions)

    def record(
        self, event: Event, recorded: str | datetime, occurred: str | datetime | None = None, request: str | None = None
    ) -> int:
        """Takes an event in, true when it was learned unless told otherwise; its version."""
        at = moment(recorded)
        version = self.next_version()
        self.known.append(Learned(version, at if occurred is None else moment(occurred), at, request, event))
        return version

    def plan(
        self,
        figures: Mapping[Period, Figure],
        recorded: str | datetime = PLANNED,
        *,
        made: str | datetime | None = None,
        kind: ForecastKind = ForecastKind.REFORECAST,
        metric: MetricType = REVENUE,
        company: CompanyKey = ACME,
    ) -> int:
        """A forecast; its version."""
        periods = tuple(ForecastPeriod(*period, decimal(figure)) for period, figure in figures.items())
        return self.record(ForecastCreated(company, metric, periods, kind), recorded, made)

    def report(
        self,
        period: Period,
        figure: Figure,
        recorded: str | datetime | None = None,
        *,
        reported: str | datetime | None = None,
        restates: int | None = None,
        request: str | None = None,
        metric: MetricType = REVENUE,
        company: CompanyKey = ACME,
    ) -> int:
        """A report, by default twenty days after its period; its version."""
        at = in_time(period) if recorded is None else recorded
        event = ActualRecorded(company, metric, decimal(figure), *period, supersedes_version=restates)
        return self.record(event, at, reported, request)

    def void(self, version: int, recorded: str | datetime = "2026-06-01") -> int:
        """A void of an earlier fact; its version."""
        return self.record(EventVoided(version, "wrong"), recorded)

    @property
    def series(self) -> dict[SeriesKey, Series]:
        """What stands, by company and metric."""
        return series_of(self.known)

    def of(self, metric: MetricType = REVENUE, company: CompanyKey = ACME) -> Series:
        """What stands of one series."""
        return self.series.get((company, metric)) or Series(company, metric)


def in_time(period: Period, days: int = 20) -> datetime:
    """So many days after the period."""
    return datetime.combine(period.end, datetime.min.time(), UTC) + timedelta(days=days)


class Story:
    """A fund whose rules look at its figures: facts, decisions and people's answers, folded into its book in order.

    Time goes on with what is recorded; `assess` looks at how things stand by then, and records what it decides.
    """

    def __init__(self, *rules: AlertRuleSet, set_at: str | datetime = "2024-12-01", zone: tzinfo = UTC) -> None:
        self.records = Records()
        self.book = Alerts()
        self.told: list[Told] = []
        self.fund = held(ACME, BETA)
        self.zone = zone
        self.now = moment(set_at)
        self.decided: list[Decided] = []
        for rule in rules:
            self.set(rule)

    @property
    def calendar(self) -> Calendar:
        """The fund's days as of now."""
        return Calendar(self.zone, self.now)

    def at(self, when: str | datetime) -> "Story":
        """Goes on to a moment."""
        self.now = moment(when)
        return self

    def later(self, **ahead: int) -> "Story":
        """Goes on by so many days, hours or minutes."""
        self.now += timedelta(**ahead)
        return self

    def set(self, rule: AlertRuleSet, when: str | datetime | None = None) -> "Story":
        """Sets a rule."""
        self._go(when)
        return self.tell(rule)

    def plans(
        self, figures: Mapping[Period, Figure], when: str | datetime = PLANNED, *, metric: MetricType = REVENUE
    ) -> "Story":
        """Records a forecast."""
        self._go(when)
        self.records.plan(figures, self.now, metric=metric)
        return self

    def reports(
        self,
        period: Period,
        figure: Figure,
        when: str | datetime | None = None,
        *,
        reported: str | datetime | None = None,
        restates: int | None = None,
        request: str | None = None,
        metric: MetricType = REVENUE,
    ) -> "Story":
        """Records a report, by default twenty days after its period."""
        self._go(in_time(period) if when is None else when)
        self.records.report(
            period, figure, self.now, reported=reported, restates=restates, request=request, metric=metric
        )
        return self

    def restates(self, period: Period, figure: Figure, when: str | datetime | None = None) -> "Story":
        """Records a report in place of the one that stands, a day later unless told otherwise."""
        known = self.records.of().newest_reports()[period].version
        return self.reports(period, figure, self.now + timedelta(days=1) if when is None else when, restates=known)

    def voids(self, version: int, when: str | datetime | None = None) -> "Story":
        """Voids a fact, a day later unless told otherwise."""
        self._go(self.now + timedelta(days=1) if when is None else when)
        self.records.void(version, self.now)
        return self

    def tell(self, event: AlertEvent | AlertRuleSet, at: datetime | None = None, actor: str = "ann") -> "Story":
        """Takes a fact about alerts into the book."""
        fact = Told(event, self.records.next_version(), at or self.now, actor)
        self.told.append(fact)
        self.book.tell(fact)
        return self

    def assess(
        self, when: str | datetime | None = None, *, metric: MetricType = REVENUE, company: CompanyKey = ACME
    ) -> list[str]:
        """What the rules decide on one series, in short. Asked again, they decide nothing."""
        self._go(when)
        self.decided = self._assessed(metric, company)
        for one in self.decided:
            self.tell(one.event, one.occurred_at, "system")
        again = self._assessed(metric, company)
        assert again == [], f"decides again: {[brief(one) for one in again]}"
        return [brief(one) for one in self.decided]

    def _assessed(self, metric: MetricType, company: CompanyKey) -> list[Decided]:
        return assess(self.book, self.records.of(metric, company), self.fund, self.calendar)

    def reminds(self, when: str | datetime | None = None) -> list[str]:
        """Who is reminded of what, in short."""
        self._go(when)
        self.decided = reminders(self.book, self.now)
        for one in self.decided:
            self.tell(one.event, one.occurred_at, "system")
        assert reminders(self.book, self.now) == []
        return [brief(one) for one in self.decided]

    def alert(self, kind: AlertKind = AlertKind.VARIANCE, rule_id: str = "rule", metric: MetricType = REVENUE) -> Alert:
        """The newest alert of a rule on Acme."""
        found = self.book.of((rule_id, ACME, metric, kind))
        assert found is not None, "no alert"
        return found

    def version_of(self, period: Period) -> int:
        """Version of the revenue report that counts for a period."""
        return self.records.of().newest_reports()[period].version

    def _go(self, when: str | datetime | None) -> None:
        if when is not None:
            assert moment(when) >= self.now, f"{when} lies before {self.now}"
            self.now = moment(when)


def brief(decided: Decided) -> str:
    """What was decided, in short."""
    event = decided.event
    if isinstance(event, AlertRaised):
        kind = "" if event.kind is AlertKind.VARIANCE else "MISSING "
        return f"{event.change} {kind}{event.severity}, {'told' if event.notifies else 'quiet'}"
    assert isinstance(event, AlertResolved)
    return f"RESOLVED {event.resolution}, {'told' if event.notifies else 'quiet'}"


def varied(forecast: Figure, actual: Figure, metric: MetricType = REVENUE, **changes: Any) -> Variance:
    """A figure compared with its forecast, of the first quarter."""
    planned, reported = decimal(forecast), decimal(actual)
    variance, percent, favourable = difference(metric, planned, reported)
    status = VarianceStatus.OK if percent is not None else VarianceStatus.BASE_TOO_SMALL
    known: dict[str, Any] = {
        "company_id": ACME,
        "metric": metric,
        "period": Q1,
        "status": status,
        "forecast": planned,
        "actual": reported,
        "variance": variance,
        "percent": percent,
        "favourable": favourable,
        "forecast_version": 2,
        "actual_version": 3,
    }
    return Variance(**{**known, **changes})


def raised(variance: Variance, **changes: Any) -> AlertRaised:
    """A critical alert on a figure, just opened by the rule above."""
    known: dict[str, Any] = {
        "alert_id": "a",
        "rule_id": RULE.rule_id,
        "rule_version": 1,
        "company_id": CompanyKey(variance.company_id),
        "metric_type": variance.metric,
        "kind": AlertKind.VARIANCE,
        "change": AlertChange.OPENED,
        "severity": AlertSeverity.CRITICAL,
        "figures": figures_of(variance),
        "occurrences": 1,
        "notifies": True,
        "rung": RULE.ladder[1],
    }
    return AlertRaised(**{**known, **changes})
