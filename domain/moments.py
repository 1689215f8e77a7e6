"""Instants and dates a fund can speak of."""

from datetime import UTC, date, datetime, timedelta

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""No fund's fact is older; an earlier date is a typing error."""
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""No forecast reaches further."""
FARTHEST_AHEAD = timedelta(days=5 * 366)
"""How far ahead of the day it is recorded a fact may be dated."""
LONGEST_PERIOD = timedelta(days=366 * 10)
"""Longest reporting period taken."""


def instant_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day_text(day: date) -> str:
    """The date as people in any country read it the same, such as `31 Dec 2009`."""
    return day.strftime("%d %b %Y")


def is_reasonable(day: date) -> bool:
    """Whether a fund can speak of this day at all."""
    return EARLIEST.date() <= day < LATEST.date()
