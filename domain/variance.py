"""Variance: a company's reported figure against the forecast in force then, for the same period. Decimal throughout."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from domain.forecasting import MetricType
from domain.matching import Basis, Plans, Report, Series
from domain.metrics import GRACE_DAYS, METRICS
from domain.money import EXACT
from domain.periods import Calendar, Period
from domain.wording import Wording

_MILLIONTH = Decimal("0.000001")
LONGEST_NEWS = timedelta(days=366)
"""A request that brings more of one series than this is history, not news."""
SHORTEST_LATENESS = 90
"""Days after a figure is missing in which it still is news when it comes; a longer period's own length where longer."""

SIGN_CROSS, BACKDATED, BACKDATED_IGNORED = "SIGN_CROSS", "BACKDATED", "BACKDATED_IGNORED"
BACKFILL, RESTATED, LATE = "BACKFILL", "RESTATED", "LATE"
FLAGS: Mapping[str, str] = {
    SIGN_CROSS: "Actual and forecast differ in sign.",
    BACKDATED: "The forecast was recorded too late to have been in force then.",
    BACKDATED_IGNORED: "A forecast recorded too late to have been in force then was left out.",
    BACKFILL: "The figure came as history: it is rated, and nobody is told.",
    RESTATED: "The figure takes the place of an earlier report.",
    LATE: "The company reported it after it was due.",
}
"""What each flag says."""


class VarianceStatus(Wording):
    """Whether a figure could be compared, and why not."""

    OK = "OK", "Compared."
    NO_FORECAST = "NO_FORECAST", "No forecast of this period was in force."
    FORECAST_INCOMPLETE = (
        "FORECAST_INCOMPLETE",
        "Forecasts in force cover parts of the period, not the whole.",
    )
    MISSING_ACTUAL = "MISSING_ACTUAL", "The figure is overdue."
    BASE_TOO_SMALL = "BASE_TOO_SMALL", "Compared, but the forecast is too near to zero for a percentage."


COMPARED = (VarianceStatus.OK, VarianceStatus.BASE_TOO_SMALL)


@dataclass(frozen=True, slots=True)
class Variance:
    """One figure against its forecast.

    Attributes:
        variance: Actual − forecast; in percentage points for metrics in percent.
        percent: 100 × variance / |forecast|, to six decimals; None where the forecast is below the smallest base.
        favourable: Whether the variance is good news; None for none at all and for metrics that are neither.
        flags: Of `FLAGS`.
        due_at: The instant by which the figure is due.
        reported_at: When the company reported it, by the caller's clock.
        recorded_at: When it was learned.
    """

    company_id: str
    metric: MetricType
    period: Period
    status: VarianceStatus
    forecast: Decimal | None = None
    actual: Decimal | None = None
    variance: Decimal | None = None
    percent: Decimal | None = None
    favourable: bool | None = None
    flags: tuple[str, ...] = ()
    forecast_version: int | None = None
    actual_version: int | None = None
    due_at: datetime | None = None
    reported_at: datetime | None = None
    recorded_at: datetime | None = None

    @property
    def compared(self) -> bool:
        """Whether there is a variance to rate."""
        return self.status in COMPARED

    @property
    def on_time(self) -> bool:
        """Whether it was reported by its due date."""
        return self.reported_at is not None and LATE not in self.flags


def difference(metric: MetricType, forecast: Decimal, actual: Decimal) -> tuple[Decimal, Decimal | None, bool | None]:
    """Variance, percent and whether it is favourable."""
    known = METRICS[metric]
    variance = EXACT.subtract(actual, forecast)
    # abs() would round to the usual 28 digits.
    percent, base = None, forecast.copy_abs()
    if base >= known.smallest_base:
        ratio = EXACT.divide(EXACT.multiply(variance, Decimal(100)), base)
        # A context as exact as the rest: a huge percentage has more digits than the usual one.
        # Plus nothing, so that a tiny miss isn't a negative zero.
        percent = EXACT.plus(ratio.quantize(_MILLIONTH, ROUND_HALF_EVEN, EXACT))
    favourable = None if variance == 0 or known.polarity == 0 else (variance > 0) == (known.polarity > 0)
    return variance, percent, favourable


def compare(series: Series, basis: Basis, calendar: Calendar) -> list[Variance]:
    """Every reported figure of the series against its forecast, and every figure that is overdue, by period."""
    plans = Plans(series, basis, calendar)
    reports = series.newest_reports()
    history = _history(series, reports, calendar)
    found = [
        _compared(series, report, plans, calendar, backfill=report.version in history) for report in reports.values()
    ]
    found.extend(_missing(series, plans, reports, calendar))
    return sorted(found, key=lambda one: one.period.order)


def due_at(metric: MetricType, period: Period, calendar: Calendar) -> datetime:
    """The instant by which a period's figure is due."""
    return calendar.end_after(period.end, METRICS[metric].lag_days)


def missing_at(metric: MetricType, period: Period, calendar: Calendar) -> datetime:
    """The instant from which a period's figure is missing."""
    return calendar.end_after(period.end, METRICS[metric].lag_days + GRACE_DAYS)


def _compared(series: Series, report: Report, plans: Plans, calendar: Calendar, *, backfill: bool) -> Variance:
    match = plans.in_force(report.period)
    due = due_at(series.metric, report.period, calendar)
    flags = {
        BACKDATED: match.backdated,
        BACKDATED_IGNORED: match.ignored,
        BACKFILL: backfill,
        RESTATED: report.restates is not None,
        LATE: report.occurred_at >= due,
    }
    variance = percent = favourable = None
    status = VarianceStatus.FORECAST_INCOMPLETE if match.incomplete else VarianceStatus.NO_FORECAST
    if match.projected is not None:
        variance, percent, favourable = difference(series.metric, match.projected, report.actual)
        status = VarianceStatus.OK if percent is not None else VarianceStatus.BASE_TOO_SMALL
        flags = {SIGN_CROSS: match.projected * report.actual < 0, **flags}
    return Variance(
        company_id=series.company_id,
        metric=series.metric,
        period=report.period,
        status=status,
        forecast=match.projected,
        actual=report.actual,
        variance=variance,
        percent=percent,
        favourable=favourable,
        flags=tuple(flag for flag, raised in flags.items() if raised),
        forecast_version=match.version,
        actual_version=report.version,
        due_at=due,
        reported_at=report.occurred_at,
        recorded_at=report.recorded_at,
    )


def _missing(series: Series, plans: Plans, reports: Mapping[Period, Report], calendar: Calendar) -> list[Variance]:
    """Periods that a forecast in force speaks of and no report does, once they are overdue."""
    found = []
    for period in plans.periods():
        if missing_at(series.metric, period, calendar) > calendar.now:
            continue
        # A company that plans by the month and reports by the quarter misses nothing.
        if period in reports or any(period.overlaps(reported) for reported in reports):
            continue
        match = plans.in_force(period)
        if match.projected is not None:
            found.append(
                Variance(
                    company_id=series.company_id,
                    metric=series.metric,
                    period=period,
                    status=VarianceStatus.MISSING_ACTUAL,
                    forecast=match.projected,
                    flags=(BACKDATED,) if match.backdated else (),
                    forecast_version=match.version,
                    due_at=due_at(series.metric, period, calendar),
                )
            )
    return found


def _history(series: Series, reports: Mapping[Period, Report], calendar: Calendar) -> set[int]:
    """Versions of the reports that came as history: late, behind a later period's, or years of them at once."""
    ends: dict[str, list[Period]] = {}
    for report in reports.values():
        if report.request is not None:
            ends.setdefault(report.request, []).append(report.period)
    long = {
        request
        for request, periods in ends.items()
        if len(periods) > 1
        and max(period.end for period in periods) - min(period.start for period in periods) > LONGEST_NEWS
    }
    found, earliest = set[int](), dict[int, datetime]()
    # From the newest: by length, when one that ends later was first learned. Years and months keep their own pace.
    for period, report in reversed(list(reports.items())):
        lag = METRICS[series.metric].lag_days + GRACE_DAYS + max(SHORTEST_LATENESS, period.days)
        late = report.recorded_at >= calendar.end_after(period.end, lag)
        first = earliest.get(period.months, report.recorded_at)
        if late or report.request in long or first < report.recorded_at:
            found.add(report.version)
        earliest[period.months] = min(first, report.recorded_at)
    return found
