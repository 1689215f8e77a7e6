"""Snapshots: cached folds, each good for an interval of versions. Dropping them all changes no answer."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID, uuid4

import asyncpg

from domain.event import Dated
from domain.fund import Fund
from domain.projector import EMPTY, along
from domain.text import check_optional_text
from domain.wording import Wording
from infra import codec
from infra.postgres import Connection, ScopedConnection, translated
from infra.states import BEGINNING, END, FOLDED_FACTS, UNFOLDED, States, dated, resolve

log = logging.getLogger(__name__)

CONSUMER = "snapshots"
"""The cursor that says up to where snapshots were asked for."""
COMPANIES_PER_FACT = 4
"""Holdings read from a snapshot in the time one fact takes to fetch and fold."""
KEPT_CLOSED = 200
"""Automatic snapshots kept per fund after a backdated fact closed them; they serve what was known before it."""


class SnapshotKind(Wording):
    """Why a snapshot was taken."""

    MANUAL = "MANUAL", "Somebody asked for it."
    SCHEDULED = "SCHEDULED", "The night's."
    AUTO = "AUTO", "Enough facts had come since the one before."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot, without its state."""

    fund_id: UUID
    id: UUID
    at: datetime
    version: int
    kind: SnapshotKind
    description: str | None
    created_at: datetime


_LISTED = "fund_id, id, at, lo AS version, kind, description, created_at"
_KEEP = "SELECT ledger_keep_snapshot($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
# How many facts lie between the open snapshots: bucket 0 is before the first.
_GAPS = """
    SELECT width_bucket(touches_at, $2::timestamptz[]) AS gap, count(*) AS facts
    FROM fact WHERE fund_id = $1 AND version <= $3 GROUP BY 1 ORDER BY 1
"""
# One at a time fills a fund's gaps; who waited finds them filled. The ledger's own lock has seed 0.
_ALONE = "SELECT pg_advisory_lock(hashtextextended($1::uuid::text, 1))"
# Those of AUTO aren't folded anew but thinned, and their gaps filled.
_FOREIGN = """
    SELECT id, at, lo FROM snapshot WHERE fund_id = $1 AND fingerprint <> $2 AND kind <> 'AUTO' ORDER BY at
"""
_THIN = """
    DELETE FROM snapshot WHERE fund_id = $1 AND kind = 'AUTO' AND (fingerprint <> $2 OR id IN (
        SELECT id FROM snapshot WHERE fund_id = $1 AND kind = 'AUTO' AND hi IS NOT NULL
        ORDER BY created_at DESC OFFSET $3
    ))
"""


class Snapshots:
    """Takes, fills in, lists and thins snapshots."""

    def __init__(self, pool: asyncpg.Pool, states: States) -> None:
        self._pool = pool
        self._states = states

    async def take(self, fund_id: UUID, kind: SnapshotKind, description: str | None = None) -> Snapshot:
        """A snapshot of the fund as it is now.

        Raises:
            NotFound: If there is no such fund.
            Invalid: If the description is too long.
        """
        check_optional_text(description, "description")
        with translated():
            async with self._pool.acquire() as connection:
                known = await resolve(connection, fund_id, None)
                folded = await self._states.state(fund_id, known.at_now, known.version, connection=connection)
                return await self._store(
                    connection, fund_id, known.at_now, known.version, folded.state, kind, description
                )

    async def keep_up(self, fund_id: UUID, frequency: int) -> int:
        """Fills every gap of more than `frequency` facts between snapshots; how many that took.

        In a fund of many companies the gaps are larger: the time to answer and the space taken stay in proportion.
        """
        made = 0
        with translated():
            async with self._pool.acquire() as connection:
                cast("ScopedConnection", connection).unlock_at_release()
                await connection.execute(_ALONE, fund_id)
                await self._adopt(connection, fund_id)
                version = await connection.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
                if version is None:
                    return 0
                rows = await connection.fetch(
                    "SELECT at FROM snapshot WHERE fund_id = $1 AND hi IS NULL AND fingerprint = $2 ORDER BY at",
                    fund_id,
                    codec.FINGERPRINT,
                )
                ends = [row["at"] for row in rows]
                newest = await self._states.state(fund_id, END, version, connection=connection)
                least = _spacing(frequency, newest.state)
                for gap, facts in await connection.fetch(_GAPS, fund_id, ends, version):
                    # A gap begins with the fact its snapshot stands at.
                    if facts - (gap > 0) >= least:
                        start = ends[gap - 1] if gap else BEGINNING
                        end = ends[gap] if gap < len(ends) else END
                        made += await self._fill(connection, fund_id, start, end, version, frequency)
                await connection.execute(_THIN, fund_id, codec.FINGERPRINT, KEPT_CLOSED)
        return made

    async def _fill(
        self,
        connection: Connection,
        fund_id: UUID,
        start: datetime,
        end: datetime,
        version: int,
        frequency: int,
    ) -> int:
        """Snapshots between two moments, at neither of them."""
        base = EMPTY
        if start != BEGINNING:
            base = (await self._states.state(fund_id, start, version, connection=connection)).state
        facts = dated(fund_id, await connection.fetch(FOLDED_FACTS, fund_id, start, end, version, UNFOLDED))
        facts = [fact for fact in facts if fact.occurred_at < end]
        made = 0
        for moment, state in _milestones(base, facts, frequency):
            await self._store(connection, fund_id, moment, version, state, SnapshotKind.AUTO, None)
            made += 1
        return made

    async def _adopt(self, connection: Connection, fund_id: UUID) -> None:
        """Folds anew the snapshots that other code made because somebody asked, or at night."""
        foreign = await connection.fetch(_FOREIGN, fund_id, codec.FINGERPRINT)
        for row in foreign:
            await self._states.rebuild(connection, fund_id, row["id"], row["at"], row["lo"])
        if foreign:
            log.info("%d snapshots of fund %s were other code's and are folded anew", len(foreign), fund_id)

    async def foreign(self) -> list[UUID]:
        """Funds with snapshots that other code made: `keep_up` replaces them."""
        with translated():
            rows = await self._pool.fetch(
                "SELECT DISTINCT fund_id FROM snapshot WHERE fingerprint <> $1", codec.FINGERPRINT
            )
        return [row["fund_id"] for row in rows]

    async def listed(self, fund_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Snapshot]:
        """Snapshots of the fund, newest made first, those after a place in that order."""
        created, snapshot_id = after or (END, UUID(int=2**128 - 1))
        with translated():
            rows = await self._pool.fetch(
                f"SELECT {_LISTED} FROM snapshot WHERE fund_id = $1 AND (created_at, id) < ($2, $3) "  # noqa: S608
                "ORDER BY created_at DESC, id DESC LIMIT $4",
                fund_id,
                created,
                snapshot_id,
                limit,
            )
        return [_snapshot(row) for row in rows]

    async def one(self, fund_id: UUID, snapshot_id: UUID) -> Snapshot | None:
        """One snapshot."""
        with translated():
            row = await self._pool.fetchrow(
                f"SELECT {_LISTED} FROM snapshot WHERE fund_id = $1 AND id = $2",  # noqa: S608
                fund_id,
                snapshot_id,
            )
        return None if row is None else _snapshot(row)

    async def _store(
        self,
        connection: Connection,
        fund_id: UUID,
        at: datetime,
        version: int,
        state: Fund,
        kind: SnapshotKind,
        description: str | None,
    ) -> Snapshot:
        """Stores a state that was folded from the facts up to `version`."""
        snapshot_id, stored = uuid4(), codec.encode_state(state)
        checksum = codec.state_checksum(str(fund_id), at, state.version, stored)
        created_at = await connection.fetchval(
            _KEEP, fund_id, snapshot_id, at, state.version, version, kind.value, description,
            codec.FINGERPRINT, checksum, stored,
        )  # fmt: skip
        return Snapshot(fund_id, snapshot_id, at, state.version, kind, description, created_at)


def _spacing(frequency: int, state: Fund) -> int:
    """Facts between snapshots: reading `COMPANIES_PER_FACT` companies' holdings costs about as much as folding one."""
    return max(frequency, len(state.companies) // COMPANIES_PER_FACT)


def _milestones(base: Fund, facts: Sequence[Dated], frequency: int) -> Iterator[tuple[datetime, Fund]]:
    """Moments as far apart as the fund is large by then, with their states."""
    moments: list[datetime] = []
    states = along(base, facts, iter(lambda: moments[-1], None))
    place, state = -1, base
    while (place := place + _spacing(frequency, state)) < len(facts):
        moment = facts[place].occurred_at
        if moments and moment == moments[-1]:
            continue
        moments.append(moment)
        state = next(states)
        yield moment, state


def _snapshot(row: asyncpg.Record) -> Snapshot:
    return Snapshot(
        row["fund_id"], row["id"], row["at"], row["version"], SnapshotKind(row["kind"]), row["description"],
        row["created_at"],
    )  # fmt: skip
