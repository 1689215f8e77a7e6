"""Variance: the arithmetic, the flags, and what is listed without one."""

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from domain.forecasting import MetricType
from domain.matching import Basis, ForecastPolicy
from domain.periods import Calendar, Period
from domain.variance import (
    BACKDATED,
    BACKDATED_IGNORED,
    BACKFILL,
    FLAGS,
    LATE,
    RESTATED,
    SIGN_CROSS,
    Variance,
    VarianceStatus,
    compare,
    difference,
    due_at,
    missing_at,
)
from tests.domain.figures import Q1, Q2, Q3, QUARTERS, REVENUE, Figure, Records, decimal, in_time, month, quarter, year
from tests.spec import ACME, instant

EBITDA, CASH_BURN, MARGIN = MetricType.EBITDA, MetricType.CASH_BURN, MetricType.GROSS_MARGIN
MILLION = 1_000_000
MARCH = month(2025, 3)
NOW = instant("2026-01-01")


def compared(
    records: Records,
    *,
    metric: MetricType = REVENUE,
    basis: Basis | None = None,
    now: datetime = NOW,
    zone: tzinfo = UTC,
) -> list[Variance]:
    return compare(records.of(metric), basis or Basis(), Calendar(zone, now))


def flags(records: Records, period: Period = Q1) -> tuple[str, ...]:
    """Of the report of a period."""
    (found,) = (one for one in compared(records) if one.period == period and one.actual is not None)
    return found.flags


@pytest.mark.parametrize(
    ("metric", "forecast", "actual", "variance", "percent", "favourable"),
    [
        (REVENUE, 100, 80, -20, -20, False),
        (EBITDA, -50, -30, 20, 40, True),
        (CASH_BURN, 100, 130, 30, 30, False),
        # And the other way round.
        (REVENUE, 100, 120, 20, 20, True),
        (EBITDA, -50, -70, -20, -40, False),
        (CASH_BURN, 100, 70, -30, -30, True),
        (EBITDA, -50, 25, 75, 150, True),
        (EBITDA, 50, -25, -75, -150, False),
        (REVENUE, 100, 100, 0, 0, None),
        (REVENUE, 100, 0, -100, -100, False),
    ],
)
def test_a_variance_is_actual_less_forecast_and_a_percentage_of_the_forecasts_size(
    metric: MetricType, forecast: int, actual: int, variance: int, percent: int, favourable: bool | None
) -> None:
    # In millions, so that no forecast lies below the smallest base.
    assert difference(metric, Decimal(forecast * MILLION), Decimal(actual * MILLION)) == (
        Decimal(variance * MILLION),
        Decimal(percent),
        favourable,
    )
    # As they stand they are too near to zero for a percentage.
    assert difference(metric, Decimal(forecast), Decimal(actual)) == (Decimal(variance), None, favourable)


def test_nothing_forecast_gives_no_percentage() -> None:
    assert difference(EBITDA, Decimal(0), Decimal(-60_000)) == (Decimal(-60_000), None, False)


@pytest.mark.parametrize(
    ("metric", "forecast", "percent"),
    [
        (REVENUE, "10000", Decimal(100)),
        (REVENUE, "-10000", Decimal(300)),
        (REVENUE, "9999.99", None),
        (REVENUE, "-9999.99", None),
        # More digits than the usual 28: this is no 10,000.
        (REVENUE, "9999." + "9" * 34, None),
        (MARGIN, "1", Decimal(1_999_900)),
        (MARGIN, "0.99", None),
        (MetricType.HEADCOUNT, "1", Decimal(1_999_900)),
        (MetricType.RUNWAY_MONTHS, "0", None),
    ],
)
def test_a_forecast_below_the_metrics_smallest_base_gives_no_percentage(
    metric: MetricType, forecast: str, percent: Decimal | None
) -> None:
    assert difference(metric, Decimal(forecast), Decimal(20_000))[1] == percent


@pytest.mark.parametrize(
    ("forecast", "actual", "percent"),
    [
        (30_000, 40_000, "33.333333"),
        (30_000, 50_000, "66.666667"),
        (30_000, 20_000, "-33.333333"),
        # Half to even, at the sixth decimal.
        (10_000, "10000.00005", "0.000000"),
        (10_000, "10000.00015", "0.000002"),
        (10_000, "10000.00025", "0.000002"),
    ],
)
def test_a_percentage_has_six_decimals(forecast: Figure, actual: Figure, percent: str) -> None:
    found = difference(REVENUE, decimal(forecast), decimal(actual))[1]
    assert (found, str(found)) == (Decimal(percent), percent)


def test_no_digit_of_a_difference_is_lost() -> None:
    forecast, actual = Decimal("-" + "9" * 38), Decimal("0." + "0" * 37 + "1")
    variance, percent, favourable = difference(EBITDA, forecast, actual)
    assert (variance, favourable) == (Decimal("9" * 38 + "." + "0" * 37 + "1"), True)
    assert percent == Decimal("100.000000")


def test_the_largest_percentage_is_taken() -> None:
    assert difference(MARGIN, Decimal(1), Decimal("9" * 38))[1] == Decimal("9" * 37 + "800.000000")


@pytest.mark.parametrize("actual", [90, 110])
def test_more_people_are_neither_good_nor_bad_news(actual: int) -> None:
    variance, percent, favourable = difference(MetricType.HEADCOUNT, Decimal(100), Decimal(actual))
    assert (variance, percent, favourable) == (Decimal(actual - 100), Decimal(actual - 100), None)


def test_a_ratio_differs_in_percentage_points() -> None:
    assert difference(MARGIN, Decimal(70), Decimal("59.5")) == (Decimal("-10.5"), Decimal(-15), False)
    assert difference(MetricType.CHURN, Decimal(4), Decimal(5)) == (Decimal(1), Decimal(25), False)


def test_a_reported_figure_is_compared_with_the_forecast_of_its_period() -> None:
    records = Records()
    planned = records.plan({Q1: MILLION})
    reported = records.report(Q1, 800_000, "2025-04-20T12:00:00", reported="2025-04-19")
    assert compared(records) == [
        Variance(
            company_id=ACME,
            metric=REVENUE,
            period=Q1,
            status=VarianceStatus.OK,
            forecast=Decimal(MILLION),
            actual=Decimal(800_000),
            variance=Decimal(-200_000),
            percent=Decimal(-20),
            favourable=False,
            flags=(),
            forecast_version=planned,
            actual_version=reported,
            due_at=instant("2025-05-01"),
            reported_at=instant("2025-04-19"),
            recorded_at=instant("2025-04-20T12:00:00"),
        )
    ]


def test_a_reported_figure_without_a_forecast_is_listed() -> None:
    records = Records()
    records.report(Q1, 800_000)
    (found,) = compared(records)
    assert (found.status, found.compared, found.actual) == (VarianceStatus.NO_FORECAST, False, Decimal(800_000))
    assert (found.forecast, found.variance, found.percent, found.favourable) == (None, None, None, None)


def test_a_reported_figure_with_parts_of_a_forecast_is_listed_as_incomplete() -> None:
    records = Records()
    records.plan({month(2025, 1): 10, month(2025, 2): 10})
    records.report(Q1, 30)
    (found, *missing) = compared(records)[::-1]
    assert (found.period, found.status, found.compared) == (Q1, VarianceStatus.FORECAST_INCOMPLETE, False)
    assert missing == []


def test_a_figure_against_a_small_forecast_is_compared_without_a_percentage() -> None:
    records = Records()
    records.plan({Q1: 0}, metric=EBITDA)
    records.report(Q1, -60_000, metric=EBITDA)
    (found,) = compared(records, metric=EBITDA)
    assert (found.status, found.compared) == (VarianceStatus.BASE_TOO_SMALL, True)
    assert (found.variance, found.percent, found.favourable) == (Decimal(-60_000), None, False)


def test_figures_come_by_period_the_overdue_ones_among_them() -> None:
    records = Records()
    records.plan(dict.fromkeys(QUARTERS, MILLION))
    records.report(Q3, 1)
    records.report(Q1, 1)
    assert [(one.period, one.actual is None) for one in compared(records)] == [(Q1, False), (Q2, True), (Q3, False)]


@pytest.mark.parametrize(
    ("forecast", "actual", "crosses"),
    [(50, -1, True), (-50, 1, True), (50, 1, False), (-50, -1, False), (50, 0, False), (0, -50, False)],
)
def test_actual_and_forecast_that_differ_in_sign_are_flagged(forecast: int, actual: int, crosses: bool) -> None:
    records = Records()
    records.plan({Q1: forecast})
    records.report(Q1, actual)
    assert flags(records) == ((SIGN_CROSS,) if crosses else ())


def test_a_backdated_forecast_is_flagged_as_left_out_or_as_taken() -> None:
    records = Records()
    records.plan({Q1: MILLION})
    records.plan({Q1: 700_000}, "2025-03-31", made="2025-01-01")
    records.report(Q1, 700_000)
    (left_out,) = compared(records)
    assert (left_out.percent, left_out.flags) == (Decimal(-30), (BACKDATED_IGNORED,))
    (taken,) = compared(records, basis=Basis(backdated=True))
    assert (taken.percent, taken.flags) == (Decimal(0), (BACKDATED,))


def test_a_forecast_recorded_on_the_last_day_of_the_period_does_not_hide_the_miss_by_default() -> None:
    records = Records()
    records.plan({Q1: MILLION})
    records.plan({Q1: 600_000}, "2025-03-31T23:00:00")
    records.report(Q1, 600_000)
    (miss,) = compared(records)
    assert (miss.percent, miss.flags) == (Decimal(-40), ())
    (hidden,) = compared(records, basis=Basis(ForecastPolicy.LATEST_AT_EFFECTIVE_DATE))
    assert (hidden.percent, hidden.flags) == (Decimal(0), ())


def test_a_restated_figure_is_flagged() -> None:
    records = Records()
    first = records.report(Q1, 80)
    assert flags(records) == ()
    records.report(Q1, 85, "2025-04-25", restates=first)
    assert flags(records) == (RESTATED,)


@pytest.mark.parametrize(
    ("zone", "due"),
    [("UTC", "2025-05-01T00:00:00"), ("Asia/Tokyo", "2025-04-30T15:00:00"), ("Europe/Berlin", "2025-04-30T22:00:00")],
)
def test_a_figure_reported_at_its_due_instant_is_late_and_a_moment_before_in_time(zone: str, due: str) -> None:
    for early, late in ((0, True), (1, False)):
        records = Records()
        reported = instant(due) - timedelta(microseconds=early)
        records.report(Q1, 80, "2025-05-20", reported=reported)
        (found,) = compared(records, zone=ZoneInfo(zone))
        assert (found.due_at, found.on_time) == (instant(due), not late)
        assert found.flags == ((LATE,) if late else ())


def test_each_metric_is_due_and_missing_so_many_days_after_the_period() -> None:
    calendar = Calendar(UTC, NOW)
    assert due_at(REVENUE, Q1, calendar) == instant("2025-05-01")
    assert missing_at(REVENUE, Q1, calendar) == instant("2025-05-15")
    assert due_at(MetricType.VALUATION, Q1, calendar) == instant("2025-05-31")
    assert missing_at(MetricType.VALUATION, Q1, calendar) == instant("2025-06-14")


def test_flags_come_in_the_order_they_are_explained_in() -> None:
    records = Records()
    records.plan({Q1: 20_000})
    records.plan({Q1: 10_000}, "2025-02-01", made="2025-01-01")
    first = records.report(Q1, 1, "2026-01-01")
    records.report(Q1, -1, "2026-01-02", restates=first)
    assert flags(records) == (SIGN_CROSS, BACKDATED_IGNORED, BACKFILL, RESTATED, LATE)
    taken = compared(records, basis=Basis(backdated=True))
    assert [one.flags for one in taken] == [(SIGN_CROSS, BACKDATED, BACKFILL, RESTATED, LATE)]
    assert list(FLAGS) == [SIGN_CROSS, BACKDATED, BACKDATED_IGNORED, BACKFILL, RESTATED, LATE]
    assert all(text.endswith(".") for text in FLAGS.values())


def test_years_of_figures_in_one_request_are_history() -> None:
    records = Records()
    for one in (quarter(2024, 2), quarter(2024, 3), quarter(2024, 4), Q1, Q2):
        records.report(one, 1, "2025-07-20", request="import")
    assert {one.flags for one in compared(records) if one.period in (Q1, Q2)} == {(BACKFILL, LATE), (BACKFILL,)}


def test_a_year_of_figures_in_one_request_is_news() -> None:
    records = Records()
    for one in (quarter(2024, 3), quarter(2024, 4), Q1, Q2):
        records.report(one, 1, "2025-07-20", request="import")
    news = [one.period for one in compared(records) if BACKFILL not in one.flags]
    # The older two are late beyond news.
    assert news == [Q1, Q2]


def test_figures_of_several_requests_or_of_none_are_not_taken_together() -> None:
    for requests in (("a", "b"), (None, None)):
        records = Records()
        records.report(year(2024), 1, "2025-04-20", request=requests[0])
        records.report(Q1, 1, "2025-04-20", request=requests[1])
        assert [one.flags for one in compared(records)] == [(LATE,), ()]
    together = Records()
    together.report(year(2024), 1, "2025-04-20", request="a")
    together.report(Q1, 1, "2025-04-20", request="a")
    assert [one.flags for one in compared(together)] == [(BACKFILL, LATE), (BACKFILL,)]


def test_one_long_period_is_no_history() -> None:
    records = Records()
    first_years = Period(datetime(2024, 1, 1, tzinfo=UTC).date(), datetime(2025, 6, 30, tzinfo=UTC).date())
    records.report(first_years, 1, request="a")
    assert flags(records, first_years) == ()


@pytest.mark.parametrize(
    ("period", "metric", "news_until"),
    [
        # 30 days to report, 14 of grace, and 90 or its own length.
        (Q1, REVENUE, "2025-08-13T00:00:00"),
        (MARCH, REVENUE, "2025-08-13T00:00:00"),
        (quarter(2025, 2), REVENUE, "2025-11-13T00:00:00"),
        (year(2024), REVENUE, "2026-02-15T00:00:00"),
        (Q1, MetricType.VALUATION, "2025-09-12T00:00:00"),
    ],
)
def test_a_figure_recorded_months_after_it_was_missing_is_history(
    period: Period, metric: MetricType, news_until: str
) -> None:
    for early, history in ((0, True), (1, False)):
        records = Records()
        records.report(period, 1, instant(news_until) - timedelta(microseconds=early), metric=metric)
        (found,) = compared(records, metric=metric)
        assert (BACKFILL in found.flags) is history


def test_what_counts_for_history_is_when_a_figure_was_learned_not_when_it_was_reported() -> None:
    records = Records()
    records.report(Q1, 1, "2025-09-01", reported="2025-04-20")
    assert flags(records) == (BACKFILL,)


def test_a_figure_learned_after_that_of_a_later_period_is_history() -> None:
    records = Records()
    records.report(Q2, 1, "2025-07-10")
    records.report(Q1, 1, "2025-07-11")
    assert (flags(records, Q1), flags(records, Q2)) == ((BACKFILL, LATE), ())


def test_figures_learned_together_do_not_overtake_each_other() -> None:
    records = Records()
    records.report(Q2, 1, "2025-07-10")
    records.report(Q1, 1, "2025-07-10")
    assert (flags(records, Q1), flags(records, Q2)) == ((LATE,), ())


def test_a_period_is_overtaken_by_any_later_one_not_just_the_next() -> None:
    april, may, june = (month(2025, number) for number in (4, 5, 6))
    records = Records()
    records.report(june, 1, "2025-07-10")
    records.report(april, 1, "2025-07-11")
    records.report(may, 1, "2025-07-12")
    assert [(one.period, BACKFILL in one.flags) for one in compared(records)] == [
        (april, True),
        (may, True),
        (june, False),
    ]


def test_a_year_is_not_overtaken_by_the_month_after_it() -> None:
    records = Records()
    records.report(month(2025, 1), 1, "2025-02-10")
    records.report(year(2024), 12, "2025-03-20")
    assert flags(records, year(2024)) == (LATE,)


def overdue(records: Records, now: str, metric: MetricType = REVENUE) -> list[Variance]:
    found = compared(records, metric=metric, now=instant(now))
    return [one for one in found if one.status is VarianceStatus.MISSING_ACTUAL]


def test_a_figure_is_missing_from_the_end_of_its_grace_on() -> None:
    records = Records()
    planned = records.plan({Q1: MILLION})
    assert overdue(records, "2025-05-14T23:59:59") == []
    assert overdue(records, "2025-05-15") == [
        Variance(
            company_id=ACME,
            metric=REVENUE,
            period=Q1,
            status=VarianceStatus.MISSING_ACTUAL,
            forecast=Decimal(MILLION),
            forecast_version=planned,
            due_at=instant("2025-05-01"),
        )
    ]


def test_a_missing_figure_is_no_zero() -> None:
    records = Records()
    records.plan({Q1: MILLION})
    (found,) = overdue(records, "2025-06-01")
    assert (found.compared, found.actual, found.variance, found.favourable, found.on_time) == (
        False,
        None,
        None,
        None,
        False,
    )


def test_a_figure_nobody_forecast_in_time_is_never_missing() -> None:
    records = Records()
    records.plan({Q1: MILLION}, "2025-02-01")
    assert overdue(records, "2026-01-01") == []


def test_a_missing_figure_says_when_its_forecast_is_backdated() -> None:
    records = Records()
    records.plan({Q1: MILLION}, "2025-02-01", made="2025-01-01")
    found = compared(records, basis=Basis(backdated=True))
    assert [(one.status, one.flags) for one in found] == [(VarianceStatus.MISSING_ACTUAL, (BACKDATED,))]


def test_a_company_that_plans_by_the_month_and_reports_by_the_quarter_misses_nothing() -> None:
    records = Records()
    records.plan({month(2025, number): 1 for number in range(1, 7)})
    records.report(Q1, 3)
    assert [one.period for one in overdue(records, "2026-01-01")] == [month(2025, number) for number in (4, 5, 6)]


def test_a_missing_valuation_has_a_month_longer() -> None:
    records = Records()
    records.plan({Q1: MILLION}, metric=MetricType.VALUATION)
    assert overdue(records, "2025-06-13", MetricType.VALUATION) == []
    assert len(overdue(records, "2025-06-14", MetricType.VALUATION)) == 1


def test_a_report_dated_within_the_period_is_in_time() -> None:
    records = Records()
    records.report(Q1, 1, in_time(Q1, -10))
    assert flags(records) == ()


def test_every_status_is_stored_by_its_name_and_says_what_it_means() -> None:
    assert all(member.name == member.value and member.text.endswith(".") for member in VarianceStatus)
