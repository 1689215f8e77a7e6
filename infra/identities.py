"""Identities: which person an issuer's subject is."""

from datetime import datetime
from uuid import uuid4

import asyncpg

from infra import tenancy
from infra.people import Person, person_of
from infra.postgres import translated


class IdentityTakenError(Exception):
    """The e-mail's person is another subject of the same issuer."""


class Identities:
    """Subjects of issuers, each one person's."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def person(self, issuer: str, subject: str, issued_at: datetime) -> Person | None:
        """Whose subject it is, known by a token issued at that moment.

        Raises:
            TokenRevokedError: If it was before their tokens were revoked.
        """
        with translated():
            row = await self._pool.fetchrow("SELECT * FROM person_of_identity($1, $2, $3)", issuer, subject, issued_at)
        return None if row is None else person_of(row, issued_at)

    async def link(self, issuer: str, subject: str, email: str) -> None:
        """From now on it is the subject of the person with this e-mail, who is made known if new.

        Raises:
            IdentityTakenError: If they are another subject of this issuer already.
        """
        with translated(), tenancy.everyone():
            async with self._pool.acquire() as connection, connection.transaction():
                person_id = await connection.fetchval(
                    """INSERT INTO person (id, email) VALUES ($1, $2)
                    ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id""",
                    uuid4(),
                    email.strip().lower(),
                )
                await connection.execute(
                    """INSERT INTO identity (issuer, subject, person_id, linked_at) VALUES ($1, $2, $3, now())
                    ON CONFLICT DO NOTHING""",
                    issuer,
                    subject,
                    person_id,
                )
                # Somebody may have linked the subject meanwhile, or the person another one long ago.
                linked = await connection.fetchval(
                    "SELECT person_id FROM identity WHERE issuer = $1 AND subject = $2", issuer, subject
                )
                if linked != person_id:
                    raise IdentityTakenError
