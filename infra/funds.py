"""Funds: their identity and head, for lookups and lists. The lists go through SQLModel: no hot path."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from sqlalchemy import or_, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra import tenancy
from infra.people import OrganisationRole, Person
from infra.postgres import translated
from infra.rows import FundRow, MembershipRow, OrganisationMemberRow, OrganisationPersonRow

_SCOPE = text(f"SELECT set_config('{tenancy.SETTING}', :setting, true)")


class Funds:
    """The heads of all ledgers that the work at hand may see."""

    def __init__(self, pool: asyncpg.Pool, engine: AsyncEngine) -> None:
        self._pool = pool
        self._engine = engine

    async def fund(self, fund_id: UUID) -> FundRow | None:
        """One fund."""
        with translated():
            row = await self._pool.fetchrow("SELECT * FROM fund WHERE id = $1", fund_id)
        return None if row is None else FundRow(**dict(row))

    async def of(
        self, person: Person, *, after: UUID | None, limit: int, organisation_id: UUID | None = None
    ) -> Sequence[FundRow]:
        """Funds the person has a part in (an administrator: all), by id, those after `after` first.

        Args:
            organisation_id: Of this one alone.
        """
        query = select(FundRow).order_by(col(FundRow.id)).limit(limit)
        if after is not None:
            query = query.where(col(FundRow.id) > after)
        if person.issued_at is not None:
            # Organisations that have revoked the token since: a connection may be older than that.
            closed = select(OrganisationPersonRow.organisation_id).where(
                OrganisationPersonRow.person_id == person.id,
                col(OrganisationPersonRow.tokens_revoked_at) >= person.issued_at,
            )
            query = query.where(col(FundRow.organisation_id).not_in(closed))
        if organisation_id is not None:
            query = query.where(FundRow.organisation_id == organisation_id)
        if not person.administrator:
            given = select(MembershipRow.fund_id).where(MembershipRow.person_id == person.id)
            administered = select(OrganisationMemberRow.organisation_id).where(
                OrganisationMemberRow.person_id == person.id,
                OrganisationMemberRow.role == OrganisationRole.ADMIN.value,
            )
            query = query.where(or_(col(FundRow.id).in_(given), col(FundRow.organisation_id).in_(administered)))
        async with self._session() as session:
            return (await session.exec(query)).all()

    async def by_ids(self, fund_ids: Sequence[UUID]) -> dict[UUID, FundRow]:
        """Those of the funds that exist."""
        async with self._session() as session:
            rows = await session.exec(select(FundRow).where(col(FundRow.id).in_(fund_ids)))
            return {row.id: row for row in rows}

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        """A session whose transaction sees what the work at hand may."""
        with translated():
            async with AsyncSession(self._engine) as session:
                await (await session.connection()).execute(_SCOPE, {"setting": tenancy.scope().setting})
                yield session
