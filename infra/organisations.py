"""Organisations: the firms that own funds, and whose fund a new one is."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from domain.access import MemberAdded, OrganisationFounded
from domain.refusal import Forbidden, NotFound
from infra import tenancy
from infra.access_log import append
from infra.people import OrganisationRole, Person
from infra.postgres import SET_SCOPE_OF_TRANSACTION, Connection, translated

_ADMINISTERED = """
    SELECT organisation_id FROM organisation_member WHERE person_id = $1 AND role = 'ADMIN'
    ORDER BY joined_at, organisation_id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A firm."""

    id: UUID
    name: str
    created_at: datetime


class Organisations:
    """The firms that the work at hand may see."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def organisation(self, organisation_id: UUID) -> Organisation | None:
        """The organisation with this id."""
        with translated():
            row = await self._pool.fetchrow(
                "SELECT id, name, created_at FROM organisation WHERE id = $1", organisation_id
            )
        return None if row is None else Organisation(*row)

    async def of(self, person: Person) -> list[tuple[Organisation, OrganisationRole]]:
        """Those that the person belongs to and that are open to their token, with their role, by name."""
        with translated():
            rows = await self._pool.fetch(
                """SELECT o.id, o.name, o.created_at, m.role FROM organisation_member m
                JOIN organisation o ON o.id = m.organisation_id
                LEFT JOIN organisation_person k ON k.organisation_id = o.id AND k.person_id = m.person_id
                WHERE m.person_id = $1 AND (k.tokens_revoked_at >= $2) IS NOT TRUE ORDER BY o.name, o.id LIMIT 1000""",
                person.id,
                person.issued_at,
            )
        return [(Organisation(*row[:3]), OrganisationRole(row["role"])) for row in rows]


async def owning(connection: Connection, actor: UUID, organisation_id: UUID | None, name: str) -> UUID:
    """The organisation that a fund opened by somebody belongs to; founded under this name where they administer none.

    Raises:
        NotFound: If they have no part in the one given.
        Forbidden: If they don't administer it.
    """
    if organisation_id is not None:
        await require_administrator(connection, actor, organisation_id, "organisationId")
        return organisation_id
    # Two first funds opened at once are of one organisation.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('founder ' || $1::uuid::text, 0))", actor)
    found: UUID | None = await connection.fetchval(_ADMINISTERED, actor)
    return found if found is not None else await found_organisation(connection, name, actor)


async def found_organisation(connection: Connection, name: str, founder: UUID) -> UUID:
    """A new organisation's id; whoever founds it is its first administrator. To be called in a transaction."""
    made = uuid4()
    scope = tenancy.scope()
    scope.add(made)
    # This connection was told before there was such an organisation.
    await connection.execute(SET_SCOPE_OF_TRANSACTION, scope.setting)
    await connection.execute("INSERT INTO organisation (id, name) VALUES ($1, $2)", made, name)
    first = MemberAdded(str(founder), OrganisationRole.ADMIN)
    await append(connection, made, [OrganisationFounded(name), first], actor=founder)
    return made


async def require_administrator(connection: Connection, person_id: UUID, organisation_id: UUID, *path: str) -> None:
    """Refuses whoever doesn't administer the organisation.

    Raises:
        NotFound: If they have no part in it: it can't be told from one that doesn't exist.
        Forbidden: If they have one, and don't administer it.
    """
    row = await connection.fetchrow(
        """SELECT m.role, p.administrator FROM organisation o JOIN person p ON p.id = $1
        LEFT JOIN organisation_member m ON m.organisation_id = o.id AND m.person_id = p.id WHERE o.id = $2""",
        person_id,
        organisation_id,
    )
    if row is None or (row["role"] is None and not row["administrator"]):
        message = "No such organisation."
        raise NotFound(message, *path)
    if row["role"] != OrganisationRole.ADMIN and not row["administrator"]:
        message = f"This takes the role {OrganisationRole.ADMIN.value} in the organisation; yours is {row['role']}."
        raise Forbidden(message, *path)
