"""Cursors: how far each consumer has followed each fund. Versions have no gaps, so a cursor says all."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from infra.postgres import translated

MOST_FUNDS = 500
"""Funds looked at in one go; the rest come with the next."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A fund whose newest version a consumer hasn't seen."""

    fund_id: UUID
    seen: int
    version: int


class Cursors:
    """Checkpoints of the consumers that react to facts."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def behind(self, consumer: str) -> list[Behind]:
        """Funds with facts after the consumer's cursor."""
        with translated():
            rows = await self._pool.fetch(
                """SELECT f.id, coalesce(c.version, 0), f.version FROM fund f
                LEFT JOIN cursor c ON c.consumer = $1 AND c.fund_id = f.id
                WHERE f.version > coalesce(c.version, 0) LIMIT $2""",
                consumer,
                MOST_FUNDS,
            )
        return [Behind(*row) for row in rows]

    async def advance(self, consumer: str, fund_id: UUID, version: int) -> None:
        """Everything up to `version` has been dealt with; a cursor never goes back."""
        with translated():
            await self._pool.execute(
                """INSERT INTO cursor VALUES ($1, $2, $3) ON CONFLICT (consumer, fund_id)
                DO UPDATE SET version = greatest(cursor.version, excluded.version)""",
                consumer,
                fund_id,
                version,
            )
