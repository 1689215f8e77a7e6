"""Reporting: the facts by which a company's plans and figures reach the ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from domain.event import CompanyKey
from domain.forecasting import ActualRecorded, ForecastCreated, ForecastKind, ForecastPeriod, MetricType
from domain.sample.books import Books
from domain.sample.calendar import HISTORY, QUARTERS_IN_YEAR, Calendar, noon
from domain.sample.life import Life
from domain.sample.misses import GAPS, HASTY_REFORECASTS
from domain.sample.telling import Told

UNDERWRITTEN: Final = 8
"""Quarters that the fund's case for investing covers."""
BUDGET_LEAD: Final = timedelta(days=17)
"""A year's budget is agreed so long before it begins."""
FIRST, THIRD = 0, 2
"""Places of quarters in their year."""
REFORECAST_DAY, REFORECAST_BELOW = 45, Decimal("0.9")
"""In the third quarter, the second reported, companies below this share of their plan make a new one."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Forecasts made together: the figures by quarter, the same metrics in each."""

    made_at: datetime
    kind: ForecastKind
    figures: Mapping[int, Mapping[MetricType, Decimal]]


def report(life: Life, seed: int, calendar: Calendar) -> Iterator[Told]:
    """Forecasts and actuals of one company, in no particular order."""
    company_id = life.profile.company_id
    books = Books(life, seed)
    for plan in _plans(life, books, calendar):
        for forecast in _forecasts(company_id, plan, calendar):
            yield plan.made_at, forecast
    for quarter, figures in books.reported.items():
        for metric, figure in figures.items():
            if (company_id, quarter, metric) not in GAPS:
                start, end = calendar.first_day(quarter), calendar.last_day(quarter)
                actual = ActualRecorded(company_id, metric, figure, start, end, books.source)
                yield calendar.reported(quarter), actual


def _plans(life: Life, books: Books, calendar: Calendar) -> Iterator[_Plan]:
    """The fund's case and a first budget with the first cheque, then yearly budgets and re-forecasts."""
    entry = life.rounds[0]
    at, first = calendar.during(entry.quarter, entry.day), books.first
    case = books.planned(entry.quarter, range(first, first + UNDERWRITTEN))
    yield _Plan(at, ForecastKind.UNDERWRITE, case)
    year_end = first + QUARTERS_IN_YEAR - calendar.place_in_year(first)
    budget = books.planned(entry.quarter, range(first, year_end))
    yield _Plan(at, ForecastKind.BUDGET, budget)
    for quarter in range(first + 1, HISTORY + 2):
        if not life.is_held(quarter - 1):
            break
        place = calendar.place_in_year(quarter)
        if place == FIRST:
            agreed_at = noon(calendar.first_day(quarter) - BUDGET_LEAD)
            budget = books.planned(quarter - 2, range(quarter, quarter + QUARTERS_IN_YEAR))
            yield _Plan(agreed_at, ForecastKind.BUDGET, budget)
        elif place == THIRD and _is_behind(books, budget, quarter - 1):
            newer = books.planned(quarter - 1, range(quarter, quarter + 2))
            yield _Plan(calendar.during(quarter, REFORECAST_DAY), ForecastKind.REFORECAST, newer)
    for company_id, quarter, metric in sorted(HASTY_REFORECASTS):
        if company_id == life.profile.company_id:
            admitted = {quarter: {metric: books.reported[quarter][metric]}}
            yield _Plan(calendar.closing(quarter), ForecastKind.REFORECAST, admitted)


def _is_behind(books: Books, budget: Mapping[int, Mapping[MetricType, Decimal]], quarter: int) -> bool:
    reported = books.reported.get(quarter)
    return reported is not None and reported[MetricType.ARR] < REFORECAST_BELOW * budget[quarter][MetricType.ARR]


def _forecasts(company_id: CompanyKey, plan: _Plan, calendar: Calendar) -> Iterator[ForecastCreated]:
    for metric in next(iter(plan.figures.values())):
        periods = tuple(
            ForecastPeriod(calendar.first_day(quarter), calendar.last_day(quarter), figures[metric])
            for quarter, figures in plan.figures.items()
        )
        yield ForecastCreated(company_id, metric, periods, plan.kind)
