"""Matching: which forecast was in force for a reported period."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from domain.forecasting import ForecastKind, MetricType
from domain.matching import LOCK_DAYS, Basis, ForecastPolicy, Learned, Match, Plans, Series, series_of
from domain.periods import Calendar, Period
from tests.domain.figures import PLANNED, Q1, Q2, REVENUE, Figure, Records, month, quarter, year
from tests.spec import ACME, BETA, instant

PERIOD_START, EFFECTIVE_DATE, BUDGET_LOCK, ORIGINAL = ForecastPolicy
BUDGET, REFORECAST, UNDERWRITE = ForecastKind
JANUARY, FEBRUARY, MARCH = (month(2025, number) for number in (1, 2, 3))
LAST_DAY = "2025-03-31T18:00:00"
"""Of the first quarter."""


def in_force(
    records: Records,
    period: Period = Q1,
    policy: ForecastPolicy = PERIOD_START,
    *,
    backdated: bool = False,
    metric: MetricType = REVENUE,
    zone: tzinfo = UTC,
) -> Match:
    calendar = Calendar(zone, instant("2030-01-01"))
    return Plans(records.of(metric), Basis(policy, backdated), calendar).in_force(period)


def found(projected: Figure, version: int, *, backdated: bool = False, ignored: bool = False) -> Match:
    return Match(Decimal(projected), version, backdated=backdated, ignored=ignored)


NONE = Match()
INCOMPLETE = Match(incomplete=True)


def test_the_newest_forecast_of_the_period_counts() -> None:
    records = Records()
    records.plan({Q1: 100}, "2024-10-01")
    records.plan({Q1: 90}, "2024-12-01")
    records.plan({Q1: 95}, "2024-11-01")
    assert in_force(records) == found(90, 2)


def test_a_forecast_recorded_on_the_last_day_of_the_period_counts_by_its_effective_date_only() -> None:
    records = Records()
    records.plan({Q1: 1_000_000}, "2024-12-15", kind=BUDGET)
    records.plan({Q1: 650_000}, LAST_DAY)
    assert in_force(records) == found(1_000_000, 1)
    assert in_force(records, backdated=True) == found(1_000_000, 1)
    assert in_force(records, policy=BUDGET_LOCK) == found(1_000_000, 1)
    assert in_force(records, policy=EFFECTIVE_DATE) == found(650_000, 2)


def test_a_backdated_forecast_is_left_out_and_flagged_unless_it_is_asked_for() -> None:
    records = Records()
    records.plan({Q1: 100}, "2024-12-15")
    records.plan({Q1: 60}, LAST_DAY, made="2024-12-20")
    assert in_force(records) == found(100, 1, ignored=True)
    assert in_force(records, backdated=True) == found(60, 2, backdated=True)


def test_a_period_whose_only_forecast_is_backdated_has_none() -> None:
    records = Records()
    records.plan({Q1: 60}, LAST_DAY, made="2024-12-20")
    assert in_force(records) == Match(ignored=True)
    assert in_force(records, backdated=True) == found(60, 1, backdated=True)


def test_a_forecast_recorded_after_the_period_counts_by_its_effective_date_and_is_flagged() -> None:
    records = Records()
    records.plan({Q1: 60}, "2025-04-20", made=LAST_DAY)
    assert in_force(records, policy=EFFECTIVE_DATE) == found(60, 1, backdated=True)
    assert in_force(records, backdated=True) == NONE


def test_a_forecast_made_after_the_period_is_no_forecast_of_it() -> None:
    records = Records()
    records.plan({Q1: 60}, "2025-04-01")
    for policy in (PERIOD_START, EFFECTIVE_DATE, BUDGET_LOCK):
        assert in_force(records, policy=policy, backdated=True) == NONE


def test_under_a_budget_lock_the_newest_budget_counts_and_nothing_else() -> None:
    records = Records()
    records.plan({Q1: 100}, "2024-11-01", kind=BUDGET)
    records.plan({Q1: 110}, "2024-12-01", kind=BUDGET)
    records.plan({Q1: 50}, "2024-12-20", kind=REFORECAST)
    records.plan({Q1: 40}, "2024-12-21", kind=UNDERWRITE)
    assert in_force(records, policy=BUDGET_LOCK) == found(110, 2)


def test_a_budget_made_in_time_counts_under_a_budget_lock_whenever_it_was_recorded() -> None:
    records = Records()
    records.plan({Q1: 100}, "2024-11-01", kind=BUDGET)
    records.plan({Q1: 110}, "2025-06-01", made="2025-01-06T23:59:59", kind=BUDGET)
    records.plan({Q1: 120}, "2025-06-01", made="2025-01-07", kind=BUDGET)
    assert in_force(records, policy=BUDGET_LOCK) == found(110, 2, backdated=True)


def test_without_a_budget_a_budget_lock_finds_no_forecast() -> None:
    records = Records()
    records.plan({Q1: 100})
    assert in_force(records, policy=BUDGET_LOCK) == NONE


def test_of_what_was_underwritten_the_oldest_counts_whenever_it_was_made() -> None:
    records = Records()
    records.plan({Q1: 100}, "2024-12-15", kind=BUDGET)
    records.plan({Q1: 300}, "2025-08-01", kind=UNDERWRITE)
    records.plan({Q1: 200}, "2025-09-01", made="2021-05-01", kind=UNDERWRITE)
    records.plan({Q1: 250}, "2023-05-01", kind=UNDERWRITE)
    assert in_force(records, policy=ORIGINAL) == found(200, 3, backdated=True)


def test_a_later_underwriting_in_parts_does_not_replace_the_first_one_of_the_whole() -> None:
    records = Records()
    records.plan({year(2025): 1_000}, "2021-05-01", kind=UNDERWRITE)
    records.plan({quarter(2025, number): 100 for number in range(1, 5)}, "2023-05-01", kind=UNDERWRITE)
    assert in_force(records, year(2025), ORIGINAL) == found(1_000, 1)


def test_a_later_underwriting_of_the_whole_does_not_replace_the_first_one_in_parts() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, "2021-05-01", kind=UNDERWRITE)
    records.plan({Q1: 90, FEBRUARY: 25}, "2023-05-01", kind=UNDERWRITE)
    records.plan({Period(JANUARY.start, FEBRUARY.end): 50}, "2024-05-01", kind=UNDERWRITE)
    assert in_force(records, Q1, ORIGINAL) == found(60, 1)


def test_of_a_balance_underwritten_twice_the_first_counts() -> None:
    records = Records()
    records.plan({MARCH: 500}, "2021-05-01", kind=UNDERWRITE, metric=MetricType.ARR)
    records.plan({Period(FEBRUARY.start, MARCH.end): 400}, "2023-05-01", kind=UNDERWRITE, metric=MetricType.ARR)
    assert in_force(records, Q1, ORIGINAL, metric=MetricType.ARR) == found(500, 1)


ZONES = [
    # Berlin puts its clocks forward on 30 March 2025 and back on 26 October.
    ("Europe/Berlin", date(2025, 3, 27)),
    ("Europe/Berlin", date(2025, 10, 22)),
    ("America/New_York", date(2025, 3, 7)),
    ("America/New_York", date(2025, 1, 1)),
    # Clocks skip the midnight that ends the last of the five days.
    ("America/Sao_Paulo", date(2018, 10, 29)),
    ("Asia/Tokyo", date(2025, 1, 1)),
    ("Asia/Kathmandu", date(2025, 1, 1)),
    ("UTC", date(2025, 1, 1)),
]


def local(zone: str, day: date, at: time) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(("zone", "start"), ZONES)
def test_a_forecast_recorded_in_the_last_minute_of_the_fifth_day_counts_and_one_at_midnight_does_not(
    zone: str, start: date
) -> None:
    period = Period(start, start + timedelta(days=30))
    last = start + timedelta(days=LOCK_DAYS)
    records = Records()
    records.plan({period: 1}, local(zone, start, time()) - timedelta(days=30))
    records.plan({period: 2}, local(zone, last, time(23, 59)))
    records.plan({period: 3}, local(zone, last + timedelta(days=1), time()))
    assert in_force(records, period, zone=ZoneInfo(zone)) == found(2, 2)
    assert in_force(records, period, EFFECTIVE_DATE, zone=ZoneInfo(zone)) == found(3, 3)


@pytest.mark.parametrize(("zone", "start"), ZONES)
def test_a_forecast_made_in_time_and_recorded_at_midnight_after_the_fifth_day_is_backdated(
    zone: str, start: date
) -> None:
    period = Period(start, start + timedelta(days=30))
    made = local(zone, start, time(9))
    midnight = local(zone, start + timedelta(days=LOCK_DAYS + 1), time())
    records = Records()
    records.plan({period: 2}, midnight, made=made)
    assert in_force(records, period, zone=ZoneInfo(zone)) == Match(ignored=True)
    assert in_force(records, period, backdated=True, zone=ZoneInfo(zone)) == found(2, 1, backdated=True)
    in_time = Records()
    in_time.plan({period: 2}, midnight - timedelta(microseconds=1), made=made)
    assert in_force(in_time, period, zone=ZoneInfo(zone)) == found(2, 1)


@pytest.mark.parametrize(("zone", "end"), ZONES)
def test_a_forecast_made_in_the_last_minute_of_the_last_day_counts_by_its_effective_date(zone: str, end: date) -> None:
    period = Period(end - timedelta(days=30), end)
    records = Records()
    records.plan({period: 1}, local(zone, end, time(23, 59)))
    records.plan({period: 2}, local(zone, end + timedelta(days=1), time()))
    assert in_force(records, period, EFFECTIVE_DATE, zone=ZoneInfo(zone)) == found(1, 1)


def test_another_company_metric_or_period_has_no_say() -> None:
    records = Records()
    records.plan({Q1: 1}, company=BETA)
    records.plan({Q1: 2}, metric=MetricType.ARR)
    records.plan({Q2: 3})
    records.plan({quarter(2024, 1): 4})
    assert in_force(records) == NONE


def test_a_forecast_of_a_longer_period_is_not_cut_to_size() -> None:
    records = Records()
    records.plan({year(2025): 400})
    assert in_force(records) == NONE
    assert in_force(records, year(2025)) == found(400, 1)


def test_a_period_a_day_longer_is_another_period() -> None:
    records = Records()
    records.plan({Period(Q1.start, Q1.end + timedelta(days=1)): 100, Period(date(2024, 12, 1), date(2024, 12, 31)): 9})
    assert in_force(records) == NONE


def test_a_flow_forecast_in_months_is_summed() -> None:
    records = Records()
    records.plan({JANUARY: "10.5", FEBRUARY: "20.25", MARCH: "-3"})
    assert in_force(records) == found("27.75", 1)


def test_a_sum_of_parts_keeps_every_digit() -> None:
    records = Records()
    records.plan({JANUARY: "9" * 38, FEBRUARY: "0." + "0" * 37 + "1", MARCH: 1})
    assert in_force(records) == found("1" + "0" * 38 + "." + "0" * 37 + "1", 1)


@pytest.mark.parametrize("missing", [JANUARY, FEBRUARY, MARCH])
def test_a_flow_whose_parts_leave_a_gap_is_incomplete(missing: Period) -> None:
    records = Records()
    records.plan({one: 10 for one in (JANUARY, FEBRUARY, MARCH) if one != missing})
    assert in_force(records) == INCOMPLETE


def test_a_gap_of_one_day_is_a_gap() -> None:
    records = Records()
    records.plan({JANUARY: 10, Period(date(2025, 2, 2), date(2025, 2, 28)): 20, MARCH: 30})
    assert in_force(records) == INCOMPLETE


def test_parts_that_overlap_and_do_not_follow_each_other_make_no_whole() -> None:
    records = Records()
    records.plan({Period(date(2025, 1, 1), date(2025, 2, 15)): 10})
    records.plan({Period(date(2025, 2, 1), date(2025, 3, 31)): 20})
    assert in_force(records) == INCOMPLETE


def test_parts_of_different_lengths_make_a_whole() -> None:
    records = Records()
    records.plan({JANUARY: 1, FEBRUARY: 2, MARCH: 3})
    records.plan({quarter(2025, number): 10 * number for number in (2, 3, 4)})
    assert in_force(records, year(2025)) == found(96, 2)


def test_a_newer_forecast_of_one_month_replaces_that_part() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, "2024-11-01")
    records.plan({FEBRUARY: 15}, "2024-12-01")
    assert in_force(records) == found(55, 2)


def test_a_newer_forecast_in_longer_parts_replaces_the_shorter_ones() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, "2024-11-01")
    records.plan({Period(JANUARY.start, FEBRUARY.end): 25}, "2024-12-01")
    assert in_force(records) == found(55, 2)


def test_a_newer_part_that_leads_nowhere_does_not_stand_in_the_way() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, "2024-11-01")
    records.plan({Period(JANUARY.start, date(2025, 2, 10)): 25}, "2024-12-01")
    assert in_force(records) == found(60, 1)


def test_a_quarter_forecast_later_than_its_months_counts() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, "2024-11-01")
    records.plan({Q1: 75}, "2024-12-01")
    assert in_force(records) == found(75, 2)


def test_months_forecast_later_than_their_quarter_count() -> None:
    records = Records()
    records.plan({Q1: 75}, "2024-11-01")
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, "2024-12-01")
    assert in_force(records) == found(60, 2)


def test_a_month_forecast_later_than_the_quarter_brings_the_other_months_back() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, "2024-10-01")
    records.plan({Q1: 75}, "2024-11-01")
    records.plan({FEBRUARY: 15}, "2024-12-01")
    assert in_force(records) == found(55, 3)


def test_newer_months_that_make_no_whole_do_not_replace_the_quarter() -> None:
    records = Records()
    records.plan({Q1: 75}, "2024-11-01")
    records.plan({JANUARY: 10, FEBRUARY: 20}, "2024-12-01")
    assert in_force(records) == found(75, 1)


def test_a_month_recorded_too_late_leaves_the_quarter_incomplete_and_is_flagged() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20})
    records.plan({MARCH: 30}, "2025-03-05", made="2024-12-15")
    assert in_force(records) == Match(incomplete=True, ignored=True)
    assert in_force(records, backdated=True) == found(60, 2, backdated=True)


def test_parts_are_in_force_for_the_whole_period_not_for_their_own() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20})
    # In time for March, not for the quarter.
    records.plan({MARCH: 30}, "2025-03-05")
    assert in_force(records) == INCOMPLETE
    assert in_force(records, MARCH) == found(30, 2)


@pytest.mark.parametrize("metric", [MetricType.ARR, MetricType.VALUATION, MetricType.CASH, MetricType.HEADCOUNT])
def test_a_balance_is_that_of_its_last_part(metric: MetricType) -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, metric=metric)
    assert in_force(records, metric=metric) == found(30, 1)


def test_a_balance_needs_no_part_but_the_last() -> None:
    records = Records()
    records.plan({MARCH: 30}, metric=MetricType.ARR)
    assert in_force(records, metric=MetricType.ARR) == found(30, 1)


def test_a_balance_forecast_only_before_the_last_day_is_incomplete() -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20}, metric=MetricType.ARR)
    assert in_force(records, metric=MetricType.ARR) == INCOMPLETE


def test_of_several_last_parts_the_newest_counts() -> None:
    records = Records()
    records.plan({Period(FEBRUARY.start, MARCH.end): 40}, "2024-12-01", metric=MetricType.ARR)
    records.plan({MARCH: 30}, "2024-11-01", metric=MetricType.ARR)
    assert in_force(records, metric=MetricType.ARR) == found(40, 1)


def test_of_a_balances_whole_and_its_last_part_the_newer_counts() -> None:
    records = Records()
    records.plan({Q1: 50}, "2024-11-01", metric=MetricType.ARR)
    records.plan({MARCH: 30}, "2024-10-01", metric=MetricType.ARR)
    assert in_force(records, metric=MetricType.ARR) == found(50, 1)
    records.plan({MARCH: 35}, "2024-12-01", metric=MetricType.ARR)
    assert in_force(records, metric=MetricType.ARR) == found(35, 3)


@pytest.mark.parametrize("metric", [MetricType.GROSS_MARGIN, MetricType.CHURN])
def test_a_ratio_is_never_made_of_parts(metric: MetricType) -> None:
    records = Records()
    records.plan({JANUARY: 10, FEBRUARY: 20, MARCH: 30}, metric=metric)
    assert in_force(records, metric=metric) == INCOMPLETE
    records.plan({Q1: 15}, "2024-11-01", metric=metric)
    assert in_force(records, metric=metric) == found(15, 2)


def test_a_voided_forecast_gives_way_to_the_one_before_it() -> None:
    records = Records()
    records.plan({Q1: 100}, "2024-11-01")
    newer = records.plan({Q1: 90}, "2024-12-01")
    records.void(newer)
    assert in_force(records) == found(100, 1)


def test_a_report_takes_the_place_of_the_one_it_restates() -> None:
    records = Records()
    first = records.report(Q1, 80)
    second = records.report(Q1, 85, "2025-05-01", restates=first)
    (report,) = records.of().reports
    assert (report.actual, report.version, report.restates) == (Decimal(85), second, first)


def test_a_restatement_counts_even_when_dated_before_what_it_restates() -> None:
    records = Records()
    first = records.report(Q1, 80)
    records.report(Q1, 85, "2025-05-01", reported="2025-04-01", restates=first)
    assert [one.actual for one in records.of().newest_reports().values()] == [Decimal(85)]


def test_a_voided_restatement_brings_the_original_back() -> None:
    records = Records()
    first = records.report(Q1, 80)
    second = records.report(Q1, 85, "2025-05-01", restates=first)
    records.void(second)
    assert [(one.actual, one.version) for one in records.of().reports] == [(Decimal(80), first)]


def test_a_restatement_of_a_restatement_leaves_one_report() -> None:
    records = Records()
    first = records.report(Q1, 80)
    second = records.report(Q1, 85, "2025-05-01", restates=first)
    third = records.report(Q1, 82, "2025-06-01", restates=second)
    assert [one.version for one in records.of().reports] == [third]
    records.void(second, "2025-07-01")
    # Nothing restates the original any more; of the two, the newer counts.
    assert [one.version for one in records.of().reports] == [first, third]
    assert records.of().newest_reports()[Q1].version == third


def test_a_restatement_may_move_a_figure_to_another_period() -> None:
    records = Records()
    wrong = records.report(Q2, 80)
    records.report(Q1, 80, restates=wrong)
    assert list(records.of().newest_reports()) == [Q1]


def test_a_voided_report_is_as_if_it_had_never_been_made() -> None:
    records = Records()
    records.void(records.report(Q1, 80))
    assert records.of() == Series(ACME, REVENUE)


def test_of_two_reports_of_a_period_the_one_reported_last_counts_then_the_one_recorded_last() -> None:
    records = Records()
    records.report(Q1, 80, "2025-05-01", reported="2025-04-20")
    records.report(Q1, 90, "2025-05-02", reported="2025-04-19")
    assert records.of().newest_reports()[Q1].actual == 80
    records.report(Q1, 70, "2025-05-03", reported="2025-04-20")
    assert records.of().newest_reports()[Q1].actual == 70


def test_the_newest_reports_come_by_period() -> None:
    records = Records()
    for period in (Q2, MARCH, year(2025), Q1, JANUARY):
        records.report(period, 1)
    assert list(records.of().newest_reports()) == [JANUARY, MARCH, Q1, Q2, year(2025)]


def test_series_are_the_same_in_whatever_order_facts_are_read() -> None:
    records = Records()
    records.plan({Q1: 100}, "2024-11-01")
    restated = records.report(Q1, 80)
    records.report(Q1, 85, "2025-05-01", restates=restated)
    records.void(records.plan({Q1: 90}, "2024-12-01"))
    for facts in permutations(records.known):
        series = series_of(facts)[ACME, REVENUE]
        assert [(plan.projected, plan.version) for plan in series.plans] == [(Decimal(100), 1)]
        assert [(report.actual, report.version) for report in series.reports] == [(Decimal(85), 3)]


def swapped(records: Records) -> Records:
    """The same facts, their versions the other way round."""
    twin = Records()
    last = len(records.known) + 1
    twin.known = [
        Learned(last - one.version, one.occurred_at, one.recorded_at, one.request, one.event) for one in records.known
    ]
    return twin


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({Q1: 100}, {Q1: 90}),
        ({Q1: 100}, {JANUARY: 100, FEBRUARY: 50, MARCH: 25}),
        (
            {JANUARY: 10, FEBRUARY: 5, MARCH: 5},
            {Period(JANUARY.start, FEBRUARY.end): 10},
        ),
    ],
)
@pytest.mark.parametrize("policy", [PERIOD_START, ORIGINAL])
def test_of_forecasts_with_equal_clocks_the_lower_version_has_no_say(
    first: dict[Period, Figure], second: dict[Period, Figure], policy: ForecastPolicy
) -> None:
    records = Records()
    for figures in (first, second):
        records.plan(figures, PLANNED, kind=UNDERWRITE)
    assert in_force(records, policy=policy).projected == in_force(swapped(records), policy=policy).projected


def test_of_reports_with_equal_clocks_the_lower_version_has_no_say() -> None:
    records = Records()
    records.report(Q1, 80)
    records.report(Q1, 90)
    for one in (records, swapped(records)):
        assert one.of().newest_reports()[Q1].actual == 90


def test_the_periods_forecast_come_in_order_and_once() -> None:
    records = Records()
    records.plan({Q2: 1, JANUARY: 2})
    records.plan({Q1: 1, JANUARY: 3}, kind=BUDGET)
    calendar = Calendar(UTC, instant("2030-01-01"))
    assert Plans(records.of(), Basis(), calendar).periods() == [JANUARY, Q1, Q2]
    assert Plans(records.of(), Basis(BUDGET_LOCK), calendar).periods() == [JANUARY, Q1]


def test_the_default_policy_takes_what_was_in_force_at_the_periods_start() -> None:
    assert Basis() == Basis(PERIOD_START, backdated=False)


def test_every_policy_is_stored_by_its_name_and_says_what_it_means() -> None:
    assert all(member.name == member.value and member.text.endswith(".") for member in ForecastPolicy)
