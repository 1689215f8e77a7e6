"""Migrations: brings a database to this program's schema, one migrator at a time."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from infra import tenancy
from infra.access import grant
from infra.postgres import plain_url, translated

OLDEST_SERVER = 15
"""Major version of PostgreSQL."""
_LOCK = 0x6472_7970
"""Any number that only migrators lock."""


class UnsupportedServerError(Exception):
    """A PostgreSQL too old for the ledger."""


def migrate(database_url: str) -> None:
    """Applies every missing migration.

    Raises:
        UnavailableError: If the database can't be reached.
        UnsupportedServerError: If the server is older than PostgreSQL 15.
    """
    asyncio.run(migrate_in_loop(database_url))


async def migrate_in_loop(database_url: str) -> None:
    """`migrate` for callers that have an event loop."""
    plain = plain_url(database_url)
    with translated():
        connection = await asyncpg.connect(plain)
    try:
        if connection.get_server_version().major < OLDEST_SERVER:
            message = f"Drypowder needs PostgreSQL {OLDEST_SERVER} or newer"
            raise UnsupportedServerError(message)
        # Two processes may start on a new database together.
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(plain), poolclass=NullPool
        )
        try:
            async with engine.begin() as sql:
                # What a migration moves is everybody's, and row-level security holds for the owner too.
                await sql.execute(text(f"SELECT set_config('{tenancy.SETTING}', '{tenancy.EVERYONE}', true)"))
                await sql.run_sync(_upgrade)
        finally:
            await engine.dispose()
        await grant(connection)
    finally:
        await connection.close()


def newest_revision() -> str:
    """The schema that this program works with."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None, "there are migrations"
    return newest


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
