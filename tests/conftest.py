"""Real servers and a running API for every test that wants them; each test makes funds of its own."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
import uvicorn
import uvloop

from api import security
from api.app import application
from domain.capital import FundOpened
from domain.money import Money
from infra import tenancy
from infra.embedded import EmbeddedPostgres, EmbeddedRedis
from infra.migrate import migrate
from infra.people import Person, Role
from infra.postgres import plain_url
from infra.runtime import Runtime, opened
from infra.settings import Settings

TESTS = Path(__file__).parent
# Tests work for everyone, as jobs and commands do; whoever asks the API works for themselves.
tenancy.act_for((), everyone=True)
SECRET = "a secret that only these tests sign with, 32 bytes and more"
LoopFactory = Callable[[], asyncio.AbstractEventLoop]
OPENED_AT = datetime(2006, 1, 1, tzinfo=UTC)


# Once the order is drawn.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts tests of the product and its page first, and has coverage measured of examples alone."""
    # So that no process is left with much to do when the others have finished.
    items.sort(key=lambda item: -_lies_in("system", item) - _lies_in("web", item))
    if config.getoption("no_cov", default=True):
        return
    for item in items:
        # The tracer makes the domain three times as slow, and examples alone must reach all of it.
        if item.path.stem.endswith("properties") or item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """The loop that the API and the workers have too."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_collection_finish() -> None:
    """Spares the collector of garbage what stays until the end: all the tests there are, and the schema."""
    gc.collect()
    gc.freeze()


def _lies_in(folder: str, item: pytest.Item) -> bool:
    return item.path.is_relative_to(TESTS / folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """How tests are shared out where `-n` asks for several processes."""
    from tests.sharing import Sharing

    config.option.loadscopereorder = False
    return Sharing(config, log)


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of the PostgreSQL and Redis under test."""

    database_url: str
    redis_url: str


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Redis: those of DATABASE_URL and REDIS_URL, or embedded ones of this session."""
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    directory = tmp_path_factory.mktemp("servers")
    started: list[EmbeddedPostgres | EmbeddedRedis] = []
    try:
        if database_url is None:
            postgres = EmbeddedPostgres(directory / "postgres")
            started.append(postgres)
            database_url = postgres.url
        if redis_url is None:
            redis = EmbeddedRedis(directory / "redis")
            started.append(redis)
            redis_url = redis.url
        for server in started:
            server.start()
        for server in started:
            server.wait_ready()
        if os.environ.get("DATABASE_URL") is None:
            asyncio.run(hurry(database_url))
        migrate(database_url)
        yield Servers(database_url, redis_url)
    finally:
        for server in reversed(started):
            server.stop()


async def hurry(database_url: str) -> None:
    """Has a server that nobody kills wait for no disk; those that tests kill are others."""
    connection = await asyncpg.connect(plain_url(database_url))
    try:
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            await connection.execute(f"ALTER SYSTEM SET {setting} = off")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


@contextmanager
def running_redis(directory: Path) -> Iterator[EmbeddedRedis]:
    """A Redis with nothing of others in it, which may be stopped and started."""
    redis = EmbeddedRedis(directory)
    try:
        redis.start()
        redis.wait_ready()
        yield redis
    finally:
        redis.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of this test."""
    with running_redis(tmp_path / "redis") as redis:
        yield redis


@pytest_asyncio.fixture(scope="session")
async def runtime(servers: Servers) -> AsyncIterator[Runtime]:
    """A runtime on the servers under test."""
    async with opened(Settings(), servers.database_url, servers.redis_url) as made:
        yield made


@pytest_asyncio.fixture(scope="session")
async def database(servers: Servers) -> AsyncIterator[asyncpg.Pool]:
    """The database as a superuser has it: past row-level security, and free to do what the application may not."""
    async with asyncpg.create_pool(plain_url(servers.database_url), min_size=0) as made:
        yield made


@pytest_asyncio.fixture(scope="session")
async def owner(runtime: Runtime) -> Person:
    """Who records in tests of `infra`."""
    return await runtime.people.enrol(f"owner-{uuid4().hex}@example.org")


OpenFund = Callable[..., Awaitable[UUID]]


@pytest_asyncio.fixture(scope="session")
async def open_fund(runtime: Runtime, owner: Person) -> OpenFund:
    """Opens a fund of 60,000,000 USD on 1 January 2006, or of another size and moment, and gives its id."""

    async def opening(size: int = 60_000_000_00, opened_at: datetime = OPENED_AT) -> UUID:
        fund_id, _ = await runtime.ledger.open_fund(
            FundOpened("Test Fund", "USD", opened_at.year, Money(size)), opened_at, actor=owner.id
        )
        return fund_id

    return opening


@dataclass(frozen=True, slots=True)
class Live:
    """A running API: its address, and the runtime of these tests beside its own."""

    url: str
    runtime: Runtime

    @property
    def ws_url(self) -> str:
        """The endpoint for WebSockets."""
        return self.url.replace("http", "ws", 1) + "/graphql"

    async def token(self, role: Role | None = None, fund_id: UUID | None = None, *, administrator: bool = False) -> str:
        """A new person's token, with a role in a fund if asked."""
        person = await self.runtime.people.enrol(f"{uuid4().hex}@example.org", administrator=administrator)
        if role is not None and fund_id is not None:
            await self.runtime.people.give(person.id, fund_id, role)
        return self.token_of(person)

    def token_of(self, person: Person) -> str:
        """A new token of somebody known."""
        return security.issue(SECRET, person, datetime.now(UTC), timedelta(hours=1))

    async def ask(
        self, query: str, variables: dict[str, object] | None = None, *, token: str | None
    ) -> dict[str, object]:
        """The answer to one request, whole."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as client:
            answer = await client.post("/graphql", json={"query": query, "variables": variables or {}})
        told: dict[str, object] = answer.json()
        return told


@pytest_asyncio.fixture(scope="session")
async def live(servers: Servers, runtime: Runtime) -> AsyncIterator[Live]:
    """The API on a real port, in this process."""
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="websockets-sansio")
    )
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        assert not serving.done(), "the API did not start"
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Live(f"http://127.0.0.1:{port}", runtime)
    server.should_exit = True
    await serving


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real input, where it lies beside the project."""
