"""Moments: how instants and days are written, and which a fund can speak of."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from domain.moments import day_text, instant_text, is_reasonable


def test_an_instant_is_written_in_utc_with_microseconds_and_z() -> None:
    assert instant_text(datetime(2009, 12, 31, 23, 59, 59, tzinfo=UTC)) == "2009-12-31T23:59:59.000000Z"


def test_an_instant_of_another_zone_is_written_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert instant_text(datetime(2010, 1, 1, 8, 30, 0, 250_000, tzinfo=tokyo)) == "2009-12-31T23:30:00.250000Z"


def test_a_day_is_written_with_its_month_in_letters() -> None:
    assert day_text(date(2009, 12, 31)) == "31 Dec 2009"
    assert day_text(date(2021, 1, 1)) == "01 Jan 2021"


@pytest.mark.parametrize(
    ("day", "reasonable"),
    [
        (date(1899, 12, 31), False),
        (date(1900, 1, 1), True),
        (date(2199, 12, 31), True),
        (date(2200, 1, 1), False),
    ],
)
def test_a_fund_speaks_of_days_from_1900_to_2199(day: date, reasonable: bool) -> None:
    assert is_reasonable(day) is reasonable
