"""The role that the application works as: it owns nothing, and may do what the product does and no more."""

import asyncpg

from infra.postgres import APPLICATION_ROLE, Connection

APPEND_ONLY = ("fact", "ledger_key", "opening_key", "access_fact")
"""Tables whose rows stay as they were written."""
# Partitions are reached through their table; what a materialised view shows knows no policies.
_TABLES = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
        AND c.relname <> 'alembic_version'
"""


async def grant(connection: Connection) -> None:
    """Makes the role where it is missing, and gives it its rights: after every migration, and after a restore.

    Raises:
        asyncpg.InsufficientPrivilegeError: If the role is missing and this login may not make it.
    """
    await make_role(connection)
    tables = [row["relname"] for row in await connection.fetch(_TABLES)]
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {APPLICATION_ROLE}",
        f"GRANT SELECT ON alembic_version TO {APPLICATION_ROLE}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(tables)} TO {APPLICATION_ROLE}",
        f"REVOKE UPDATE, DELETE ON {', '.join(APPEND_ONLY)} FROM {APPLICATION_ROLE}",
    ):
        await connection.execute(statement)


async def make_role(connection: Connection) -> None:
    """Makes the application's role unless the server has it; roles belong to the server, not to a database."""
    if await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", APPLICATION_ROLE):
        return
    try:
        await connection.execute(f"CREATE ROLE {APPLICATION_ROLE} LOGIN")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        # Somebody else makes it in another database at this moment.
        return
    # Whoever made it may work as it; superusers may anyway.
    await connection.execute(
        f"DO $$ BEGIN IF NOT pg_has_role('{APPLICATION_ROLE}', 'MEMBER') "
        f"THEN GRANT {APPLICATION_ROLE} TO CURRENT_USER; END IF; END $$"
    )
