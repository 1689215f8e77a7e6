"""Whether this program can work with the schema that a database has.

It works with its own and with newer ones: a release only adds to what the one before needs. A migration that takes
something away says from which schema on programs can do without, as a comment on Alembic's table.
"""

from pathlib import Path
from typing import Final

import asyncpg

from infra.postgres import Connection, translated

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"
"""Where the migrations lie."""
OURS: Final = max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
"""The newest migration that this program knows."""
SERVES: Final = "serves programs from "
"""Begins the comment; the revision follows."""


class SchemaError(Exception):
    """This program can't work with the database's schema; says what to do about it."""


async def check_revision(database: Connection | asyncpg.Pool) -> None:
    """Refuse to work on a database that was never migrated, lacks a migration, or has dropped what this program needs.

    Raises:
        SchemaError: If so.
        UnavailableError: If the database can't be reached.
    """
    with translated():
        if await database.fetchval("SELECT to_regclass('alembic_version')") is None:
            message = "this database isn't Drypowder's yet; prepare it with `drypowder migrate`"
            raise SchemaError(message)
        found = await database.fetchval("SELECT version_num FROM alembic_version")
        told = await database.fetchval("SELECT obj_description('alembic_version'::regclass, 'pg_class')")
    if found < OURS:
        message = f"this database's schema is {found}, and this program needs {OURS}; run `drypowder migrate`"
        raise SchemaError(message)
    oldest = (told or "").removeprefix(SERVES)
    if oldest > OURS:
        message = f"this database's schema is {found}, which serves programs of {oldest} on, and this one is of {OURS}"
        raise SchemaError(message)
