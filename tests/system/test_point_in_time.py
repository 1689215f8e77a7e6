"""Back to any moment, as docs/operations.md says: its own commands, on a server of this test."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from domain.capital import FeeCharged, FundOpened
from domain.money import Money
from infra.account import hand_over, servers_account
from infra.drafts import Draft
from infra.embedded import EmbeddedPostgres, programs
from infra.locate import NO_REDIS
from infra.migrate import migrate_in_loop
from infra.runtime import Runtime, opened
from infra.settings import Settings
from tests.system.program import PROJECT

SECTION = "## Back to any moment"
OPENED_AT = datetime(2006, 1, 1, tzinfo=UTC)


def told() -> dict[str, str]:
    """What the section has people write and run, by the first word of each block."""
    text = (PROJECT / "docs" / "operations.md").read_text().split(SECTION, 1)[1].split("\n## ", 1)[0]
    return {block.split()[0]: block for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)}


@contextmanager
def running(directory: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(directory)
    try:
        server.start()
        server.wait_ready()
        yield server
    finally:
        server.stop()


async def charge(runtime: Runtime, fund: UUID, actor: UUID, number: int) -> int:
    """Version after so many fees."""
    facts = [Draft(FeeCharged(Money(100)), OPENED_AT) for _ in range(number)]
    appended = await runtime.ledger.record(fund, facts, actor=actor)
    return appended.last_version


async def archived(url: str) -> None:
    """Returns once all that was written so far lies in the archive."""
    connection = await asyncpg.connect(url)
    try:
        segment = await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
        async with asyncio.timeout(60):
            while (await connection.fetchval("SELECT last_archived_wal FROM pg_stat_archiver") or "") < segment:
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def test_a_lost_server_comes_back_as_it_was_at_a_moment(tmp_path: Path) -> None:
    blocks = told()
    archive, base, restored = tmp_path / "archive", tmp_path / "base", tmp_path / "restored" / "cluster"
    archive.mkdir()
    restored.parent.mkdir()
    if os.geteuid() == 0:
        hand_over(archive, servers_account())
    places = {"/archive/": f"{archive}/", "/backups/base": str(base), "/restored": str(restored)}

    def here(block: str, **more: str) -> str:
        for there, place in {**places, **more}.items():
            assert there in blocks["archive_mode"] + blocks["pg_basebackup"] + blocks["cp"]
            block = block.replace(there, place)
        return block

    def run(block: str, **more: str) -> None:
        env = {"PATH": f"{programs()}:{os.environ['PATH']}", "LC_ALL": "C"}
        done = subprocess.run(
            ["bash", "-euc", here(block, **more)], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    with running(tmp_path / "lost") as server:
        server.stop()
        with (server.directory / "cluster" / "postgresql.conf").open("a") as conf:
            conf.write(here(blocks["archive_mode"]))
        server.start()
        server.wait_ready()
        await migrate_in_loop(server.url)
        async with opened(Settings(), server.url, NO_REDIS) as runtime:
            actor = (await runtime.people.enrol("ann@example.org")).id
            fund, _ = await runtime.ledger.open_fund(
                FundOpened("F", "USD", 2006, Money(10**10)), OPENED_AT, actor=actor
            )
            await charge(runtime, fund, actor, 10)
            await asyncio.to_thread(run, blocks["pg_basebackup"], **{"db.example.org": str(server.socket_directory)})
            version = await charge(runtime, fund, actor, 10)
            moment: datetime = await runtime.pool.fetchval("SELECT clock_timestamp()")
            moment += timedelta(microseconds=1)
            assert await charge(runtime, fund, actor, 10) == version + 10
            await archived(server.url)
    await asyncio.to_thread(run, blocks["cp"], **{"2026-11-21 09:30:00+00": moment.isoformat(sep=" ")})
    with running(restored.parent) as server:
        async with opened(Settings(), server.url, NO_REDIS) as runtime:
            async with asyncio.timeout(60):
                while await runtime.pool.fetchval("SELECT pg_is_in_recovery()"):
                    await asyncio.sleep(0.02)
            assert await runtime.history.first_bad_version(fund) == (version, None)
            assert await charge(runtime, fund, actor, 1) == version + 1
            assert await runtime.history.first_bad_version(fund) == (version + 1, None)
