"""Periods and the fund's calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.periods import Calendar, Period
from tests.domain.figures import Q1, Q2, QUARTERS, month, quarter, year
from tests.spec import instant

NOW = instant("2030-01-01")


def test_periods_that_end_later_come_later_and_the_longer_of_two_that_end_together() -> None:
    march, april, first_quarter = month(2025, 3), month(2025, 4), Q1
    shuffled = [april, year(2025), first_quarter, Q2, march]
    assert sorted(shuffled, key=lambda one: one.order) == [march, first_quarter, april, Q2, year(2025)]


@pytest.mark.parametrize(
    ("period", "days"),
    [
        (Period(date(2025, 1, 1), date(2025, 1, 1)), 1),
        (month(2025, 2), 28),
        (month(2024, 2), 29),
        (year(2025), 365),
        (year(2024), 366),
    ],
)
def test_a_periods_days_count_its_first_and_last(period: Period, days: int) -> None:
    assert period.days == days


@pytest.mark.parametrize(
    ("period", "months"),
    [
        *((month(2025, number), 1) for number in range(1, 13)),
        *((one, 3) for one in QUARTERS),
        (quarter(2024, 1), 3),
        (year(2024), 12),
        (year(2025), 12),
        (Period(date(2025, 1, 1), date(2026, 6, 30)), 18),
        # Weeks of trade: four, five, thirteen and 52 of them.
        (Period(date(2025, 1, 6), date(2025, 2, 2)), 1),
        (Period(date(2025, 1, 6), date(2025, 2, 9)), 1),
        (Period(date(2025, 1, 6), date(2025, 4, 6)), 3),
        (Period(date(2025, 1, 6), date(2026, 1, 4)), 12),
        (Period(date(2025, 1, 6), date(2025, 1, 12)), 0),
    ],
)
def test_a_period_is_as_long_as_the_nearest_number_of_months(period: Period, months: int) -> None:
    assert period.months == months


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (Q1, True),
        (month(2025, 1), True),
        (month(2025, 3), True),
        (month(2025, 4), False),
        (month(2024, 12), False),
        (year(2025), True),
        (Period(date(2025, 3, 31), date(2025, 4, 1)), True),
        (Period(date(2024, 12, 31), date(2025, 1, 1)), True),
    ],
)
def test_periods_that_share_a_day_overlap(other: Period, shared: bool) -> None:
    assert (Q1.overlaps(other), other.overlaps(Q1)) == (shared, shared)


def test_a_period_is_told_by_its_first_and_last_day() -> None:
    assert Q1.text == "01 Jan 2025 to 31 Mar 2025"


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        ("UTC", date(2025, 3, 31), "2025-04-01T00:00:00"),
        ("Asia/Tokyo", date(2025, 3, 31), "2025-03-31T15:00:00"),
        ("America/New_York", date(2025, 1, 31), "2025-02-01T05:00:00"),
        ("America/New_York", date(2025, 7, 31), "2025-08-01T04:00:00"),
        # The days on which clocks are put forward and back are 23 and 25 hours long.
        ("Europe/Berlin", date(2025, 3, 29), "2025-03-29T23:00:00"),
        ("Europe/Berlin", date(2025, 3, 30), "2025-03-30T22:00:00"),
        ("Europe/Berlin", date(2025, 10, 25), "2025-10-25T22:00:00"),
        ("Europe/Berlin", date(2025, 10, 26), "2025-10-26T23:00:00"),
        # Where clocks skip midnight, the next day begins at one o'clock.
        ("America/Sao_Paulo", date(2018, 11, 3), "2018-11-04T03:00:00"),
        # Where midnight comes twice, the first one ends the day.
        ("America/Havana", date(2025, 11, 1), "2025-11-02T04:00:00"),
        # Samoa left out 30 December 2011.
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-30T10:00:00"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00:00"),
        ("Asia/Kathmandu", date(2025, 3, 31), "2025-03-31T18:15:00"),
    ],
)
def test_a_day_ends_where_the_next_one_begins_in_the_funds_zone(zone: str, day: date, end: str) -> None:
    found = Calendar(ZoneInfo(zone), NOW).end_of(day)
    assert (found, found.tzinfo) == (instant(end), UTC)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Asia/Tokyo", "Pacific/Apia"])
def test_what_is_true_of_a_day_lies_before_its_end(zone: str) -> None:
    local = ZoneInfo(zone)
    calendar = Calendar(local, NOW)
    for number in range(0, 4_000, 7):
        day = date(2010, 1, 1) + timedelta(days=number)
        end = calendar.end_of(day)
        assert (end - timedelta(microseconds=1)).astimezone(local).date() <= day < end.astimezone(local).date()


def test_days_on_are_whole_days_of_the_calendar_whatever_the_clocks_do() -> None:
    berlin = Calendar(ZoneInfo("Europe/Berlin"), NOW)
    # Six days over the night on which clocks go forward, an hour short of six times 24.
    assert berlin.end_after(date(2025, 3, 27), 5) - berlin.end_after(date(2025, 3, 26), 0) == timedelta(
        hours=6 * 24 - 1
    )
    assert berlin.end_after(date(2025, 3, 27), 5) == datetime(2025, 4, 1, 22, tzinfo=UTC)
    assert berlin.end_after(date(2025, 3, 27), 0) == berlin.end_of(date(2025, 3, 27))
