"""Examining a deployment: each thing is broken for real, and named with what to do."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from arq import create_pool
from pydantic import SecretStr
from redis.asyncio import Redis

from domain.capital import FeeCharged, FundOpened
from domain.money import Money
from infra.drafts import Draft
from infra.embedded import EmbeddedRedis
from infra.examining import database as examining_database, installation as examining_installation, queues
from infra.examining.clocks import examine_clock
from infra.examining.database import examine_database
from infra.examining.finding import Finding, State
from infra.examining.installation import examine_installation
from infra.examining.issuer import examine_issuer
from infra.examining.queues import examine_queues
from infra.migrate import newest_revision
from infra.queue import redis_settings
from infra.settings import Settings
from infra.tenancy import _current
from infra.waiting import QUEUES
from tests.conftest import OPENED_AT, Servers, running_redis
from tests.histories import own_database, process
from tests.issuer import entry, issuing, private_key

GOOD_SECRET = "0123456789abcdefghijklmnopqrstuv"
SPOIL = "UPDATE fact SET payload = payload || ' ' WHERE fund_id = $1 AND version = $2"
MEND = "UPDATE fact SET payload = rtrim(payload) WHERE fund_id = $1 AND version = $2"
NOWHERE = "postgresql://postgres@127.0.0.1:1/drypowder"


@contextmanager
def working_for_nobody() -> Iterator[None]:
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


async def of_database(url: str) -> dict[str, Finding]:
    """What is found of a database, by what it is about."""
    return {one.what: one for one in await examine_database(url)}


async def of_queues(url: str) -> dict[str, Finding]:
    """What is found of Redis, by what it is about."""
    return {one.what: one for one in await examine_queues(url)}


def of_installation(directory: Path, **chosen: object) -> dict[str, Finding]:
    """What is found of settings and files, by what it is about."""
    return {one.what: one for one in examine_installation(Settings(**chosen), directory)}  # type: ignore[arg-type]


def amiss(found: dict[str, Finding]) -> dict[str, str]:
    """What isn't as it should be, and how it is."""
    assert all(one.remedy for one in found.values() if one.state is not State.GOOD)
    return {what: one.told for what, one in found.items() if one.state is not State.GOOD}


@pytest_asyncio.fixture(scope="module")
async def fund(servers: Servers) -> AsyncIterator[tuple[str, UUID]]:
    """A database of its own with a fund at version 5."""
    async with own_database(servers.database_url) as url:
        async with process(url, servers.redis_url) as runtime:
            actor = (await runtime.people.enrol("owner@example.org")).id
            opened = FundOpened("F", "USD", 2006, Money(10**9))
            fund_id, _ = await runtime.ledger.open_fund(opened, OPENED_AT, actor=actor)
            await runtime.ledger.record(fund_id, [Draft(FeeCharged(Money(1)), OPENED_AT)] * 4, actor=actor)
        yield url, fund_id


@asynccontextmanager
async def changed(url: str, there: str, back: str, *arguments: object) -> AsyncIterator[None]:
    """A database in which something was changed meanwhile."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("ALTER TABLE fact DISABLE TRIGGER USER")
        await connection.execute(there, *arguments)
        yield
        await connection.execute(back, *arguments)
        await connection.execute("ALTER TABLE fact ENABLE ALWAYS TRIGGER fact_rows_are_immutable")
        await connection.execute("ALTER TABLE fact ENABLE ALWAYS TRIGGER fact_table_is_immutable")
    finally:
        await connection.close()


async def test_a_good_database_has_nothing_amiss(fund: tuple[str, UUID]) -> None:
    # A command sees nobody's rows of itself.
    with working_for_nobody():
        found = await of_database(fund[0])
    assert amiss(found) == {}
    assert found["database role"].told == "is drypowder_app, bound by every policy"
    assert found["schema"].told == f"is at {newest_revision()}"
    assert found["hash chain"].told == "of the newest 5 facts of 1 funds is whole"


async def test_rows_of_other_firms_that_a_role_or_a_table_would_show(fund: tuple[str, UUID]) -> None:
    url = fund[0]
    connection = await asyncpg.connect(url)
    role = f"owner_{uuid4().hex}"
    try:
        await connection.execute("ALTER TABLE fact NO FORCE ROW LEVEL SECURITY; CREATE TABLE bare (fund_id uuid)")
        assert amiss(await of_database(url)) == {"row-level security": "isn't forced on bare, fact"}
        await connection.execute("ALTER TABLE fact FORCE ROW LEVEL SECURITY; DROP TABLE bare")
        await connection.execute(
            f"CREATE ROLE {role} LOGIN BYPASSRLS; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
        )
        own = url.replace("postgres@", f"{role}@")
        assert amiss(await of_database(own)) == {"database role": f"is {role}, whom no policy binds"}
        await connection.execute(f"ALTER ROLE {role} NOBYPASSRLS; ALTER TABLE fact OWNER TO {role}")
        assert amiss(await of_database(own)) == {"database role": f"is {role}, who owns the tables"}
    finally:
        await connection.execute(f"ALTER TABLE fact OWNER TO postgres; DROP OWNED BY {role}; DROP ROLE {role}")
        await connection.close()
    assert amiss(await of_database(url)) == {}


async def test_a_database_that_cant_be_reached_or_has_no_such_name(servers: Servers) -> None:
    assert amiss(await of_database(NOWHERE)) == {"database": "can't be used: ConnectionRefusedError"}
    missing = servers.database_url.replace("/drypowder?", "/no_such_database?")
    assert amiss(await of_database(missing)) == {"database": "can't be used: InvalidCatalogNameError"}


async def test_a_database_that_is_behind_ahead_or_empty(fund: tuple[str, UUID]) -> None:
    url, newest = fund[0], newest_revision()
    back = f"UPDATE alembic_version SET version_num = '{newest}'"  # noqa: S608 - our own words
    async with changed(url, "UPDATE alembic_version SET version_num = '0001'", back):
        (told,) = amiss(await of_database(url)).values()
        assert told == f"is at 0001, and this program at {newest}"
    async with changed(url, "UPDATE alembic_version SET version_num = '9999'", back):
        assert (await of_database(url))["schema"].remedy == "Upgrade this program."
    async with changed(
        url, "ALTER TABLE alembic_version RENAME TO other", "ALTER TABLE other RENAME TO alembic_version"
    ):
        assert amiss(await of_database(url)) == {"schema": "isn't there"}


async def test_consumers_that_havent_got_to_facts_in_time(
    fund: tuple[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining_database, "PATIENCE", timedelta(0))
    url, fund_id = fund
    seen = "INSERT INTO cursor VALUES ('runs', $1, 5), ('snapshots', $1, 3)"
    async with changed(url, seen, "DELETE FROM cursor WHERE fund_id = $1", fund_id):
        late = amiss(await of_database(url))
    assert late.keys() == {"consumer variance", "consumer snapshots"}
    assert late["consumer variance"].startswith("hasn't got to facts of 1 funds, the oldest for ")


@pytest.mark.parametrize(("version", "facts"), [(2, 200), (5, 200), (5, 2)])
async def test_a_chain_broken_among_the_newest_facts(
    fund: tuple[str, UUID], monkeypatch: pytest.MonkeyPatch, version: int, facts: int
) -> None:
    monkeypatch.setattr(examining_database, "FACTS", facts)
    url, fund_id = fund
    async with changed(url, SPOIL, MEND, fund_id, version):
        assert amiss(await of_database(url)) == {"hash chain": f"of fund {fund_id} is broken at version {version}"}


async def test_what_is_older_than_the_newest_facts_isnt_looked_at(
    fund: tuple[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining_database, "FACTS", 2)
    url, fund_id = fund
    async with changed(url, SPOIL, MEND, fund_id, 2):
        found = await of_database(url)
    assert found["hash chain"].told == "of the newest 2 facts of 1 funds is whole"


@pytest.mark.parametrize(("seconds", "is_wrong"), [(-60, True), (-1, False), (0, False), (1, False), (60, True)])
async def test_a_clock_that_is_apart(fund: tuple[str, UUID], seconds: int, is_wrong: bool) -> None:
    connection = await asyncpg.connect(fund[0])
    query = f"SELECT clock_timestamp() + {seconds} * interval '1 second'"
    try:
        found = await examine_clock("database", lambda: connection.fetchval(query))
    finally:
        await connection.close()
    assert (found.state is State.WRONG) is is_wrong
    assert not is_wrong or found.told.endswith("s apart from this machine's")


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with running_redis(tmp_path_factory.mktemp("examined") / "redis") as redis:
        yield redis


async def test_redis_that_cant_be_reached() -> None:
    assert amiss(await of_queues("redis://127.0.0.1:1")) == {"redis": "can't be used: ConnectionError"}


async def test_redis_without_a_worker_that_evicts_and_keeps_nothing(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert amiss(await of_queues(own_redis.url)) == {"worker": f"no sign of life for {', '.join(QUEUES)}"}
    client = Redis.from_url(own_redis.url)
    pool = await create_pool(redis_settings(own_redis.url))
    try:
        for queue in QUEUES:
            await client.set(f"{queue}:health-check", "works")
        assert amiss(await of_queues(own_redis.url)) == {}
        await client.config_set("maxmemory", "100mb")
        await client.config_set("maxmemory-policy", "allkeys-lru")
        await client.config_set("appendonly", "no")
        await pool.enqueue_job("evaluate", _job_id="waits", _defer_by=-90)
        await pool.enqueue_job("evaluate", _job_id="is being done", _defer_by=-180)
        await client.set("arq:in-progress:is being done", "1")
        await pool.enqueue_job("optimise", _job_id="put off", _queue_name="arq:reserves", _defer_by=90)
        found = await of_queues(own_redis.url)
        assert amiss(found) == {
            "redis eviction": "allkeys-lru: jobs may vanish when memory is short",
            "redis persistence": "the append-only file is off",
            "queue arq:queue": "2 jobs, the oldest due for 90 s",
        }
        assert found["redis persistence"].state is State.ADVICE
        monkeypatch.setattr(queues, "OLDEST_SERVER", 99)
        assert "Redis 99 or newer" in (await of_queues(own_redis.url))["redis"].remedy
    finally:
        await client.aclose()
        await pool.aclose()


@pytest.mark.parametrize(
    ("secret", "told"),
    [("short", "has 5 bytes"), ("change me change me change me change me", "has 8 different letters")],
)
def test_a_secret_that_can_be_guessed(tmp_path: Path, secret: str, told: str) -> None:
    found = of_installation(tmp_path / "none", drypowder_secret=SecretStr(secret))
    assert amiss(found) == {"secret": told}


def test_a_data_directory_that_others_may_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    kept = tmp_path / "signing.secret"
    assert amiss(of_installation(tmp_path)) == {"secret": "isn't there"}
    kept.write_text(GOOD_SECRET)
    kept.chmod(0o640)
    assert amiss(of_installation(tmp_path)) == {"data directory": f"others may read or change {kept}"}
    kept.chmod(0o600)
    assert amiss(of_installation(tmp_path)) == {}


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(examining_installation, "LEAST_FREE_SHARE", 1.0)
    found = of_installation(tmp_path, drypowder_secret=SecretStr(GOOD_SECRET))
    assert amiss(found).keys() == {"disk"}


@pytest.mark.parametrize(
    ("chosen", "wrong", "advised"),
    [
        ({"host": "0.0.0.0"}, {"address"}, set()),  # noqa: S104 - listened on by nobody
        ({"host": "::1"}, set(), set()),
        ({"public_url": "http://localhost:8000"}, set(), set()),
        ({"public_url": "http://fund.example"}, {"address"}, {"documents", "metrics"}),
        (
            {"public_url": "https://fund.example", "introspection": "on"},
            set(),
            {"documents", "introspection", "metrics"},
        ),
        (
            {"public_url": "https://fund.example", "rate_limit": 0, "metrics_token": SecretStr(GOOD_SECRET)},
            set(),
            {"documents", "rate limit"},
        ),
    ],
)
def test_how_the_api_is_reached(tmp_path: Path, chosen: dict[str, object], wrong: set[str], advised: set[str]) -> None:
    found = of_installation(tmp_path / "none", drypowder_secret=SecretStr(GOOD_SECRET), **chosen)
    assert {what for what, one in found.items() if one.state is State.WRONG} == wrong
    assert {what for what, one in found.items() if one.state is State.ADVICE} == advised


async def test_an_issuer_whose_keys_cant_be_had() -> None:
    assert await examine_issuer(Settings()) == []
    async with issuing() as issuer:
        chosen = Settings(oidc_issuer=issuer.url, oidc_audience="drypowder", allow_private_issuer=True)
        (without,) = await examine_issuer(chosen)
        assert (without.state, without.told) == (State.WRONG, f"has no keys for us at {issuer.url}")
        issuer.publish(entry(private_key("ES256"), kid="k"))
        (well,) = await examine_issuer(chosen)
        assert (well.state, well.told) == (State.GOOD, "tells its keys")
        issuer.away = True
        assert [one.state for one in await examine_issuer(chosen)] == [State.WRONG]
