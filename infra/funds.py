"""Funds: their identity and head, for lookups and lists."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from infra.people import Person
from infra.postgres import translated

if TYPE_CHECKING:
    from infra.fund_list import FundList


@dataclass(frozen=True, slots=True)
class FundHead:
    """What a fund's opening said, and where its ledger stands. Money in cents.

    Attributes:
        version: Of its newest fact, whose hash and time of recording `hash` and `recorded_at` are.
        touched_until: The latest moment that any fact was true at.
    """

    id: UUID
    name: str
    currency: str
    vintage_year: int
    size_cents: int
    time_zone: str
    opened_at: datetime
    version: int
    hash: bytes
    recorded_at: datetime
    touched_until: datetime
    organisation_id: UUID


_NAMES = tuple(field.name for field in fields(FundHead))
_FUND = f"SELECT {', '.join(_NAMES)} FROM fund WHERE id = $1"  # noqa: S608 - only our own words
_FUNDS = _FUND.replace("= $1", "= ANY ($1)")


class Funds:
    """The heads of all ledgers that the work at hand may see."""

    def __init__(self, pool: asyncpg.Pool, database_url: str) -> None:
        self._pool = pool
        self._database_url = database_url
        self._list: FundList | None = None

    async def fund(self, fund_id: UUID) -> FundHead | None:
        """One fund."""
        with translated():
            row = await self._pool.fetchrow(_FUND, fund_id)
        return None if row is None else FundHead(*row)

    async def by_ids(self, fund_ids: Sequence[UUID]) -> dict[UUID, FundHead]:
        """Those of the funds that exist."""
        with translated():
            rows = await self._pool.fetch(_FUNDS, list(fund_ids))
        return {row["id"]: FundHead(*row) for row in rows}

    async def of(
        self, person: Person, *, after: UUID | None, limit: int, organisation_id: UUID | None = None
    ) -> list[FundHead]:
        """Funds the person has a part in (an administrator: all), by id, those after `after` first.

        Args:
            organisation_id: Of this one alone.
        """
        rows = await self.lists().of(person, after=after, limit=limit, organisation_id=organisation_id)
        return [FundHead(*(getattr(row, name) for name in _NAMES)) for row in rows]

    def lists(self) -> "FundList":
        """What lists are read by, made when first asked for: it brings SQLAlchemy, which jobs and commands spare."""
        if self._list is None:
            from infra.fund_list import FundList

            self._list = FundList(self._database_url)
        return self._list

    async def close(self) -> None:
        """Gives up the connections that lists had."""
        if self._list is not None:
            await self._list.close()
