"""Metrics: what is known of each figure, and how it is told."""

from decimal import Decimal

import pytest

from domain.forecasting import MetricType
from domain.metrics import GRACE_DAYS, METRICS, Metric, MetricKind, MetricUnit, digits, figure_text
from domain.wording import Wording

BASE = Decimal(10_000)
ONE = Decimal(1)
FLOW, STOCK, RATIO = MetricKind
MONEY, PERCENT, MONTHS, HEADS = MetricUnit


def test_every_metric_that_companies_report_is_known() -> None:
    assert list(METRICS) == list(MetricType)


@pytest.mark.parametrize(
    ("metric", "known"),
    [
        (MetricType.REVENUE, Metric(+1, FLOW, MONEY, BASE, 30)),
        (MetricType.EBITDA, Metric(+1, FLOW, MONEY, BASE, 30)),
        (MetricType.CASH_BURN, Metric(-1, FLOW, MONEY, BASE, 30)),
        (MetricType.ARR, Metric(+1, STOCK, MONEY, BASE, 30)),
        (MetricType.VALUATION, Metric(+1, STOCK, MONEY, BASE, 60)),
        (MetricType.CASH, Metric(+1, STOCK, MONEY, BASE, 30)),
        (MetricType.RUNWAY_MONTHS, Metric(+1, STOCK, MONTHS, ONE, 30)),
        (MetricType.GROSS_MARGIN, Metric(+1, RATIO, PERCENT, ONE, 30)),
        (MetricType.CHURN, Metric(-1, RATIO, PERCENT, ONE, 30)),
        (MetricType.HEADCOUNT, Metric(0, STOCK, HEADS, ONE, 30)),
    ],
    ids=lambda one: one.value if isinstance(one, MetricType) else "",
)
def test_a_metric_has_its_polarity_kind_unit_smallest_base_and_lag(metric: MetricType, known: Metric) -> None:
    assert METRICS[metric] == known


def test_a_figure_is_missing_a_fortnight_after_it_is_due() -> None:
    assert GRACE_DAYS == 14


@pytest.mark.parametrize(
    ("figure", "metric", "text"),
    [
        ("1250000", MetricType.REVENUE, "1,250,000 USD"),
        ("-20000.50", MetricType.EBITDA, "-20,000.50 USD"),
        ("0.0001", MetricType.EBITDA, "0.0001 USD"),
        ("1E+6", MetricType.ARR, "1,000,000 USD"),
        ("100", MetricType.VALUATION, "100 USD"),
        ("0.00", MetricType.CASH, "0 USD"),
        ("12.50", MetricType.CHURN, "12.5%"),
        ("-3", MetricType.GROSS_MARGIN, "-3%"),
        ("4.5", MetricType.RUNWAY_MONTHS, "4.5 months"),
        ("1.0", MetricType.RUNWAY_MONTHS, "1 month"),
        ("0", MetricType.RUNWAY_MONTHS, "0 months"),
        ("1200", MetricType.HEADCOUNT, "1,200 people"),
        ("-1", MetricType.HEADCOUNT, "-1 person"),
    ],
)
def test_a_figure_is_told_in_its_unit(figure: str, metric: MetricType, text: str) -> None:
    assert figure_text(Decimal(figure), metric, "USD") == text


def test_a_figure_in_no_currency_stands_alone() -> None:
    assert figure_text(Decimal(5), MetricType.REVENUE, "") == "5"


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        ("12345678901234567890123456789012345678", "12,345,678,901,234,567,890,123,456,789,012,345,678"),
        ("0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"),
        ("1000", "1,000"),
        ("10.10", "10.1"),
    ],
)
def test_no_digit_of_a_figure_is_lost(figure: str, text: str) -> None:
    assert digits(Decimal(figure)) == text


@pytest.mark.parametrize("kind", [MetricKind, MetricUnit], ids=lambda kind: kind.__name__)
def test_every_kind_and_unit_is_stored_by_its_name_and_says_what_it_means(kind: type[Wording]) -> None:
    assert all(member.name == member.value and member.text.endswith(".") for member in kind)
