"""The board: a fund's figures compared under the default policy as known now, and their summary."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from domain.matching import Basis, Series, SeriesKey
from domain.metrics import METRICS, MetricUnit
from domain.money import cents_of
from domain.periods import Calendar
from domain.rules import AlertSeverity
from domain.summaries import SummaryRow, VarianceGrouping
from domain.variance import Variance, compare, missing_at
from infra import codec
from infra.learned import FIGURE_TYPES
from infra.postgres import translated

_DELETE = """
    DELETE FROM figure f USING unnest($2::text[], $3::text[]) AS gone(company_id, metric)
    WHERE f.fund_id = $1 AND f.company_id = gone.company_id AND f.metric = gone.metric
"""
# COPY goes past row-level security, so PostgreSQL refuses it.
_INSERT = """
    INSERT INTO figure (fund_id, company_id, metric, period_start, period_end, in_money, on_time, favourable, variance,
        percent, body)
    SELECT $1, g.* FROM unnest($2::text[], $3::text[], $4::date[], $5::date[], $6::boolean[], $7::boolean[],
        $8::boolean[], $9::numeric[], $10::numeric[], $11::text[]) g
"""
_KEEP = """
    INSERT INTO figure_board VALUES ($1, $2, $3)
    ON CONFLICT (fund_id) DO UPDATE SET version = greatest(figure_board.version, excluded.version),
        fresh_until = CASE WHEN $4 THEN excluded.fresh_until
            ELSE least(figure_board.fresh_until, excluded.fresh_until) END
"""
# Bounded above too: else the planner, who doesn't know $2, takes a third of the facts to be newer and reads them all.
_NEWER = """
    SELECT EXISTS (SELECT FROM fact
        WHERE fund_id = $1 AND version > $2 AND version <= (SELECT version FROM fund WHERE id = $1)
        AND (type = ANY ($3) OR starts_with(type, 'ALERT_')))
"""
_AHEAD = """
    SELECT min(touches_at) FROM fact WHERE fund_id = $1 AND touches_at > $2 AND version <= $3 AND type = ANY ($4)
"""
_variances = msgspec.json.Decoder(Variance)

BASIS = Basis()
"""How the board's figures are compared."""
Compared: TypeAlias = Mapping[SeriesKey, Sequence[Variance]]
"""Variances by company and metric."""


class FigureBoard:
    """Keeps the figures of the present moment, and reads their summary where it is right."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(
        self,
        fund_id: UUID,
        every: Mapping[SeriesKey, Series],
        calendar: Calendar,
        version: int,
        *,
        known: int,
        whole: bool = False,
        compared: Compared | None = None,
    ) -> None:
        """Replaces the figures of these series (`whole`: of all); what was known by `version` is there then.

        Args:
            known: Version by which the series were read. A board that holds more by now stays as it is.
            compared: Figures of these series that were compared already.
        """
        rows, fresh_until = await asyncio.to_thread(_rows, every, calendar, compared or {})
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended('figures ' || $1::uuid::text, 0))", fund_id
                )
                held = await connection.fetchval("SELECT version FROM figure_board WHERE fund_id = $1", fund_id)
                if held is not None and held > known:
                    return
                ahead = await connection.fetchval(_AHEAD, fund_id, calendar.now, known, FIGURE_TYPES)
                if ahead is not None:
                    fresh_until.append(ahead)
                await connection.execute(_DELETE, fund_id, [key[0] for key in every], [key[1].value for key in every])
                if rows:
                    await connection.execute(_INSERT, fund_id, *zip(*rows, strict=True))
                await connection.execute(_KEEP, fund_id, version, min(fresh_until, default=None), whole)

    async def refresh(self) -> None:
        """Brings the summary up to the board."""
        with translated():
            await self._pool.execute("SELECT refresh_variance_summary()")

    async def summary(self, fund_id: UUID, by: VarianceGrouping, now: datetime) -> list[SummaryRow] | None:
        """The fund's summary as known now; None where the view is behind, or time has made figures overdue."""
        with translated():
            rows = await self._pool.fetch(
                "SELECT * FROM visible_variance_summary WHERE fund_id = $1 AND grouped_by = $2", fund_id, by.value
            )
            if not rows or (rows[0]["fresh_until"] is not None and rows[0]["fresh_until"] <= now):
                return None
            if await self._pool.fetchval(_NEWER, fund_id, rows[0]["version"], FIGURE_TYPES):
                return None
        return sorted((_summary_row(row) for row in rows), key=lambda row: row.key)


def _rows(
    every: Mapping[SeriesKey, Series], calendar: Calendar, compared: Compared
) -> tuple[list[tuple[object, ...]], list[datetime]]:
    """The series' rows, and the moments at which time will change them."""
    rows, changing = list[tuple[object, ...]](), list[datetime]()
    for key, one in every.items():
        variances = compared[key] if key in compared else compare(one, BASIS, calendar)
        rows.extend(_row(variance) for variance in variances)
        changing.extend(_overdue_later(one, calendar))
    return rows, changing


def _overdue_later(series: Series, calendar: Calendar) -> Sequence[datetime]:
    """When figures that nobody has reported will be missing: until then the board holds."""
    return [
        moment
        for period in {plan.period for plan in series.plans}
        if (moment := missing_at(series.metric, period, calendar)) > calendar.now
    ]


def _row(one: Variance) -> tuple[object, ...]:
    return (
        one.company_id,
        one.metric.value,
        *one.period,
        METRICS[one.metric].unit is MetricUnit.MONEY,
        one.on_time,
        one.favourable,
        one.variance,
        one.percent,
        codec.canonical_json(one),
    )


def _summary_row(row: asyncpg.Record) -> SummaryRow:
    severities = list(AlertSeverity)
    figures = int(row["figures"])
    return SummaryRow(
        key=row["key"],
        figures=figures,
        by_severity={severities[rank]: count for rank, count in zip(row["severities"], row["alerts"], strict=True)},
        favourable=cents_of(Decimal(row["favourable"])),
        unfavourable=cents_of(Decimal(row["unfavourable"])),
        worst=None if row["worst"] is None else _variances.decode(row["worst"]),
        on_time_share=row["on_time"] / figures if figures else None,
    )
