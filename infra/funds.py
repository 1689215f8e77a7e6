"""Funds: their identity and head, for lookups and lists. Through SQLModel: no hot path."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.people import Person
from infra.postgres import translated
from infra.rows import FundRow, MembershipRow


class Funds:
    """The heads of all ledgers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def fund(self, fund_id: UUID) -> FundRow | None:
        """One fund."""
        with translated():
            async with AsyncSession(self._engine) as session:
                return await session.get(FundRow, fund_id)

    async def of(self, person: Person, *, after: UUID | None, limit: int) -> Sequence[FundRow]:
        """Funds the person has a part in (an administrator: all), by id, those after `after` first."""
        query = select(FundRow).order_by(col(FundRow.id)).limit(limit)
        if after is not None:
            query = query.where(col(FundRow.id) > after)
        if not person.administrator:
            query = query.join(MembershipRow, col(MembershipRow.fund_id) == FundRow.id).where(
                MembershipRow.person_id == person.id
            )
        with translated():
            async with AsyncSession(self._engine) as session:
                return (await session.exec(query)).all()

    async def by_ids(self, fund_ids: Sequence[UUID]) -> dict[UUID, FundRow]:
        """Those of the funds that exist."""
        with translated():
            async with AsyncSession(self._engine) as session:
                rows = await session.exec(select(FundRow).where(col(FundRow.id).in_(fund_ids)))
                return {row.id: row for row in rows}
