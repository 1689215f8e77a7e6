"""Periods and the fund's calendar: a date means the whole day, in the fund's time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from domain.moments import day_text

_DAYS_A_MONTH = 30.44


class Period(NamedTuple):
    """First and last day, both included."""

    start: date
    end: date

    @property
    def order(self) -> tuple[date, int]:
        """Periods that end later come later; of two that end together, the longer one, which sums the other up."""
        return self.end, self.days

    @property
    def days(self) -> int:
        """Its length."""
        return (self.end - self.start).days + 1

    @property
    def months(self) -> int:
        """Its length in whole months, as near as it comes: months, quarters and years are told apart by it."""
        return round(self.days / _DAYS_A_MONTH)

    def overlaps(self, other: "Period") -> bool:
        """Whether they share a day."""
        return self.start <= other.end and other.start <= self.end

    @property
    def text(self) -> str:
        """As people write it."""
        return f"{day_text(self.start)} to {day_text(self.end)}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The fund's days.

    Attributes:
        zone: The fund's time zone.
        now: The moment that is asked for: what is due by then is due.
    """

    zone: tzinfo
    now: datetime

    def end_of(self, day: date) -> datetime:
        """The first instant after the day: what is true of the day itself lies before it."""
        return _end_after(self.zone, day, 0)

    def end_after(self, day: date, days: int) -> datetime:
        """The first instant after the day so many days on."""
        return _end_after(self.zone, day, days)


# Every company's periods begin and end on the same few days.
@lru_cache(maxsize=16_384)
def _end_after(zone: tzinfo, day: date, days: int) -> datetime:
    return datetime.combine(day + timedelta(days=days + 1), time(), zone).astimezone(UTC)
