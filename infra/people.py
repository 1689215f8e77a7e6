"""People and what they may do: the only place with names and e-mails, so that they can be erased."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from domain.refusal import Forbidden, NotFound
from domain.roles import OrganisationRole, Role
from infra import tenancy
from infra.membership import Members
from infra.postgres import the_row, translated

__all__ = ["SYSTEM", "SYSTEM_NAME", "OrganisationRole", "People", "Person", "Role", "TokenRevokedError"]

_MEMBERSHIPS = """
    SELECT m.fund_id, m.role FROM membership m JOIN fund f ON f.id = m.fund_id
    LEFT JOIN organisation_person k ON k.organisation_id = f.organisation_id AND k.person_id = m.person_id
    WHERE m.person_id = $1 AND (k.tokens_revoked_at >= $2) IS NOT TRUE ORDER BY m.fund_id LIMIT 1000
"""

SYSTEM = UUID("00000000-0000-0000-0000-00000000d201")
"""Who records what Drypowder finds by itself."""
SYSTEM_NAME = "drypowder"


class TokenRevokedError(Exception):
    """A token issued before its person's tokens were revoked."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone known by a token.

    Attributes:
        organisations: Those they have a part in, by themselves or by one of their funds.
        issued_at: When the token they are known by was issued.
    """

    id: UUID
    email: str
    name: str | None
    administrator: bool
    organisations: frozenset[UUID] = frozenset()
    issued_at: datetime | None = field(default=None, compare=False)


class People:
    """Who is who, and their roles; asked at each request, so that a change holds at once."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._members = Members(pool)

    async def person(self, person_id: UUID, issued_at: datetime | None = None) -> Person | None:
        """The person with this id, known by a token issued at that moment if any.

        Raises:
            TokenRevokedError: If it was before their tokens were revoked.
        """
        with translated():
            row = await self._pool.fetchrow("SELECT * FROM person_of_token($1, $2)", person_id, issued_at)
        return None if row is None else person_of(row, issued_at)

    async def known(self, email: str) -> Person | None:
        """The person with this e-mail."""
        with translated(), tenancy.everyone():
            row = await self._pool.fetchrow(
                "SELECT id, email, name, administrator FROM person WHERE email = $1", email.strip().lower()
            )
        return None if row is None else Person(*row)

    async def enrol(self, email: str, *, administrator: bool = False) -> Person:
        """The person with this e-mail, made if new; made an administrator if asked, never unmade."""
        with translated(), tenancy.everyone():
            row = await the_row(
                self._pool,
                """INSERT INTO person (id, email, administrator) VALUES ($1, $2, $3)
                ON CONFLICT (email) DO UPDATE SET administrator = person.administrator OR excluded.administrator
                RETURNING id, email, name, administrator""",
                uuid4(),
                email.strip().lower(),
                administrator,
            )
        return Person(*row)

    async def give(self, person_id: UUID, fund_id: UUID, role: Role, *, actor: UUID = SYSTEM) -> None:
        """The role, instead of any the person had in that fund.

        Raises:
            NotFound: If there is no such fund.
            Refusal: If it can't be.
        """
        await self._members.set_role(fund_id, person_id, role, actor=actor)

    async def role(self, person: Person, fund_id: UUID) -> Role | None:
        """The person's role in the fund; None where they have no part in it or it doesn't exist.

        Raises:
            TokenRevokedError: If the organisation has revoked the token they are known by.
        """
        with translated():
            row = await self._pool.fetchrow(
                "SELECT * FROM part_by_token($1, $2, $3)", person.id, fund_id, person.issued_at
            )
        if row is None:
            return None
        if row["revoked"]:
            raise TokenRevokedError
        # Given since this work began.
        tenancy.scope().add(row["organisation_id"])
        return Role(row["role"])

    async def require(self, person: Person, fund_id: UUID, least: Role, *path: str) -> Role:
        """The person's role, at least `least`.

        Raises:
            NotFound: If they have no part in the fund: it can't be told from one that doesn't exist.
            Forbidden: If their role doesn't reach.
        """
        role = await self.role(person, fund_id)
        if role is None:
            message = "No such fund."
            raise NotFound(message, *path)
        if role.rank < least.rank:
            message = f"This takes the role {least.value}; yours is {role.value}."
            raise Forbidden(message, *path)
        return role

    async def role_in(self, person: Person, organisation_id: UUID) -> OrganisationRole | None:
        """The person's role in the organisation; None where they don't belong to it or it doesn't exist.

        Raises:
            TokenRevokedError: If the organisation has revoked the token they are known by.
        """
        with translated():
            row = await self._pool.fetchrow(
                "SELECT * FROM part_in_organisation($1, $2, $3)", person.id, organisation_id, person.issued_at
            )
        if row is None:
            return None
        if row["revoked"]:
            raise TokenRevokedError
        tenancy.scope().add(organisation_id)
        return OrganisationRole(row["role"])

    async def require_in(self, person: Person, organisation_id: UUID, least: OrganisationRole, *path: str) -> None:
        """Refuses whoever's role in the organisation isn't at least `least`.

        Raises:
            NotFound: If they don't belong to it: it can't be told from one that doesn't exist.
            Forbidden: If their role doesn't reach.
            TokenRevokedError: If the organisation has revoked the token they are known by.
        """
        role = await self.role_in(person, organisation_id)
        if role is None:
            message = "No such organisation."
            raise NotFound(message, *path)
        if role.rank < least.rank:
            message = f"This takes the role {least.value} in the organisation; yours is {role.value}."
            raise Forbidden(message, *path)

    async def memberships(self, person: Person) -> list[tuple[UUID, Role]]:
        """Funds the person has a part in that are open to the token they are known by, with the role, by fund id."""
        with translated():
            rows = await self._pool.fetch(_MEMBERSHIPS, person.id, person.issued_at)
        return [(row["fund_id"], Role(row["role"])) for row in rows]


def person_of(row: asyncpg.Record, issued_at: datetime | None) -> Person:
    """The person of a row that tells of one, and of a token.

    Raises:
        TokenRevokedError: If it was issued before their tokens were revoked.
    """
    if row["revoked"]:
        raise TokenRevokedError
    organisations = frozenset(row["organisations"])
    return Person(row["id"], row["email"], row["name"], row["administrator"], organisations, issued_at)
