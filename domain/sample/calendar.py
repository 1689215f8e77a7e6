"""Calendar: the sample's quarters, counted from its opening, and laid out to end just before today."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

HISTORY: Final = 32
"""Whole quarters of history: eight years. The quarter with this number is the one that is running."""
MONTHS_IN_QUARTER, MONTHS_IN_YEAR = 3, 12
QUARTERS_IN_YEAR = 4


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where the fund's quarters lie.

    Attributes:
        today: Facts are dated before this day.
    """

    today: date

    @property
    def opened_on(self) -> date:
        """First day of quarter 0."""
        return self.first_day(0)

    def first_day(self, quarter: int) -> date:
        """First day of a quarter; quarters are calendar quarters."""
        running = (self.today.year * MONTHS_IN_YEAR + self.today.month - 1) // MONTHS_IN_QUARTER
        years, months = divmod((running + quarter - HISTORY) * MONTHS_IN_QUARTER, MONTHS_IN_YEAR)
        return date(years, months + 1, 1)

    def last_day(self, quarter: int) -> date:
        """Last day of a quarter."""
        return self.first_day(quarter + 1) - timedelta(days=1)

    def place_in_year(self, quarter: int) -> int:
        """0 for January to March, up to 3."""
        return (self.first_day(quarter).month - 1) // MONTHS_IN_QUARTER

    def quarter_of(self, moment: datetime) -> int:
        """The quarter an instant lies in."""
        first = self.opened_on
        months = (moment.year - first.year) * MONTHS_IN_YEAR + moment.month - first.month
        return months // MONTHS_IN_QUARTER

    def during(self, quarter: int, day: int) -> datetime:
        """Noon of a day of a quarter, 0 its first."""
        return noon(self.first_day(quarter) + timedelta(days=day))

    def closing(self, quarter: int) -> datetime:
        """The evening of a quarter's last day, when it is marked."""
        return datetime.combine(self.last_day(quarter), time(18), UTC)

    def reported(self, quarter: int) -> datetime:
        """When the companies report a quarter: a month after its end."""
        return noon(self.last_day(quarter) + timedelta(days=30))


def noon(day: date) -> datetime:
    """Noon of a day, UTC."""
    return datetime.combine(day, time(12), UTC)
