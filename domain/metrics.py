"""Metrics: what is known of each figure that companies plan and report. Data, so that no rule branches on a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from domain.forecasting import MetricType
from domain.wording import Wording

GRACE_DAYS = 14
"""Days after its due date before a figure counts as missing."""
_MONTH, _VALUED = 30, 60


class MetricKind(Wording):
    """How a figure of a period comes from those of its parts."""

    FLOW = "FLOW", "The sum of its parts."
    STOCK = "STOCK", "The last of its parts."
    RATIO = "RATIO", "Neither: only a figure of the whole period will do."


class MetricUnit(Wording):
    """What a figure is counted in."""

    MONEY = "MONEY", "The fund's currency."
    PERCENT = "PERCENT", "Percent; differences are percentage points."
    MONTHS = "MONTHS", "Months."
    HEADS = "HEADS", "People."


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the registry.

    Attributes:
        polarity: +1 where more is better, −1 where less is, 0 where neither.
        smallest_base: Forecasts nearer to zero give no percentage: a small base makes any miss look huge.
        lag_days: Days after a period's end by which its figure is due.
    """

    polarity: int
    kind: MetricKind
    unit: MetricUnit
    smallest_base: Decimal
    lag_days: int = _MONTH


def _money(polarity: int, kind: MetricKind, lag_days: int = _MONTH) -> Metric:
    return Metric(polarity, kind, MetricUnit.MONEY, Decimal(10_000), lag_days)


def _other(polarity: int, kind: MetricKind, unit: MetricUnit) -> Metric:
    return Metric(polarity, kind, unit, Decimal(1))


METRICS: Mapping[MetricType, Metric] = MappingProxyType(
    {
        MetricType.REVENUE: _money(+1, MetricKind.FLOW),
        MetricType.EBITDA: _money(+1, MetricKind.FLOW),
        MetricType.CASH_BURN: _money(-1, MetricKind.FLOW),
        MetricType.ARR: _money(+1, MetricKind.STOCK),
        MetricType.VALUATION: _money(+1, MetricKind.STOCK, _VALUED),
        MetricType.CASH: _money(+1, MetricKind.STOCK),
        MetricType.RUNWAY_MONTHS: _other(+1, MetricKind.STOCK, MetricUnit.MONTHS),
        MetricType.GROSS_MARGIN: _other(+1, MetricKind.RATIO, MetricUnit.PERCENT),
        MetricType.CHURN: _other(-1, MetricKind.RATIO, MetricUnit.PERCENT),
        MetricType.HEADCOUNT: _other(0, MetricKind.STOCK, MetricUnit.HEADS),
    }
)
"""Every metric."""


def digits(figure: Decimal) -> str:
    """All its digits, thousands separated, without zeros at the end: `1,250,000.5`."""
    # normalize() would round to the context's 28 digits.
    text = f"{figure:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure_text(figure: Decimal, metric: MetricType, currency: str) -> str:
    """The figure as it stands in a sentence, such as `1,250,000 USD` or `4.5 months`."""
    text, one = digits(figure), abs(figure) == 1
    match METRICS[metric].unit:
        case MetricUnit.MONEY:
            whole, point, cents = text.partition(".")
            return f"{whole}{point}{cents.ljust(2, '0') if point else ''} {currency}".rstrip()
        case MetricUnit.PERCENT:
            return f"{text}%"
        case MetricUnit.MONTHS:
            return f"{text} {'month' if one else 'months'}"
        case _:
            return f"{text} {'person' if one else 'people'}"
