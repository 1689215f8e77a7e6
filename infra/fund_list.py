"""Fund list: the funds somebody takes part in, by way of SQLModel: no hot path."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import or_, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra import tenancy
from infra.engines import engine_translated, list_engine
from infra.people import OrganisationRole, Person
from infra.rows import FundRow, MembershipRow, OrganisationMemberRow, OrganisationPersonRow

_SCOPE = text(f"SELECT set_config('{tenancy.SETTING}', :setting, true)")


class FundList:
    """Lists on connections of their own."""

    def __init__(self, database_url: str) -> None:
        self._engine = list_engine(database_url)

    async def of(
        self, person: Person, *, after: UUID | None, limit: int, organisation_id: UUID | None
    ) -> Sequence[FundRow]:
        """What `Funds.of` gives, as rows."""
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

    async def close(self) -> None:
        """Gives its connections up."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        """A session whose transaction sees what the work at hand may."""
        with engine_translated():
            async with AsyncSession(self._engine) as session:
                await (await session.connection()).execute(_SCOPE, {"setting": tenancy.scope().setting})
                yield session
