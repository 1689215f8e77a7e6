"""Summaries: a fund's variances and alerts, by company, metric or period."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from domain.alerts import Alert, Alerts, AlertStatus
from domain.forecasting import MetricType
from domain.metrics import METRICS, MetricUnit
from domain.money import Money, cents_of, total
from domain.periods import Period
from domain.rules import AlertSeverity
from domain.variance import Variance
from domain.wording import Wording


class VarianceGrouping(Wording):
    """What a summary has a row for."""

    COMPANY = "COMPANY", "Each company, by its key."
    METRIC = "METRIC", "Each metric."
    PERIOD = "PERIOD", "Each period, as `2026-07-01/2026-09-30`."


def period_key(period: Period) -> str:
    """The period as a row's key."""
    return f"{period.start.isoformat()}/{period.end.isoformat()}"


def _key(by: VarianceGrouping, company_id: str, metric: MetricType, period: Period) -> str:
    match by:
        case VarianceGrouping.COMPANY:
            return company_id
        case VarianceGrouping.METRIC:
            return metric.value
        case _:
            return period_key(period)


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One group.

    Attributes:
        figures: Reported figures and overdue ones.
        by_severity: Alerts that have opened and aren't over, those of paused rules left out.
        favourable: Sum of the variances that are good news, of metrics in money.
        unfavourable: Sum of those that are bad news, as a positive amount.
        worst: The unfavourable one with the largest percentage, or without any, the largest difference.
        on_time_share: Of the figures, reported by their due date; None for no figures.
    """

    key: str
    figures: int
    by_severity: Mapping[AlertSeverity, int]
    favourable: Money
    unfavourable: Money
    worst: Variance | None
    on_time_share: float | None


@dataclass(slots=True)
class _Group:
    variances: list[Variance] = field(default_factory=list)
    severities: Counter[AlertSeverity] = field(default_factory=Counter)


def summarise(variances: Iterable[Variance], alerts: Iterable[Alert], by: VarianceGrouping) -> list[SummaryRow]:
    """A row a group, by key. `alerts` are those to count."""
    groups: dict[str, _Group] = {}
    for one in variances:
        groups.setdefault(_key(by, one.company_id, one.metric, one.period), _Group()).variances.append(one)
    for alert in alerts:
        key = _key(by, alert.company_id, alert.metric_type, alert.figures.period)
        groups.setdefault(key, _Group()).severities[alert.severity] += 1
    return [_row(key, group) for key, group in sorted(groups.items())]


def counted(book: Alerts) -> list[Alert]:
    """The alerts that a summary counts: open or acknowledged, of rules that aren't paused."""
    stages = (AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED)
    return [alert for alert in book.alerts.values() if alert.stage in stages and not book.paused(alert)]


def badness(one: Variance) -> tuple[object, ...]:
    """Orders unfavourable variances from the worst."""
    assert one.variance is not None, "only what was compared is unfavourable"
    # copy_abs() and copy_negate() don't round, as abs() and a minus sign do.
    percent = Decimal(-1) if one.percent is None else one.percent.copy_abs()
    return percent.copy_negate(), one.variance.copy_abs().copy_negate(), one.company_id, one.metric.value, *one.period


def _row(key: str, group: _Group) -> SummaryRow:
    figures = len(group.variances)
    unfavourable = [one for one in group.variances if one.favourable is False]
    on_time = sum(one.on_time for one in group.variances)
    return SummaryRow(
        key=key,
        figures=figures,
        by_severity=dict(group.severities),
        favourable=_sum(one for one in group.variances if one.favourable),
        unfavourable=_sum(unfavourable),
        worst=min(unfavourable, key=badness, default=None),
        on_time_share=on_time / figures if figures else None,
    )


def _sum(variances: Iterable[Variance]) -> Money:
    return cents_of(
        total(
            one.variance.copy_abs()
            for one in variances
            if one.variance is not None and METRICS[one.metric].unit is MetricUnit.MONEY
        )
    )
