"""The ground that benchmarks stand on: servers of their own, a runtime as in the product, funds, a running API."""

import gc
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self
from uuid import UUID

import asyncpg

from api import security
from domain.capital import FundOpened
from domain.event import Fact
from domain.projector import MAX_BATCH
from infra.drafts import Draft
from infra.embedded import EmbeddedPostgres, EmbeddedRedis
from infra.evaluation import CONSUMER as VARIANCE
from infra.migrate import migrate_in_loop
from infra.people import Person
from infra.runs import CONSUMER as RUNS
from infra.runtime import Runtime, opened
from infra.settings import Settings
from infra.snapshots import CONSUMER as SNAPSHOTS
from tests.benchmarks.portfolio import OPENED_AT, SIZE, portfolio

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
"""Real input, where it lies beside the project."""
SECRET = "a secret that only benchmarks sign with, 32 bytes and more"
CONNECTIONS = 32
"""Writers at once, each with a connection."""
START_SECONDS = 30.0
COLUMNS = (
    "fund_id", "version", "schema_version", "type", "occurred_at", "touches_at", "recorded_at", "actor", "company_id",
    "correlation_id", "idempotency_key", "metadata", "payload", "hash",
)  # fmt: skip
"""Of a fact, in the table's order."""
Row = tuple[object, ...]
_SEEN = """
    INSERT INTO cursor SELECT consumer, id, version FROM fund, unnest($1::text[]) AS consumer
    ON CONFLICT (consumer, fund_id) DO UPDATE SET version = excluded.version
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured; all figures of one run share it."""

    rounds: int
    single: int
    per_connection: int
    batches: int
    companies: int
    facts: tuple[int, int, int]
    asked: int
    followed: int
    subscribers: tuple[int, int]
    library_single: int
    library_batches: int
    library_replay: int
    import_file: str
    import_size: str
    months: int
    evaluated: int
    imported_months: int
    summaries: int
    alerted: Mapping[str, int]
    watchers: int
    ranking_seeds: int
    curves: int
    simulated: int
    iterations: tuple[int, int]
    program_companies: int
    programs: int
    split: tuple[int, ...]
    runs: int
    grown: tuple[int, ...]
    loaded: float
    rows: int
    crowds: tuple[int, ...]
    stepped: int


FULL = Scale(
    rounds=9,
    single=300,
    per_connection=40,
    batches=45,
    companies=200,
    facts=(1_000, 10_000, 100_000),
    asked=500,
    followed=50,
    subscribers=(100, 1_000),
    library_single=300,
    library_batches=4,
    library_replay=100_000,
    import_file="all-rounds-import.csv.gz",
    import_size="40000000000.00",
    months=40,
    evaluated=150,
    imported_months=10,
    summaries=4,
    alerted={"alerts": 25, "facts": 10},
    watchers=200,
    ranking_seeds=20,
    curves=1_000,
    simulated=100_000,
    iterations=(1_000_000, 10_000_000),
    program_companies=100,
    programs=30,
    split=(50, 1_000, 10_000, 100_000),
    runs=100,
    grown=(100_000, 1_000_000, 5_000_000),
    loaded=8.0,
    rows=10_000,
    crowds=(1_000, 3_000),
    stepped=120,
)
QUICK = Scale(
    rounds=3,
    single=40,
    per_connection=4,
    batches=4,
    companies=40,
    facts=(500, 1_000, 4_000),
    asked=20,
    followed=5,
    subscribers=(5, 20),
    library_single=40,
    library_batches=1,
    library_replay=4_000,
    import_file="fund-2006-import.csv",
    import_size="60000000.00",
    months=6,
    evaluated=2,
    imported_months=2,
    summaries=2,
    alerted={"alerts": 2, "facts": 2},
    watchers=10,
    ranking_seeds=2,
    curves=50,
    simulated=10_000,
    iterations=(10_000, 100_000),
    program_companies=20,
    programs=2,
    split=(50, 500),
    runs=3,
    grown=(3_000, 6_000),
    loaded=1.0,
    rows=400,
    crowds=(10,),
    stepped=5,
)


@dataclass(frozen=True, slots=True)
class KeptFund:
    """A fund whose snapshots were kept up while its facts came, as the worker does.

    Attributes:
        keeping: Seconds that took.
    """

    id: UUID
    version: int
    keeping: float


@dataclass(frozen=True, slots=True)
class Api:
    """A running API and a token that may do everything."""

    host: str
    port: int
    token: str


class Ground:
    """Servers in a directory of their own, and what a process of the product works with."""

    def __init__(self, scale: Scale, say: Callable[[str], None]) -> None:
        self.scale = scale
        self.say = say
        self._stack = AsyncExitStack()
        self._kept: dict[int, KeptFund] = {}

    async def __aenter__(self) -> Self:
        self.directory = self._stack.enter_context(_directory())
        self.database_url, self.redis_url = self._stack.enter_context(_servers(self.directory))
        await migrate_in_loop(self.database_url)
        settings = Settings(database_url=None, redis_url=None, database_pool=CONNECTIONS)
        self.runtime: Runtime = await self._stack.enter_async_context(
            opened(settings, self.database_url, self.redis_url)
        )
        self.person: Person = await self.runtime.people.enrol("bench@example.org", administrator=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A plain connection, for what the product is compared with."""
        made = await asyncpg.connect(self.database_url, server_settings={"jit": "off", "timezone": "UTC"})
        try:
            yield made
        finally:
            await made.close()

    async def vacuum(self, *tables: str) -> None:
        """Tidies tables, which is for their owner."""
        async with self.connection() as connection:
            await connection.execute(f"VACUUM ANALYZE {', '.join(tables)}")

    async def open_fund(self) -> UUID:
        """A new fund, large enough for any portfolio."""
        opening = FundOpened("Benchmark Fund", "USD", OPENED_AT.year, SIZE)
        fund_id, _ = await self.runtime.ledger.open_fund(opening, OPENED_AT, actor=self.person.id)
        return fund_id

    async def filled(self, facts: int, companies: int) -> UUID:
        """A fund with that many facts in the order they happened, and no snapshots."""
        fund_id = await self.open_fund()
        drafts = portfolio(facts, companies, late=False)
        await self.runtime.ledger.record_all(fund_id, drafts, actor=self.person.id, key="benchmark")
        return fund_id

    async def kept(self, facts: int) -> KeptFund:
        """A fund with that many facts, some learned late, and its snapshots; made once."""
        if facts not in self._kept:
            self.say(f"recording a fund of {facts:,} facts, its snapshots kept up")
            started = perf_counter()
            fund_id, keeping, version = await self.open_fund(), 0.0, 0
            for drafts in batches(portfolio(facts - 1, self.scale.companies, late=True)):
                appended = await self.runtime.ledger.record(fund_id, drafts, actor=self.person.id)
                version = appended.last_version
                begun = perf_counter()
                await self.runtime.snapshots.keep_up(fund_id, self.runtime.settings.snapshot_frequency)
                keeping += perf_counter() - begun
            # What autovacuum does within a minute, and an import itself.
            await self.vacuum("fact", "snapshot")
            self.say(f"  {perf_counter() - started:,.1f} s, of which {keeping:,.1f} s for the snapshots")
            self._kept[facts] = KeptFund(fund_id, version, keeping)
        return self._kept[facts]

    async def like_facts(self, connection: asyncpg.Connection, name: str) -> None:
        """An empty table with the facts' columns and indexes, without their triggers."""
        await connection.execute(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} (LIKE fact INCLUDING ALL)")

    @asynccontextmanager
    async def without_snapshots(self, fund_id: UUID) -> AsyncIterator[asyncpg.Connection]:
        """A connection that sees none of the fund's snapshots; they are there again afterwards."""
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute("DELETE FROM snapshot WHERE fund_id = $1", fund_id)
                yield connection
            finally:
                await transaction.rollback()

    async def skip_what_there_is(self) -> None:
        """Has a worker that is started later look only at what is recorded from now on."""
        await self.runtime.pool.execute(_SEEN, [VARIANCE, RUNS, SNAPSHOTS])

    @property
    def environment(self) -> dict[str, str]:
        """Of the product's own processes."""
        ours = {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url, "DRYPOWDER_SECRET": SECRET}
        theirs = {name: text for name, text in os.environ.items() if name in {"PATH", "HOME", "LD_LIBRARY_PATH"}}
        # One person asks here for many.
        unlimited = dict.fromkeys(("RATE_LIMIT", "MAX_SUBSCRIPTIONS", "MAX_CONNECTIONS_EACH"), str(10**9))
        return {
            **theirs,
            **ours,
            **unlimited,
            "DRYPOWDER_DATA_DIR": str(self.directory / "data"),
            "PYTHONPATH": str(ROOT),
        }

    def command(self, *arguments: str) -> str:
        """What a command of the product prints.

        Raises:
            subprocess.CalledProcessError: If it ends with an error.
        """
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments],
            env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    @contextmanager
    def serving(self) -> Iterator[Api]:
        """The API in a process of its own, with the product's own settings."""
        with self._serving("api.cli", "serve") as api:
            yield api

    @contextmanager
    def serving_stock(self) -> Iterator[Api]:
        """The same resolvers behind Strawberry's own endpoint, in a process of its own."""
        with self._serving("tests.benchmarks.stock") as api:
            yield api

    @contextmanager
    def _serving(self, *program: str) -> Iterator[Api]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with self._running("api", *program, "--port", str(port)) as process:
            self._wait_until_ready(f"http://127.0.0.1:{port}/readyz", process)
            self.api_pid = process.pid
            token = security.issue(SECRET, self.person, datetime.now(UTC), timedelta(days=1))
            yield Api("127.0.0.1", port, token)

    @contextmanager
    def working(self) -> Iterator[None]:
        """A worker in a process of its own, which has its first fund to look at before it is known to be there."""
        with self._running("worker", "api.cli", "worker") as process:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"the worker ended:\n{self._told_by('worker')}")

    @contextmanager
    def _running(self, name: str, *program: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A module with its arguments that runs until it is told to stop."""
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *program],
                env=self.environment, cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _told_by(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")[-2_000:]

    def _wait_until_ready(self, url: str, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
            time.sleep(0.05)
        raise RuntimeError(f"the API did not start:\n{self._told_by('api')}")


def batches(drafts: Sequence[Draft], size: int = MAX_BATCH) -> Iterator[Sequence[Draft]]:
    """The drafts in batches, by default as large as the ledger takes."""
    for start in range(0, len(drafts), size):
        yield drafts[start : start + size]


def row_of(fact: Fact, company_id: str | None) -> Row:
    """The fact as its table holds it; of facts that touch the moment they happened at."""
    return (
        UUID(fact.fund_id), fact.version, fact.schema_version, fact.type, fact.occurred_at, fact.occurred_at,
        fact.recorded_at, UUID(fact.actor), company_id, fact.correlation_id, fact.idempotency_key, fact.metadata,
        fact.payload, fact.hash,
    )  # fmt: skip


def at_rest() -> None:
    """Takes what is there now out of the garbage collector's sight, so that prepared input costs neither side."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@contextmanager
def _directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="drypowder-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _servers(directory: Path) -> Iterator[tuple[str, str]]:
    servers = (EmbeddedPostgres(directory / "postgres"), EmbeddedRedis(directory / "redis"))
    postgres, redis = servers
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_ready()
        yield postgres.url, redis.url
    finally:
        for server in reversed(servers):
            server.stop()
