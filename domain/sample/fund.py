"""The sample fund: eight years of a made-up venture fund up to today, for people to try Drypowder on."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from operator import itemgetter
from typing import Final

from domain.capital import FundOpened
from domain.correction import EventVoided
from domain.event import CompanyKey
from domain.forecasting import ActualRecorded
from domain.investing import ValuationUpdated
from domain.money import CENTS, Money
from domain.projector import MAX_BATCH
from domain.sample.books import rounded
from domain.sample.calendar import HISTORY, Calendar
from domain.sample.life import live, neat
from domain.sample.misses import OVERREPORTED, OVERVALUED, RESTATED_ACTUAL, RESTATED_VALUATION
from domain.sample.outlook import foresee
from domain.sample.portfolio import CURRENCY, PROFILES
from domain.sample.reporting import report
from domain.sample.rules import RULES
from domain.sample.telling import Told, tell
from domain.sample.treasury import fund_the_plan

SAMPLE_SEED: Final = 62_418
"""Picked among the first 120,000 for a fund with something of everything: at these odds most funds have fewer
companies left by now, and return less."""
SAMPLE_NAME: Final = "Sample Ventures I (sample data)"
SAMPLE_SIZE: Final = Money(150_000_000 * CENTS)
FIRST_RECORDED: Final = 2
"""Version of the first recorded fact: the opening is version 1."""
RESTATED_AFTER: Final = timedelta(days=75)
"""How long after the first report the restated one came."""
YEARS_AGO: Final = 3

Recording = tuple[Told, ...]
"""Facts to append at once, at most 1,000."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Instants at which the sample is worth a look.

    Attributes:
        three_years_ago: Noon of this day then.
        restated: Noon of the day after the mark that was recorded wrong.
        quarter_end: The evening of the last quarter's end.
    """

    three_years_ago: datetime
    restated: datetime
    quarter_end: datetime


@dataclass(frozen=True, slots=True)
class SampleFund:
    """The sample fund.

    Attributes:
        opening: Version 1, at `opened_at`.
        recordings: To be appended in this order, from version 2 on and with nothing in between, since the
            last names versions. All but the last are the facts as first reported, by date. The last corrects
            them: a void (dated as the fact it voids), the right valuation, backdated, and a restated report.
        restated_company_id: Whose valuation the last recording corrects.
    """

    opened_at: datetime
    opening: FundOpened
    recordings: tuple[Recording, ...]
    moments: Moments
    restated_company_id: CompanyKey


def sample_fund(today: date) -> SampleFund:
    """A fund of 25 made-up companies whose eight years end at the last quarter's end before `today`.

    Every fact is dated before `today`. The story is the same whatever the day. Budgets follow the calendar's
    years, and the running quarter's call, fee and reports of the last one come as its days pass.
    """
    calendar = Calendar(today)
    opened_at = datetime.combine(calendar.opened_on, time(), UTC)
    told = sorted((each for each in _tell_all(calendar) if each[0].date() < today), key=itemgetter(0))
    corrections = (*_correct_valuation(told, calendar), *_correct_actual(told, calendar))
    company_id, quarter = RESTATED_VALUATION
    batches = (tuple(told[start : start + MAX_BATCH]) for start in range(0, len(told), MAX_BATCH))
    moments = Moments(
        three_years_ago=_noon_years_before(today, YEARS_AGO),
        restated=calendar.during(quarter + 1, 0),
        quarter_end=calendar.closing(HISTORY - 1) + timedelta(minutes=1),
    )
    opening = FundOpened(SAMPLE_NAME, CURRENCY, opened_at.year, SAMPLE_SIZE)
    return SampleFund(opened_at, opening, (*batches, corrections), moments, company_id)


def _tell_all(calendar: Calendar) -> Iterator[Told]:
    lives = [live(profile, SAMPLE_SEED) for profile in PROFILES]
    opened_at = datetime.combine(calendar.opened_on, time(), UTC)
    # First, so that all that is reported is rated.
    yield from ((opened_at, rule) for rule in RULES)
    investing = [each for life in lives for each in tell(life, calendar)]
    yield from fund_the_plan(investing, SAMPLE_SIZE, calendar)
    yield from investing
    for life in lives:
        yield from report(life, SAMPLE_SEED, calendar)
        yield from foresee(life, SAMPLE_SEED, calendar)


def _correct_valuation(told: list[Told], calendar: Calendar) -> Iterator[Told]:
    """Makes the mark in `told` wrong, and gives what corrects it."""
    company_id, quarter = RESTATED_VALUATION
    at = calendar.closing(quarter)
    for place, (when, event) in enumerate(told):
        if when == at and isinstance(event, ValuationUpdated) and event.company_id == company_id:
            told[place] = at, replace(event, new_value=neat(event.new_value * OVERVALUED))
            yield at, EventVoided(FIRST_RECORDED + place, "The audit found the option pool counted twice.")
            yield at, replace(event, note="Restated after the audit.")


def _correct_actual(told: list[Told], calendar: Calendar) -> Iterator[Told]:
    """Makes the report in `told` wrong, and gives the restated one."""
    company_id, quarter, metric = RESTATED_ACTUAL
    at = calendar.reported(quarter)
    for place, (when, event) in enumerate(told):
        if (
            when == at
            and isinstance(event, ActualRecorded)
            and (event.company_id, event.metric_type) == (company_id, metric)
        ):
            told[place] = at, replace(event, value=rounded(metric, float(event.value) * OVERREPORTED))
            yield at + RESTATED_AFTER, replace(event, supersedes_version=FIRST_RECORDED + place)


def _noon_years_before(day: date, years: int) -> datetime:
    """Noon of the same day so many years before; of 28 February for the 29th."""
    last = monthrange(day.year - years, day.month)[1]
    return datetime(day.year - years, day.month, min(day.day, last), 12, tzinfo=UTC)
