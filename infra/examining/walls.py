"""Examining the second wall: whether row-level security binds the role the application works as, on every table."""

from infra.examining.finding import Finding, good, wrong
from infra.postgres import APPLICATION_ROLE, Connection

_ROLE = """
    SELECT rolname, rolsuper OR rolbypassrls AS unbound,
        EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner = r.oid) AS owns
    FROM pg_roles r WHERE rolname = current_user
"""
# Partitions are reached by way of their table; nobody but their owner may ask them themselves.
_OPEN = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname <> 'alembic_version' AND NOT (relrowsecurity AND relforcerowsecurity)
    ORDER BY relname
"""


async def examine_role(connection: Connection) -> Finding:
    """Whether the role that a connection works as is bound."""
    row = await connection.fetchrow(_ROLE)
    assert row is not None, "every connection has a role"
    remedy = f"Have DATABASE_URL log in as {APPLICATION_ROLE}, or as a member of it; docs/operations.md says how."
    if row["unbound"]:
        return wrong("database role", f"is {row['rolname']}, whom no policy binds", remedy)
    if row["owns"]:
        return wrong("database role", f"is {row['rolname']}, who owns the tables", remedy)
    return good("database role", f"is {row['rolname']}, bound by every policy")


async def examine_tables(connection: Connection) -> Finding:
    """Whether row-level security is forced on every table."""
    found = [row["relname"] for row in await connection.fetch(_OPEN)]
    if found:
        told = f"isn't forced on {', '.join(found)}"
        return wrong(
            "row-level security", told, "ALTER TABLE … ENABLE, FORCE ROW LEVEL SECURITY, as the migrations do."
        )
    return good("row-level security", "is forced on every table")
