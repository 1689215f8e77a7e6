"""Restoring on the command line: a backup goes into a database that has nothing to lose."""

import asyncio
from pathlib import Path

import asyncpg

from api.command import CommandError, migrated
from infra import tenancy
from infra.backup import put_back
from infra.postgres import plain_url, translated


def restore(database_url: str, file: Path) -> None:
    """Puts a backup back, and brings it to this program's schema.

    Raises:
        CommandError: If the database holds funds.
        BackupError: If the backup can't be put back.
        UnavailableError: If the database can't be reached.
    """
    if asyncio.run(_holds_funds(database_url)):
        message = "this database holds funds; restore into a new one, and point DATABASE_URL at it"
        raise CommandError(message)
    put_back(database_url, file)
    migrated(database_url)


async def _holds_funds(database_url: str) -> bool:
    with translated():
        connection = await asyncpg.connect(plain_url(database_url))
    try:
        if await connection.fetchval("SELECT to_regclass('fund')") is None:
            return False
        await connection.execute(f"SELECT set_config('{tenancy.SETTING}', '{tenancy.EVERYONE}', false)")
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM fund)"))
    finally:
        await connection.close()
