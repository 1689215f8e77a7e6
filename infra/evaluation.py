"""Evaluation: what new facts touch is compared and rated again, and what the rules decide is recorded."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from domain.alerting import Decided, assess, reminders
from domain.alerts import Alerts
from domain.correction import EventVoided
from domain.forecasting import ActualRecorded, ForecastCreated, MetricType
from domain.fund import Fund
from domain.matching import Basis, Series, SeriesKey
from domain.periods import Calendar
from domain.projector import MAX_BATCH
from domain.rules import AlertRuleSet
from domain.variance import Variance, compare
from infra import codec
from infra.alerts import AlertStore
from infra.cursors import Cursors
from infra.drafts import Draft
from infra.figure_board import BASIS, Compared, FigureBoard
from infra.learned import calendar_of, series
from infra.ledger import Ledger, OvertakenError
from infra.people import SYSTEM
from infra.postgres import Connection, translated
from infra.states import States, resolve
from infra.tracing import later_span
from infra.trail import going_on, here

CONSUMER = "variance"
"""The cursor that says up to where a fund's facts have been evaluated."""
ATTEMPTS = 20
"""Times that others may record facts about alerts in between before it is left to the next try."""
_NEWS = """
    SELECT type, schema_version, company_id, payload, correlation_id FROM fact
    WHERE fund_id = $1 AND version > $2 AND version <= $3 AND type = ANY ($4) ORDER BY version
"""
_TOUCHING = (
    "ACTUAL_RECORDED",
    "FORECAST_CREATED",
    "EVENT_VOIDED",
    "ALERT_RULE_SET",
    "COMPANY_STATUS_CHANGED",
    "ROUND_PRICED",
)
"""Kinds of facts that can change what a rule makes of a company's figures."""
_EVERY_COMPANY = 50
"""From so many companies on, the facts of all are read in one scan."""


@dataclass(slots=True)
class Touched:
    """What some facts bear on: series, whole companies, or all that the fund's rules look at.

    Attributes:
        request_ids: Of the requests that recorded them, in that order.
    """

    series: set[SeriesKey] = field(default_factory=set)
    companies: set[str] = field(default_factory=set)
    everything: bool = False
    request_ids: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.series or self.companies or self.everything)

    @property
    def company_ids(self) -> list[str] | None:
        """The companies to look at; None for all of them."""
        return None if self.everything else sorted(self.companies | {company_id for company_id, _ in self.series})

    def keys(self, every_company: Iterable[str]) -> list[SeriesKey]:
        """The series to look at."""
        whole = set(every_company) if self.everything else self.companies
        found = {(company_id, metric) for company_id in whole for metric in MetricType}
        return sorted(found | self.series)


class Evaluator:
    """Evaluates funds; any number may at once, on any facts twice: what is decided is recorded once."""

    def __init__(self, pool: asyncpg.Pool, ledger: Ledger, states: States, alerts: AlertStore) -> None:
        self._pool = pool
        self._ledger = ledger
        self._states = states
        self._alerts = alerts
        self._cursors = Cursors(pool)
        self._board = FigureBoard(pool)

    async def evaluate(self, fund_id: UUID) -> int:
        """Evaluates what the facts since the cursor touch, then moves the cursor; how many facts that recorded.

        Raises:
            OvertakenError: If others kept recording facts about alerts in between.
            CorruptionError: If a fact can't be read.
            UnavailableError: If the database can't be reached.
        """
        recorded = 0
        for _ in range(ATTEMPTS):
            with translated():
                async with self._pool.acquire() as connection:
                    row = await connection.fetchrow(
                        """SELECT f.version, coalesce(c.version, 0) AS seen, f.time_zone FROM fund f
                        LEFT JOIN cursor c ON c.consumer = $2 AND c.fund_id = f.id WHERE f.id = $1""",
                        fund_id,
                        CONSUMER,
                    )
                    if row is None or row["version"] <= row["seen"]:
                        return recorded
                    touched = await _touched(connection, fund_id, row["seen"], row["version"])
            try:
                with going_on(touched.request_ids), later_span("evaluation", touched.request_ids):
                    more, version = await self._evaluate(fund_id, row["time_zone"], touched, row["version"])
            except OvertakenError:
                continue
            recorded += more
            await self._cursors.advance(CONSUMER, fund_id, version)
        raise OvertakenError

    async def look_again(self, fund_id: UUID) -> int:
        """What time alone has changed: figures overdue, facts dated ahead that are true by now, reminders.

        Raises:
            OvertakenError: If others kept recording facts about alerts in between.
        """
        recorded = 0
        for _ in range(ATTEMPTS):
            with translated():
                row = await self._pool.fetchrow("SELECT version, time_zone FROM fund WHERE id = $1", fund_id)
            if row is None:
                return recorded
            try:
                more, _ = await self._evaluate(fund_id, row["time_zone"], Touched(everything=True), row["version"])
                recorded += more
                with translated():
                    known = await resolve(self._pool, fund_id, None)
                book = await self._alerts.book_at(fund_id, known.at_now, known.version)
                decided = reminders(book, known.at_now)
                await self._record(fund_id, decided, known.version)
                return recorded + len(decided)
            except OvertakenError:
                continue
        raise OvertakenError

    async def _evaluate(self, fund_id: UUID, time_zone: str, touched: Touched, version: int) -> tuple[int, int]:
        """Compares and rates what is touched.

        Args:
            version: Up to where facts were looked at for what they touch.

        Returns:
            How many facts that recorded, and up to where there is nothing else that is new.
        """
        if not touched:
            # What people did with alerts may be news: its notices are planned, and the summary counts it.
            await self._alerts.caught_up(fund_id)
            with translated():
                known = await resolve(self._pool, fund_id, None)
            await self._board.keep(fund_id, {}, calendar_of(time_zone, known.at_now), version, known=known.version)
            return 0, version
        # Before the figures: these must hold whatever figure an alert has dealt with.
        book = await self._alerts.book_of(fund_id, touched.company_ids)
        with translated():
            async with self._pool.acquire() as connection:
                known = await resolve(connection, fund_id, None)
                fund = (await self._states.state(fund_id, known.at_now, known.version, connection=connection)).state
                keys = touched.keys(fund.companies)
                companies = sorted({company_id for company_id, _ in keys})
                found = await series(
                    connection,
                    fund_id,
                    companies if len(companies) < _EVERY_COMPANY else None,
                    known.at_now,
                    known.version,
                )
        calendar = calendar_of(time_zone, known.at_now)
        # A series of which nothing stands any more may still have an alert, and figures on the board.
        alerted = {(company_id, metric) for _, company_id, metric, _ in book.latest}
        wanted = {key: found.get(key) or Series(*key) for key in keys if key in found or key in alerted}
        # Beside the loop: a fund's thousands of comparisons would hold the others' jobs up.
        decided, compared = await asyncio.to_thread(_decide, book, wanted, fund, calendar)
        version = await self._record(fund_id, decided, book.version, version)
        gone = {key: Series(*key) for key in keys if key not in wanted}
        await self._board.keep(
            fund_id,
            {**gone, **wanted},
            calendar,
            version,
            known=known.version,
            whole=touched.everything,
            compared=compared,
        )
        return len(decided), version

    async def _record(self, fund_id: UUID, decided: Sequence[Decided], read_at: int, version: int = 0) -> int:
        """Records what was decided; `version`, or where nothing else came between, that of the last of these facts."""
        trail = here()
        cause = None if trail is None else trail.request_id
        for start in range(0, len(decided), MAX_BATCH):
            drafts = [Draft(one.event, one.occurred_at) for one in decided[start : start + MAX_BATCH]]
            appended = await self._ledger.record_apart(
                fund_id, drafts, actor=SYSTEM, read_at=read_at, correlation_id=cause
            )
            # Our own facts don't overtake us, and nobody else's came between.
            read_at = appended.last_version
            if appended.first_version == version + 1:
                version = appended.last_version
        if decided:
            await self._alerts.caught_up(fund_id)
        return version


async def _touched(connection: Connection, fund_id: UUID, seen: int, version: int) -> Touched:
    """What the facts after `seen` bear on."""
    touched = Touched()
    for name, schema_version, company_id, payload, request_id in await connection.fetch(
        _NEWS, fund_id, seen, version, _TOUCHING
    ):
        if request_id is not None and request_id not in touched.request_ids[-1:]:
            touched.request_ids.append(request_id)
        event = codec.decode_event(name, schema_version, payload)
        match event:
            case ActualRecorded() | ForecastCreated():
                touched.series.add((event.company_id, event.metric_type))
            case AlertRuleSet():
                touched.everything = True
            case EventVoided() if company_id is None:
                continue
            case _:
                touched.companies.add(company_id)
    return touched


def _decide(
    book: Alerts, wanted: Mapping[SeriesKey, Series], fund: Fund, calendar: Calendar
) -> tuple[list[Decided], Compared]:
    """What the rules make of the figures, and those that were compared as the board does it on the way."""
    found: dict[SeriesKey, Sequence[Variance]] = {}

    def comparing(one: Series, basis: Basis, calendar: Calendar) -> list[Variance]:
        variances = compare(one, basis, calendar)
        if basis == BASIS:
            found[one.company_id, one.metric] = variances
        return variances

    if not book.rules:
        return [], found
    return [decided for one in wanted.values() for decided in assess(book, one, fund, calendar, comparing)], found
