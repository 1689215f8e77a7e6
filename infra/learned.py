"""What was learned of companies' plans and figures, both clocks included: what variances are computed from."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from domain.matching import Learned, Series, SeriesKey, series_of
from domain.periods import Calendar
from domain.refusal import CorruptionError
from infra import codec
from infra.postgres import Connection

FIGURE_TYPES = ("FORECAST_CREATED", "ACTUAL_RECORDED", "EVENT_VOIDED")
"""Stored names of the kinds of facts that variances depend on."""
_LEARNED = """
    SELECT version, schema_version, type, occurred_at, recorded_at, correlation_id, payload FROM fact
    WHERE fund_id = $1 AND company_id = ANY ($2) AND type = ANY ($3) AND touches_at <= $4 AND version <= $5
"""
# One scan where most companies are asked for: an index lookup for each would read the same pages again and again.
_ALL_LEARNED = _LEARNED.replace("company_id = ANY ($2)", "$2::text[] IS NULL")


def calendar_of(time_zone: str, now: datetime) -> Calendar:
    """The fund's days, as of a moment."""
    return Calendar(ZoneInfo(time_zone), now)


async def series(
    connection: Connection | asyncpg.Pool, fund_id: UUID, company_ids: Sequence[str] | None, at: datetime, version: int
) -> dict[SeriesKey, Series]:
    """Plans and reports of some companies (None: of all) at `at` by the facts up to `version`.

    Raises:
        CorruptionError: If a fact can't be read.
    """
    rows = await connection.fetch(
        _ALL_LEARNED if company_ids is None else _LEARNED,
        fund_id,
        None if company_ids is None else list(company_ids),
        FIGURE_TYPES,
        at,
        version,
    )
    # Beside the loop: a large fund's facts take a second.
    return await asyncio.to_thread(lambda: series_of(_learned(fund_id, rows)))


def _learned(fund_id: UUID, rows: Iterable[asyncpg.Record]) -> Iterable[Learned]:
    for version, schema_version, name, occurred_at, recorded_at, request, payload in rows:
        try:
            event = codec.decode_event(name, schema_version, payload)
        except CorruptionError as fault:
            message = f"fund {fund_id} stops at version {version}: {fault}"
            raise CorruptionError(message) from fault
        yield Learned(version, occurred_at, recorded_at, request, event)
