"""The oldest PostgreSQL supported passes the tests of `infra` too, and takes back what was backed up from it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from infra.backup import dump, put_back
from infra.embedded import EmbeddedPostgres
from infra.migrate import migrate
from infra.postgres import plain_url
from tests.conftest import hurry
from tests.depth import LONG, deep

ROOT = Path(__file__).resolve().parents[2]
DEBIANS = Path("/usr/lib/postgresql/15/bin")
SECONDS = 900
"""Beside whatever else runs."""
ELSEWHERE = " or ".join(
    (
        # What asks of the server for long what others ask in short, and whether planted faults are noticed.
        *("real_data", "fault_in", "without_a_fault", "hold_enough", "agrees_with_the_facts", "near_now"),
        # What is as much about Python, but for long.
        *(() if LONG else ("test_rows", "test_exchange", "test_cursors", "test_snapshot_property", "test_examining")),
        # What is about Redis, or has a server of its own.
        *("fifty_come", "busy_other_funds", "redis_killed", "words_are_lost", "server_is_gone", "cut_off_by_a_kill"),
    )
)
"""Tests that tell no more of this server than of any other."""


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running server of that version."""
    programs = Path(os.environ.get("DRYPOWDER_TEST_PG15", DEBIANS))
    if not programs.is_dir():
        pytest.skip("no PostgreSQL 15 is installed (Debian's package postgresql-15)")
    server = EmbeddedPostgres(tmp_path_factory.mktemp("oldest"), bin_dir=programs)
    server.start()
    try:
        server.wait_ready()
        asyncio.run(hurry(server.url))
        yield server
    finally:
        server.stop()


@pytest.mark.timeout(SECONDS + 20)
def test_postgresql_15_passes_the_tests_of_infra(oldest: EmbeddedPostgres, tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": oldest.url, "DRYPOWDER_HISTORIES": str(deep(30, 200))}
    # With a base of its own: pytest would take from root's servers the passage to their files, as it tightens the
    # folder that this run's temporary files lie in.
    base = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}"]
    chosen = ["tests/infra", "-p", "tests.system.served", "-k", f"not ({ELSEWHERE})"]
    command = [sys.executable, "-m", "pytest", *chosen, *base]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


# But the view that is kept of them, which is made anew when it comes back.
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


async def _rows(url: str, before: str = "SELECT") -> dict[str, int]:
    connection = await asyncpg.connect(plain_url(url))
    try:
        await connection.execute(before)
        tables = [name for (name,) in await connection.fetch(TABLES)]
        counting = 'SELECT count(*) FROM "{}"'
        return {name: await connection.fetchval(counting.format(name)) for name in tables}
    finally:
        await connection.close()


def test_what_those_tests_left_comes_back_from_a_backup(oldest: EmbeddedPostgres, tmp_path: Path) -> None:
    file = tmp_path / "backup.dump"
    migrate(oldest.url)
    dump(oldest.url, file)
    held = asyncio.run(_rows(oldest.url, "CREATE DATABASE again"))
    again = urlunsplit(urlsplit(oldest.url)._replace(path="/again"))
    put_back(again, file)
    assert asyncio.run(_rows(again)) == held
    assert held["alembic_version"] == 1
