"""People and what they may do: the only place with names and e-mails, so that they can be erased."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg

from domain.refusal import Forbidden, NotFound
from domain.wording import Wording
from infra import tenancy
from infra.postgres import the_row, translated


class Role(Wording):
    """What a person may do in a fund; each includes those before it."""

    VIEWER = "VIEWER", "Reads."
    ANALYST = "ANALYST", "Records facts and runs calculations."
    MANAGER = "MANAGER", "Sets rules and scenarios, applies recommendations."
    ADMIN = "ADMIN", "Says who takes part."

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(Role).index(self)


class OrganisationRole(Wording):
    """What a person may do in an organisation; each includes those before it."""

    MEMBER = "MEMBER", "Belongs to it; what they may do in its funds is said fund by fund."
    ADMIN = "ADMIN", "Opens funds, has every role in all of them, and says who belongs."


SYSTEM = UUID("00000000-0000-0000-0000-00000000d201")
"""Who records what Drypowder finds by itself."""
SYSTEM_NAME = "drypowder"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone known by a token.

    Attributes:
        organisations: Those they have a part in, by themselves or by one of their funds.
    """

    id: UUID
    email: str
    name: str | None
    administrator: bool
    organisations: frozenset[UUID] = frozenset()


class People:
    """Who is who, and their roles; asked at each request, so that a change holds at once."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def person(self, person_id: UUID) -> Person | None:
        """The person with this id."""
        with translated():
            row = await self._pool.fetchrow("SELECT * FROM person_with_organisations($1)", person_id)
        if row is None:
            return None
        person_id, email, name, administrator, organisations = row
        return Person(person_id, email, name, administrator, frozenset(organisations))

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

    async def give(self, person_id: UUID, fund_id: UUID, role: Role) -> None:
        """The role, instead of any the person had in that fund.

        Raises:
            NotFound: If there is no such fund.
        """
        with translated():
            found = await self._pool.fetchval(
                """INSERT INTO membership (fund_id, person_id, role) SELECT id, $2, $3 FROM fund WHERE id = $1
                ON CONFLICT (fund_id, person_id) DO UPDATE SET role = excluded.role RETURNING true""",
                fund_id,
                person_id,
                role.value,
            )
        if not found:
            message = "No such fund."
            raise NotFound(message, "fundId")

    async def role(self, person: Person, fund_id: UUID) -> Role | None:
        """The person's role in the fund; None where they have no part in it or it doesn't exist."""
        with translated():
            row = await self._pool.fetchrow("SELECT * FROM part_in_fund($1, $2)", person.id, fund_id)
        if row is None:
            return None
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

    async def memberships(self, person: Person) -> list[tuple[UUID, Role]]:
        """Funds the person has a part in, with the role, by fund id."""
        with translated():
            rows = await self._pool.fetch(
                "SELECT fund_id, role FROM membership WHERE person_id = $1 ORDER BY fund_id LIMIT 1000", person.id
            )
        return [(row["fund_id"], Role(row["role"])) for row in rows]
