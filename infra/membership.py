"""Members of organisations and their funds, and revoked tokens; every change a fact of the organisation."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

from domain import membership
from domain.access import TokensRevoked
from domain.refusal import NotFound
from domain.roles import OrganisationRole, Role
from infra import tenancy
from infra.access_log import append
from infra.postgres import Connection, translated

R = TypeVar("R")

_OF_FUND = """
    SELECT p.id, p.email, p.name, m.role FROM membership m JOIN person p ON p.id = m.person_id WHERE m.fund_id = $1
"""
_OF_ORGANISATION = """
    SELECT p.id, p.email, p.name, m.role FROM organisation_member m JOIN person p ON p.id = m.person_id
    WHERE m.organisation_id = $1
"""
_OWNER = """
    SELECT o.id FROM organisation o JOIN fund f ON f.organisation_id = o.id WHERE f.id = $1 FOR UPDATE OF o
"""
_ITSELF = "SELECT id FROM organisation WHERE id = $1 FOR UPDATE"
# In the order of their ids, so that no two wait for each other.
_KNOWN_TO = """
    SELECT o.id FROM organisation o JOIN organisation_person k ON k.organisation_id = o.id
    WHERE k.person_id = $1 ORDER BY o.id FOR UPDATE OF o
"""
_WITH = """
    SELECT m.fund_id, m.person_id, m.role FROM membership m JOIN fund f ON f.id = m.fund_id
    WHERE f.organisation_id = $1 AND f.id IN (SELECT theirs.fund_id FROM membership theirs WHERE theirs.person_id = $2)
    ORDER BY m.fund_id
"""


@dataclass(frozen=True, slots=True)
class Member(Generic[R]):
    """Somebody with a part in a fund or an organisation."""

    person_id: UUID
    email: str
    name: str | None
    role: R


class Members:
    """Who takes part in what. Whoever asks was found to be allowed to."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def of_fund(self, fund_id: UUID) -> list[Member[Role]]:
        """Those with a role in the fund, by e-mail."""
        with translated():
            rows = await self._pool.fetch(f"{_OF_FUND} ORDER BY p.email", fund_id)
        return [_member(row, Role) for row in rows]

    async def of_organisation(self, organisation_id: UUID) -> list[Member[OrganisationRole]]:
        """Those who belong to the organisation, by e-mail."""
        with translated():
            rows = await self._pool.fetch(f"{_OF_ORGANISATION} ORDER BY p.email", organisation_id)
        return [_member(row, OrganisationRole) for row in rows]

    async def set_role(self, fund_id: UUID, person_id: UUID, role: Role, *, actor: UUID) -> None:
        """Gives a role in a fund, in place of any before.

        Raises:
            NotFound: If there is no such fund.
            Refusal: If it can't be.
        """
        async with self._deciding(_OWNER, fund_id, "fundId") as (connection, organisation_id):
            roles = await _roles(connection, fund_id)
            events = membership.set_role(str(fund_id), roles, str(person_id), role)
            await append(connection, organisation_id, events, actor=actor)

    async def take_role(self, fund_id: UUID, email: str, *, actor: UUID) -> Member[Role]:
        """Takes the role in a fund from whoever has this e-mail; they as they were.

        Raises:
            NotFound: If there is no such fund, or nobody with this e-mail takes part.
            Refusal: If it can't be.
        """
        async with self._deciding(_OWNER, fund_id, "fundId") as (connection, organisation_id):
            found = await connection.fetchrow(f"{_OF_FUND} AND p.email = $2", fund_id, _plain(email))
            roles = await _roles(connection, fund_id)
            events = membership.take_role(str(fund_id), roles, "" if found is None else str(found["id"]))
            await append(connection, organisation_id, events, actor=actor)
        assert found is not None, "nobody's role is refused to be taken"
        return _member(found, Role)

    async def set_member(self, organisation_id: UUID, person_id: UUID, role: OrganisationRole, *, actor: UUID) -> None:
        """Gives a role in an organisation, in place of any before.

        Raises:
            NotFound: If there is no such organisation.
            Refusal: If it can't be.
        """
        async with self._deciding(_ITSELF, organisation_id, "organisationId") as (connection, _):
            events = membership.set_member(await _members(connection, organisation_id), str(person_id), role)
            await append(connection, organisation_id, events, actor=actor)

    async def remove_member(self, organisation_id: UUID, email: str, *, actor: UUID) -> Member[OrganisationRole]:
        """Ends the part of whoever has this e-mail in an organisation and all its funds; they as they were.

        Raises:
            NotFound: If there is no such organisation, or nobody with this e-mail belongs to it.
            Refusal: If it can't be.
        """
        async with self._deciding(_ITSELF, organisation_id, "organisationId") as (connection, _):
            found = await connection.fetchrow(f"{_OF_ORGANISATION} AND p.email = $2", organisation_id, _plain(email))
            roles = defaultdict[str, dict[str, Role]](dict)
            for fund_id, person_id, role in await connection.fetch(_WITH, organisation_id, found and found["id"]):
                roles[str(fund_id)][str(person_id)] = Role(role)
            leaving = "" if found is None else str(found["id"])
            events = membership.remove_member(await _members(connection, organisation_id), roles, leaving)
            await append(connection, organisation_id, events, actor=actor)
        assert found is not None, "nobody is refused to be removed"
        return _member(found, OrganisationRole)

    async def rename(self, organisation_id: UUID, name: str, *, actor: UUID) -> None:
        """Gives an organisation another name.

        Raises:
            NotFound: If there is no such organisation.
            Invalid: If it can't be called so.
        """
        async with self._deciding(_ITSELF, organisation_id, "organisationId") as (connection, _):
            now = await connection.fetchval("SELECT name FROM organisation WHERE id = $1", organisation_id)
            await append(connection, organisation_id, membership.rename(now, name), actor=actor)

    async def revoke(self, organisation_id: UUID, email: str, *, actor: UUID) -> datetime:
        """Has tokens that whoever has this e-mail holds by now open nothing of the organisation; since when.

        Raises:
            NotFound: If there is no such organisation, or nobody with this e-mail has or had a part in it.
        """
        async with self._deciding(_ITSELF, organisation_id, "organisationId") as (connection, _):
            person_id = await connection.fetchval(
                """SELECT p.id FROM organisation_person k JOIN person p ON p.id = k.person_id
                WHERE k.organisation_id = $1 AND p.email = $2""",
                organisation_id,
                _plain(email),
            )
            if person_id is None:
                message = "Nobody with this e-mail takes part."
                raise NotFound(message, "email")
            revoked_at = await append(connection, organisation_id, [TokensRevoked(str(person_id))], actor=actor)
        assert revoked_at is not None, "there was an event"
        return revoked_at

    async def revoke_everywhere(self, person_id: UUID, *, actor: UUID) -> datetime:
        """Has every token that the person holds by now refused; since when."""
        with translated(), tenancy.everyone():
            async with self._pool.acquire() as connection, connection.transaction():
                for organisation_id in await connection.fetch(_KNOWN_TO, person_id):
                    await append(connection, organisation_id["id"], [TokensRevoked(str(person_id))], actor=actor)
                revoked_at: datetime = await connection.fetchval(
                    "UPDATE person SET tokens_revoked_at = clock_timestamp() WHERE id = $1 RETURNING tokens_revoked_at",
                    person_id,
                )
        return revoked_at

    @asynccontextmanager
    async def _deciding(self, query: str, id: UUID, *path: str) -> AsyncIterator[tuple[Connection, UUID]]:
        """A transaction during which nobody else changes who may do what in the organisation, and its id."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                organisation_id = await connection.fetchval(query, id)
                if organisation_id is None:
                    message = "No such fund." if query == _OWNER else "No such organisation."
                    raise NotFound(message, *path)
                yield connection, organisation_id


async def _roles(connection: Connection, fund_id: UUID) -> dict[str, Role]:
    rows = await connection.fetch("SELECT person_id, role FROM membership WHERE fund_id = $1", fund_id)
    return {str(person_id): Role(role) for person_id, role in rows}


async def _members(connection: Connection, organisation_id: UUID) -> dict[str, OrganisationRole]:
    rows = await connection.fetch(
        "SELECT person_id, role FROM organisation_member WHERE organisation_id = $1", organisation_id
    )
    return {str(person_id): OrganisationRole(role) for person_id, role in rows}


def _member(row: asyncpg.Record, kind: Callable[[str], R]) -> Member[R]:
    return Member(row["id"], row["email"], row["name"], kind(row["role"]))


def _plain(email: str) -> str:
    """An e-mail as people are known by it."""
    return email.strip().lower()
