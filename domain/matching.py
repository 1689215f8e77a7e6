"""Matching: which forecast was in force for a reported period. Never by metric alone, and nothing is pro-rated."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from domain.correction import EventVoided
from domain.event import Event
from domain.forecasting import ActualRecorded, ForecastCreated, ForecastKind, MetricType
from domain.metrics import METRICS, MetricKind
from domain.money import total
from domain.periods import Calendar, Period
from domain.wording import Wording

LOCK_DAYS = 5
"""Days into a period in which its plan can still be settled."""
_DAY = timedelta(days=1)


class ForecastPolicy(Wording):
    """Which forecast a reported figure is held against."""

    LATEST_AT_PERIOD_START = (
        "LATEST_AT_PERIOD_START",
        "The newest one made and recorded no later than five days into the period: a later one can't hide a miss.",
    )
    LATEST_AT_EFFECTIVE_DATE = (
        "LATEST_AT_EFFECTIVE_DATE",
        "The newest one made by the period's last day, whenever it was recorded: a late re-forecast hides a miss.",
    )
    BUDGET_LOCK = (
        "BUDGET_LOCK",
        "The newest budget made no later than five days into the period; nothing else counts.",
    )
    ORIGINAL_UNDERWRITE = "ORIGINAL_UNDERWRITE", "What the fund assumed when it first invested."


@dataclass(frozen=True, slots=True)
class Learned:
    """An event with both its clocks, as the ledger gave them.

    Attributes:
        request: What came in one request or import has this in common.
    """

    version: int
    occurred_at: datetime
    recorded_at: datetime
    request: str | None
    event: Event


@dataclass(frozen=True, slots=True)
class Plan:
    """What one forecast says of one period."""

    period: Period
    projected: Decimal
    kind: ForecastKind
    version: int
    occurred_at: datetime
    recorded_at: datetime

    @property
    def newness(self) -> tuple[object, ...]:
        """Orders plans by both clocks. Where these are equal the figure and its period decide, never who came first."""
        return self.occurred_at, self.recorded_at, self.kind.value, self.projected, self.period, self.version


@dataclass(frozen=True, slots=True)
class Report:
    """A reported figure.

    Attributes:
        restates: Version of the earlier report it takes the place of.
    """

    period: Period
    actual: Decimal
    version: int
    occurred_at: datetime
    recorded_at: datetime
    request: str | None
    restates: int | None

    @property
    def newness(self) -> tuple[object, ...]:
        """Orders reports as plans are."""
        return self.occurred_at, self.recorded_at, self.actual, self.version


@dataclass(slots=True)
class Series:
    """One company's plans and reports of one metric that stand: voided ones and those restated are left out."""

    company_id: str
    metric: MetricType
    plans: list[Plan] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def newest_reports(self) -> dict[Period, Report]:
        """The report that counts for each period, by period."""
        newest: dict[Period, Report] = {}
        for report in sorted(self.reports, key=lambda one: one.newness):
            newest[report.period] = report
        return dict(sorted(newest.items(), key=lambda placed: placed[0].order))


SeriesKey = tuple[str, MetricType]


def series_of(facts: Iterable[Learned]) -> dict[SeriesKey, Series]:
    """Plans and reports by company and metric, from forecasts, reports and voids in any order."""
    known = list(facts)
    voided = {fact.event.version for fact in known if isinstance(fact.event, EventVoided)}
    standing = [fact for fact in known if fact.version not in voided]
    restated = {fact.event.supersedes_version for fact in standing if isinstance(fact.event, ActualRecorded)}
    found: dict[SeriesKey, Series] = {}
    for fact in standing:
        event = fact.event
        if isinstance(event, ForecastCreated):
            series = _series(found, event.company_id, event.metric_type)
            series.plans.extend(
                Plan(
                    Period(period.start, period.end),
                    period.projected_value,
                    event.kind,
                    fact.version,
                    fact.occurred_at,
                    fact.recorded_at,
                )
                for period in event.periods
            )
        elif isinstance(event, ActualRecorded) and fact.version not in restated:
            _series(found, event.company_id, event.metric_type).reports.append(
                Report(
                    Period(event.period_start, event.period_end),
                    event.value,
                    fact.version,
                    fact.occurred_at,
                    fact.recorded_at,
                    fact.request,
                    event.supersedes_version,
                )
            )
    return found


def _series(found: dict[SeriesKey, Series], company_id: str, metric: MetricType) -> Series:
    key = company_id, metric
    if key not in found:
        found[key] = Series(company_id, metric)
    return found[key]


@dataclass(frozen=True, slots=True)
class Basis:
    """How forecasts are chosen.

    Attributes:
        backdated: Whether the default policy takes forecasts that were recorded too late to have been in force.
    """

    policy: ForecastPolicy = ForecastPolicy.LATEST_AT_PERIOD_START
    backdated: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The forecast in force for a period.

    Attributes:
        projected: None where none was in force, or its parts don't make the whole period.
        version: Of the newest fact it comes from.
        incomplete: Whether there were parts that don't make the whole.
        backdated: Whether it was recorded too late to have been in force then.
        ignored: Whether one recorded too late was left out.
    """

    projected: Decimal | None = None
    version: int | None = None
    incomplete: bool = False
    backdated: bool = False
    ignored: bool = False


class Plans:
    """The plans of one series, arranged so that each period finds its own quickly."""

    def __init__(self, series: Series, basis: Basis, calendar: Calendar) -> None:
        self._kind = METRICS[series.metric].kind
        self._basis = basis
        self._calendar = calendar
        wanted = {
            ForecastPolicy.BUDGET_LOCK: ForecastKind.BUDGET,
            ForecastPolicy.ORIGINAL_UNDERWRITE: ForecastKind.UNDERWRITE,
        }.get(basis.policy)
        self._plans = sorted(
            (plan for plan in series.plans if wanted in (None, plan.kind)), key=lambda plan: plan.period.start
        )
        self._starts = [plan.period.start for plan in self._plans]

    def periods(self) -> list[Period]:
        """Every period that some plan speaks of, in order."""
        return sorted({plan.period for plan in self._plans}, key=lambda period: period.order)

    def in_force(self, period: Period) -> Match:
        """The forecast that a figure of the period is held against."""
        limit = self._limit(period)
        eligible, ignored = self._eligible(period, limit)
        best: dict[Period, Plan] = {}
        for plan in eligible:
            before = best.get(plan.period)
            best[plan.period] = plan if before is None else self._chosen((plan, before))
        whole = best.pop(period, None)
        parts = self._parts(period, best) if best else None
        # Parts are as new as the newest of them.
        if whole is not None and (parts is None or self._chosen((whole, _newest(parts))) is whole):
            parts = [whole]
        if parts is None:
            return Match(incomplete=bool(best), ignored=ignored)
        projected = total(part.projected for part in parts)
        backdated = any(part.recorded_at >= limit for part in parts)
        return Match(projected, max(part.version for part in parts), backdated=backdated, ignored=ignored)

    def _chosen(self, plans: Iterable[Plan]) -> Plan:
        """The one of several that counts: the newest, but of what was underwritten the oldest."""
        return _oldest(plans) if self._basis.policy is ForecastPolicy.ORIGINAL_UNDERWRITE else _newest(plans)

    def _limit(self, period: Period) -> datetime:
        """The instant before which a forecast must have been made."""
        if self._basis.policy is ForecastPolicy.LATEST_AT_EFFECTIVE_DATE:
            return self._calendar.end_of(period.end)
        return self._calendar.end_after(period.start, LOCK_DAYS)

    def _eligible(self, period: Period, limit: datetime) -> tuple[list[Plan], bool]:
        recorded_too = self._basis.policy is ForecastPolicy.LATEST_AT_PERIOD_START and not self._basis.backdated
        original = self._basis.policy is ForecastPolicy.ORIGINAL_UNDERWRITE
        eligible, ignored = [], False
        for plan in self._within(period):
            if plan.occurred_at >= limit and not original:
                continue
            if recorded_too and plan.recorded_at >= limit:
                ignored = True
                continue
            eligible.append(plan)
        return eligible, ignored

    def _within(self, period: Period) -> Iterable[Plan]:
        place = bisect_left(self._starts, period.start)
        while place < len(self._plans) and self._starts[place] <= period.end:
            if self._plans[place].period.end <= period.end:
                yield self._plans[place]
            place += 1

    def _parts(self, period: Period, best: dict[Period, Plan]) -> Sequence[Plan] | None:
        """The plans of shorter periods that make the period's figure; None where they don't."""
        if self._kind is MetricKind.FLOW:
            return _tiling(period, best.values(), self._chosen)
        if self._kind is MetricKind.STOCK:
            last = [plan for plan in best.values() if plan.period.end == period.end]
            return [self._chosen(last)] if last else None
        return None


def _newest(plans: Iterable[Plan]) -> Plan:
    return max(plans, key=lambda plan: plan.newness)


def _oldest(plans: Iterable[Plan]) -> Plan:
    return min(plans, key=lambda plan: plan.newness)


def _tiling(period: Period, parts: Iterable[Plan], chosen: Callable[[Iterable[Plan]], Plan]) -> Sequence[Plan] | None:
    """Plans that follow each other from the period's first day to its last, chosen wherever there is a choice."""
    by_start: defaultdict[date, list[Plan]] = defaultdict(list)
    for plan in parts:
        by_start[plan.period.start].append(plan)
    # From the end: what follows a plan is known when the plan is looked at.
    reaching: dict[date, Plan] = {}
    for start in sorted(by_start, reverse=True):
        able = [plan for plan in by_start[start] if plan.period.end == period.end or plan.period.end + _DAY in reaching]
        if able:
            reaching[start] = chosen(able)
    tiling, start = list[Plan](), period.start
    while start in reaching:
        tiling.append(reaching[start])
        start = tiling[-1].period.end + _DAY
    return tiling or None
