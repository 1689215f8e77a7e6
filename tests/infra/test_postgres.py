"""A database that is slow, gone or back again: callers are told to try again, and nothing stored is lost."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import psutil
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError, TimeoutError as PoolTimeoutError

from domain.capital import FeeCharged, FundOpened
from domain.refusal import CorruptionError, ExceedsAvailableCapital, NotFound
from infra import postgres
from infra.appending import Appended
from infra.drafts import Draft
from infra.embedded import EmbeddedPostgres
from infra.engines import engine_translated, list_engine
from infra.history import FactFilter
from infra.migrate import migrate_in_loop
from infra.people import Person, Role
from infra.postgres import UnavailableError, open_pool, plain_url, the_row, translated
from infra.runtime import Runtime, opened
from infra.settings import Settings
from infra.snapshots import SnapshotKind
from tests.conftest import OPENED_AT, Servers
from tests.spec import instant, usd

FEE = Draft(FeeCharged(usd(1)), instant("2010-06-01"))
OPENING = FundOpened("A", "USD", 2006, usd(100))
NOBODY = Person(uuid4(), "nobody@example.org", None, administrator=False)


@pytest.mark.parametrize(
    "fault",
    [
        asyncpg.ConnectionDoesNotExistError("secret"),
        asyncpg.InterfaceError("secret"),
        asyncpg.CannotConnectNowError("secret"),
        asyncpg.AdminShutdownError("secret"),
        asyncpg.CrashShutdownError("secret"),
        asyncpg.TooManyConnectionsError("secret"),
        ConnectionRefusedError("secret"),
        FileNotFoundError("secret"),
        TimeoutError("secret"),
        asyncpg.InternalClientError("secret"),
    ],
    ids=lambda fault: f"{type(fault).__module__}.{type(fault).__name__}",
)
def test_a_lost_connection_is_unavailable_and_tells_nothing_internal(fault: Exception) -> None:
    with pytest.raises(UnavailableError) as told, translated():
        raise fault
    assert str(told.value) == "the database can't be reached"
    assert told.value.__cause__ is fault


@pytest.mark.parametrize(
    "fault",
    [
        asyncpg.UniqueViolationError("taken"),
        asyncpg.UndefinedTableError("no table"),
        NotFound("No such fund."),
        CorruptionError("unreadable"),
        UnavailableError("no Redis"),
        ValueError("wrong"),
        asyncio.CancelledError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_any_other_fault_passes_as_it_is(fault: BaseException) -> None:
    with pytest.raises(type(fault)) as passed, translated():
        raise fault
    assert passed.value is fault


async def test_a_list_s_own_fault_passes_as_it_is(servers: Servers) -> None:
    engine = list_engine(servers.database_url)
    try:
        async with engine.connect() as connection:
            with pytest.raises(ProgrammingError), engine_translated():
                await connection.execute(text("SELECT 1 FROM no_such_table"))
    finally:
        await engine.dispose()


def test_a_list_that_no_connection_is_left_for_is_unavailable() -> None:
    with pytest.raises(UnavailableError) as told, engine_translated():
        raise PoolTimeoutError("secret")
    assert str(told.value) == "the database can't be reached"


def test_jobs_and_commands_start_without_what_few_of_them_need() -> None:
    spared = {"numpy", "scipy", "sqlalchemy", "strawberry"}
    loaded = f"import sys, api.cli, api.launch, infra.runtime, jobs.worker; print(*{spared} & sys.modules.keys())"
    started = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert started.stdout == "\n"


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("postgresql+asyncpg://u:p@h:5432/d", "postgresql://u:p@h:5432/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql://u:p@h/d?sslmode=require"),
        ("postgres+psycopg://postgres@/d?host=/tmp/a%20b", "postgres://postgres@/d?host=/tmp/a%20b"),
    ],
)
def test_an_address_is_plain_without_its_driver(url: str, plain: str) -> None:
    assert plain_url(url) == plain


async def test_connections_are_named_in_utc_and_without_jit(servers: Servers) -> None:
    async with await open_pool(servers.database_url, 2) as pool:
        for name, value in (("application_name", "drypowder"), ("jit", "off"), ("timezone", "UTC")):
            assert await pool.fetchval(f"SHOW {name}") == value
        assert pool.get_max_size() == 2
        assert (await the_row(pool, "SELECT $1::int AS seven", 7))["seven"] == 7


async def test_a_statement_that_takes_too_long_is_unavailable(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "COMMAND_SECONDS", 0.05)
    async with await open_pool(servers.database_url, 1) as pool:
        with pytest.raises(UnavailableError), translated():
            await pool.execute("SELECT pg_sleep(30)")
        # The pool goes on.
        assert await pool.fetchval("SELECT 1") == 1


async def test_a_backend_ended_by_an_operator_is_unavailable_and_replaced(
    database: asyncpg.Pool, servers: Servers
) -> None:
    async with await open_pool(servers.database_url, 1) as pool:
        backend = await pool.fetchval("SELECT pg_backend_pid()")
        sleeping = asyncio.ensure_future(pool.execute("SELECT pg_sleep(30)"))
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'"
        while not await database.fetchval(query, backend):
            await asyncio.sleep(0)
        assert await database.fetchval("SELECT pg_terminate_backend($1)", backend)
        with pytest.raises(UnavailableError), translated():
            await sleeping
        assert await pool.fetchval("SELECT pg_backend_pid()") != backend


async def test_no_pool_is_opened_where_no_server_is(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        await open_pool(f"postgresql://postgres@/drypowder?host={tmp_path}", 2)
    with pytest.raises(UnavailableError):
        async with opened(Settings(), "postgresql://postgres@127.0.0.1:1/drypowder", "redis://127.0.0.1:1"):
            pass


@pytest_asyncio.fixture(scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """A server of these tests' own, migrated, that may be killed."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("mortal") / "postgres")
    try:
        await started(server)
        await migrate_in_loop(server.url)
        yield server
    finally:
        await asyncio.to_thread(server.stop)


async def started(server: EmbeddedPostgres) -> None:
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(server.wait_ready)


async def killed(server: EmbeddedPostgres) -> None:
    """The server is gone, with every process of it."""
    assert server.pid is not None
    processes = psutil.Process(server.pid).children()
    os.kill(server.pid, signal.SIGKILL)
    while server.exit_status is None:
        await asyncio.sleep(0.01)
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, 30)
    assert alive == []


def everything(runtime: Runtime, person: Person, fund_id: UUID) -> list[Callable[[], Awaitable[object]]]:
    """Every way to the database there is."""
    actor = person.id
    return [
        lambda: runtime.ledger.record(fund_id, [FEE], actor=actor),
        lambda: runtime.ledger.record(uuid4(), [FEE], actor=actor),
        lambda: runtime.ledger.record_all(fund_id, [FEE], actor=actor, key="file"),
        lambda: runtime.ledger.open_fund(OPENING, OPENED_AT, actor=actor),
        lambda: runtime.history.after(fund_id, 0),
        lambda: runtime.history.fact(fund_id, 1),
        lambda: runtime.history.page(fund_id, FactFilter(), limit=1, newest_first=True),
        lambda: runtime.history.between(fund_id, (OPENED_AT, 1), (OPENED_AT, 2), 1),
        lambda: runtime.history.first_bad_version(fund_id),
        lambda: runtime.figures.of(fund_id, ["acme"], datetime.now(UTC), 1),
        lambda: runtime.people.person(actor),
        lambda: runtime.people.enrol("a@example.org"),
        lambda: runtime.people.role(person, fund_id),
        lambda: runtime.people.require(person, fund_id, Role.VIEWER),
        lambda: runtime.people.give(actor, fund_id, Role.ADMIN),
        lambda: runtime.people.memberships(person),
        lambda: runtime.names.of_companies(fund_id, ["acme"]),
        lambda: runtime.names.of_people([str(uuid4())]),
        lambda: runtime.funds.fund(fund_id),
        lambda: runtime.funds.by_ids([fund_id]),
        lambda: runtime.funds.of(person, after=None, limit=1),
        lambda: runtime.snapshots.take(fund_id, SnapshotKind.MANUAL),
        lambda: runtime.snapshots.listed(fund_id, after=None, limit=1),
        lambda: migrate_in_loop(str(runtime.settings.database_url)),
    ]


async def test_everything_is_unavailable_while_the_server_is_gone_and_works_once_it_is_back(
    mortal: EmbeddedPostgres, servers: Servers
) -> None:
    settings = Settings(database_url=mortal.url)
    async with opened(settings, mortal.url, servers.redis_url) as runtime:
        person = await runtime.people.enrol("owner@example.org")
        fund_id, _ = await runtime.ledger.open_fund(OPENING, OPENED_AT, actor=person.id)
        first = await runtime.ledger.record(fund_id, [FEE], actor=person.id, key="k")
        await runtime.funds.fund(fund_id)
        await killed(mortal)
        for ask in everything(runtime, person, fund_id):
            with pytest.raises(UnavailableError):
                await ask()
        # Not even a repeat can be told now, nor what was refused before.
        with pytest.raises(UnavailableError):
            await runtime.ledger.record(fund_id, [FEE], actor=person.id, key="k")
        await started(mortal)
        again = await runtime.ledger.record(fund_id, [FEE], actor=person.id, key="k")
        assert (again.repeated, again.facts) == (True, first.facts)
        with pytest.raises(ExceedsAvailableCapital):
            await runtime.ledger.record(fund_id, [FEE] * 100, actor=person.id)
        for ask in everything(runtime, person, fund_id):
            try:
                await ask()
            except NotFound:
                continue
        assert await runtime.history.first_bad_version(fund_id) == (4, None)


async def test_an_append_cut_off_by_a_kill_is_unavailable_and_its_key_tells_what_became_of_it(
    mortal: EmbeddedPostgres, servers: Servers
) -> None:
    async with opened(Settings(), mortal.url, servers.redis_url) as runtime:
        person = await runtime.people.enrol("owner@example.org")
        fund_id, _ = await runtime.ledger.open_fund(OPENING, OPENED_AT, actor=person.id)

        def append(key: str) -> Awaitable[Appended]:
            return runtime.ledger.record(fund_id, [FEE, FEE], actor=person.id, key=key)

        stored = await append("stored")
        async with await open_pool(mortal.url, 1) as pool:
            # A lock that never comes: the append is under way when the server dies.
            holder = await pool.acquire()
            await holder.execute("SELECT pg_advisory_lock(ledger_lock($1))", fund_id)
            cut_off = asyncio.ensure_future(append("cut off"))
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while not await holder.fetchval(waiting):
                await asyncio.sleep(0)
            await killed(mortal)
            with pytest.raises(UnavailableError):
                await cut_off
            await pool.release(holder)
        await started(mortal)
        assert (await append("stored")).facts == stored.facts
        answer = await append("cut off")
        assert (answer.first_version, answer.last_version, answer.repeated) == (4, 5, False)
        assert [fact.version async for fact in runtime.history.all(fund_id)] == [1, 2, 3, 4, 5]
        assert await runtime.history.first_bad_version(fund_id) == (5, None)


async def test_a_list_cut_off_in_the_middle_is_unavailable_too(database: asyncpg.Pool, servers: Servers) -> None:
    async with opened(Settings(), servers.database_url, servers.redis_url) as other, database.acquire() as locking:
        async with locking.transaction():
            # Nobody reads a table that is locked so: the list waits until its backend is ended.
            await locking.execute("LOCK TABLE fund IN ACCESS EXCLUSIVE MODE")
            listing = asyncio.ensure_future(other.funds.of(NOBODY, after=None, limit=1))
            waiting = "SELECT pid FROM pg_locks WHERE relation = 'fund'::regclass AND NOT granted"
            while (backend := await locking.fetchval(waiting)) is None:
                await asyncio.sleep(0)
            await locking.execute("SELECT pg_terminate_backend($1)", backend)
            with pytest.raises(UnavailableError):
                await listing
        assert await other.funds.of(NOBODY, after=None, limit=1) == []
