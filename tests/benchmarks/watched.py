"""A watched fund: companies that report by the month beside their plans, and rules that rate all of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from time import perf_counter
from uuid import UUID

from domain.event import CompanyKey, Event
from domain.forecasting import ActualRecorded, ForecastCreated, ForecastKind, ForecastPeriod, MetricType
from domain.investing import CompanyAdded
from domain.matching import ForecastPolicy
from domain.rules import AlertRuleSet, AlertRung, AlertSeverity, VarianceDirection
from infra.drafts import Draft
from tests.benchmarks.ground import Ground
from tests.benchmarks.portfolio import OPENED_AT
from tests.infra.alerting import month

METRICS = (MetricType.REVENUE, MetricType.EBITDA, MetricType.CASH_BURN, MetricType.ARR, MetricType.CASH)
SEED = 20_261_121
MISSES = 0.1
"""Share of the past figures that are misses."""
PLANNED_BEFORE = timedelta(days=3)
"""A month's plan is made and recorded so long before it begins."""
REPORTED_AFTER = timedelta(days=10)
"""A month's figure is reported and recorded so long after it is over."""
RULES = (
    AlertRuleSet("misses", "Misses", METRICS),
    AlertRuleSet(
        "slips", "Slips again", METRICS, persistence=2, persistence_window=3,
        forecast_policy=ForecastPolicy.LATEST_AT_EFFECTIVE_DATE,
    ),
    AlertRuleSet(
        "far-off", "Far off", METRICS, (AlertRung(AlertSeverity.URGENT, Decimal(200)),),
        direction=VarianceDirection.BOTH,
    ),
)  # fmt: skip
"""The first opens an alert at once, the second waits for another miss, the third finds nothing here."""

Place = tuple[CompanyKey, MetricType]
"""A company and a metric."""


@dataclass(frozen=True, slots=True)
class WatchedFund:
    """A fund with its rules set, its past evaluated, and a plan of the last month, of which nothing was reported yet.

    Attributes:
        figures: How many were reported.
        fine: Companies and metrics without a miss in the month before the last, in no order, each of them once.
    """

    id: UUID
    figures: int
    fine: Iterator[Place]


_made: dict[Ground, WatchedFund] = {}


def places(ground: Ground) -> list[Place]:
    """Every company's metrics."""
    keys = [CompanyKey(f"company-{place:04}") for place in range(ground.scale.companies)]
    return list(product(keys, METRICS))


def figure(place: Place, ago: int, *, miss: bool) -> ActualRecorded:
    """A month's figure: 30% worse than planned, or 2% better."""
    less_is_worse = place[1] is not MetricType.CASH_BURN
    share = Decimal("0.70" if less_is_worse else "1.30") if miss else Decimal("1.02" if less_is_worse else "0.98")
    return ActualRecorded(*place, _planned(place) * share, *month(ago))


def _plan(place: Place, ago: int) -> ForecastCreated:
    return ForecastCreated(*place, (ForecastPeriod(*month(ago), _planned(place)),), ForecastKind.BUDGET)


def _planned(place: Place) -> Decimal:
    company, metric = place
    return Decimal(1_000_000 + 10_000 * int(company[-4:]) + 1_000 * METRICS.index(metric))


async def watched(ground: Ground) -> WatchedFund:
    """The fund whose companies have reported for years; made once."""
    if ground not in _made:
        _made[ground] = await _watched(ground, ground.scale.months)
    return _made[ground]


async def _watched(ground: Ground, months: int) -> WatchedFund:
    every, random = places(ground), Random(SEED)
    missed = {place: [random.random() < MISSES for _ in range(months)] for place in every}
    reports = (
        (_moment(month(ago)[1]) + REPORTED_AFTER, figure(place, ago, miss=missed[place][ago - 2]))
        for ago in range(2, months + 2)
        for place in every
    )
    begun = perf_counter()
    fund_id = await planned(ground, months + 1, reports)
    ground.say(
        f"recorded a fund of {len(every) * months:,} figures and their forecasts: {perf_counter() - begun:,.1f} s"
    )
    begun = perf_counter()
    await ground.runtime.evaluator.evaluate(fund_id)
    await ground.vacuum("figure")
    ground.say(f"  evaluated all of it: {perf_counter() - begun:,.1f} s")
    fine = [place for place in every if not missed[place][0]]
    random.shuffle(fine)
    return WatchedFund(fund_id, len(every) * months, iter(fine))


async def planned(ground: Ground, months: int, reports: Iterable[tuple[datetime, Event]] = ()) -> UUID:
    """A fund with its rules set, and with each company's plans of so many months, of which nothing is evaluated yet.

    Args:
        reports: What is recorded beside the plans, and when.
    """
    every = places(ground)
    names = {company: f"Company {company[-4:]} of the benchmark" for company, _ in every}
    placed: list[tuple[datetime, Event]] = [(OPENED_AT, CompanyAdded(key, name)) for key, name in names.items()]
    for ago in range(1, months + 1):
        placed += [(_moment(month(ago)[0]) - PLANNED_BEFORE, _plan(place, ago)) for place in every]
    placed = sorted([*placed, *reports], key=lambda one: one[0])
    fund_id, runtime = await ground.open_fund(), ground.runtime
    drafts = [Draft(event, at) for at, event in placed]
    await runtime.ledger.record_all(fund_id, drafts, actor=ground.person.id, key="benchmark")
    await _as_recorded_then(ground, fund_id)
    await runtime.snapshots.keep_up(fund_id, runtime.settings.snapshot_frequency)
    read_at = await runtime.alerts.caught_up(fund_id)
    rules = [Draft(rule) for rule in RULES]
    await runtime.ledger.record_apart(fund_id, rules, actor=ground.person.id, read_at=read_at)
    return fund_id


async def _as_recorded_then(ground: Ground, fund_id: UUID) -> None:
    """Has the fund's facts recorded when they were true, each day's in a request of its own.

    Else every plan would be backdated and every report late. Only here: a ledger takes years to come by such a past,
    and these facts' hashes no longer fit.
    """
    async with ground.connection() as connection, connection.transaction():
        await connection.execute("ALTER TABLE fact DISABLE TRIGGER fact_rows_are_immutable")
        await connection.execute(
            """UPDATE fact SET recorded_at = occurred_at + version * interval '1 microsecond',
                correlation_id = occurred_at::date::text
            WHERE fund_id = $1""",
            fund_id,
        )
        await connection.execute("ALTER TABLE fact ENABLE ALWAYS TRIGGER fact_rows_are_immutable")
    await ground.vacuum("fact")


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
