"""Random histories of funds, recorded by several processes at once while others take snapshots, and questions of them.

Exists because whether snapshots change an answer shows only where facts, voids and snapshots cross. All that is drawn
comes from one seed; only which of two simultaneous writers came first does not.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg

from domain.capital import CapitalCalled, DistributionMade, FeeCharged, FundOpened
from domain.correction import EventVoided
from domain.event import CompanyKey, Dated, Event
from domain.forecasting import ActualRecorded, MetricType
from domain.fund import CompanyStatus, Fund
from domain.investing import (
    CompanyAdded,
    CompanyStatusChanged,
    InvestmentMade,
    ProceedsReceived,
    ReserveAllocated,
    ValuationUpdated,
)
from domain.money import Money
from domain.projector import state_at
from domain.refusal import Refusal
from infra.drafts import Draft
from infra.migrate import migrate_in_loop
from infra.runtime import Runtime, opened
from infra.settings import Settings
from infra.snapshots import SnapshotKind
from infra.states import States, resolve

Act = Coroutine[None, None, object]
"""What one process does at some moment."""
OPENED_AT = datetime(2006, 1, 1, tzinfo=UTC)
DAYS = 12
"""Few, so that facts and snapshots share instants and fall between one another."""
AHEAD = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=30)
"""From here on, facts are dated ahead."""
TOGETHER = 16
"""Histories recorded at once."""
COMPANIES = (CompanyKey("acme"), CompanyKey("beta"))
FIRST_FREE = 2 + len(COMPANIES)
"""First version after the opening and the companies: without those, little could happen."""


_migrated: dict[str, str] = {}
"""A migrated database that holds nothing, by the server it is on: copies of it are there sooner than migrated ones."""


@asynccontextmanager
async def own_database(url: str) -> AsyncIterator[str]:
    """The address of a new database on that server, migrated, and gone afterwards."""
    name = f"drypowder_{uuid4().hex}"
    connection = await asyncpg.connect(url)
    try:
        if url not in _migrated:
            await connection.execute(f"CREATE DATABASE {name}_migrated")
            await migrate_in_loop(_beside(url, f"{name}_migrated"))
            _migrated[url] = f"{name}_migrated"
        # By copying its files: half the work of writing each page anew.
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {_migrated[url]} STRATEGY file_copy")
        try:
            yield _beside(url, name)
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


def _beside(url: str, name: str) -> str:
    """The address of another database of a server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@asynccontextmanager
async def process(database_url: str, redis_url: str, settings: Settings | None = None) -> AsyncIterator[Runtime]:
    """A runtime that knows nothing of the others, as in a process of its own."""
    async with opened(settings or Settings(), database_url, redis_url) as runtime:
        try:
            yield runtime
        finally:
            # A hint sent after Redis' client was closed would open a connection that nobody closes.
            sending = [task for task in asyncio.all_tasks() if "Hints._send" in repr(task.get_coro())]
            await asyncio.gather(*sending, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Question:
    """A moment, by what was known at a version."""

    at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """An answer that isn't the definition's."""

    question: Question
    answer: Fund
    right: Fund
    snapshot_id: UUID | None


@dataclass(slots=True)
class History:
    """A fund that lived: its facts by version, and every answer it gave, with the snapshot it came from."""

    seed: int
    fund_id: UUID
    facts: list[Dated] = field(default_factory=list)
    recorded_at: list[datetime] = field(default_factory=list)
    asked: list[tuple[Question, Fund, UUID | None]] = field(default_factory=list)

    def right(self, question: Question) -> Fund:
        """The answer by definition."""
        return state_at(self.facts, question.at, question.version)

    def wrong(self) -> list[Wrong]:
        """Answers given so far that are not the definition's."""
        return [
            Wrong(question, answer, right, snapshot_id)
            for question, answer, snapshot_id in self.asked
            if answer != (right := self.right(question))
        ]


def _moment(random: Random) -> datetime:
    if random.random() < 0.15:
        return AHEAD + timedelta(days=random.randrange(3))
    return OPENED_AT + timedelta(days=random.randrange(DAYS))


def _asked_moment(random: Random) -> datetime:
    """Often exactly where facts and snapshots stand, or just beside."""
    beside = timedelta(microseconds=random.choice((-1, 0, 0, 0, 1)))
    return datetime.now(UTC) if random.random() < 0.1 else _moment(random) + beside


def _event(random: Random) -> Event:
    company, amount = random.choice(COMPANIES), Money(random.randint(1, 10**6))
    drawn: Event = random.choice(
        (
            CapitalCalled(amount),
            DistributionMade(amount, recallable=True),
            FeeCharged(amount),
            FeeCharged(amount),
            InvestmentMade(company, amount),
            ValuationUpdated(company, amount, fair_value=amount),
            ProceedsReceived(company, amount),
            ReserveAllocated(company, amount),
            CompanyStatusChanged(company, random.choice((CompanyStatus.ACTIVE, CompanyStatus.EXITED))),
            ActualRecorded(company, MetricType.ARR, Decimal(amount), OPENED_AT.date(), OPENED_AT.date()),
        )
    )
    return drawn


def _drafts(random: Random, version: int) -> list[Draft]:
    """One to four facts, backdated, ahead or of this moment; voids of any fact there is."""
    drafts = []
    for _ in range(random.choice((1, 1, 2, 4))):
        if version >= FIRST_FREE and random.random() < 0.2:
            drafts.append(Draft(EventVoided(random.randint(FIRST_FREE, version), "wrong")))
        else:
            drafts.append(Draft(_event(random), None if random.random() < 0.1 else _moment(random)))
    return drafts


async def _record(runtime: Runtime, fund_id: UUID, drafts: Sequence[Draft], actor: UUID) -> None:
    # What the ledger refuses, a void of a void for one, is no part of the history.
    with suppress(Refusal):
        await runtime.ledger.record(fund_id, drafts, actor=actor)


async def plant(runtime: Runtime, fund_id: UUID, at: datetime, version: int) -> None:
    """Stores the snapshot that a slow process makes: of some moment, by what was known at an older version."""
    async with runtime.pool.acquire() as connection:
        folded = await runtime.states.state(fund_id, at, version, connection=connection)
        await runtime.snapshots._store(connection, fund_id, at, version, folded.state, SnapshotKind.AUTO, None)


async def _ask(runtime: Runtime, history: History, question: Question) -> None:
    folded = await runtime.states.state(history.fund_id, question.at, question.version)
    history.asked.append((question, folded.state, folded.snapshot_id))


def _snapshots(random: Random, runtimes: Sequence[Runtime], history: History, version: int) -> list[Act]:
    """Up to two processes' snapshots: of now, of the gaps, or of a past moment by what was known then."""
    made: list[Act] = []
    for _ in range(random.choice((0, 1, 1, 2))):
        runtime, draw = random.choice(runtimes), random.random()
        if draw < 0.2:
            made.append(runtime.snapshots.take(history.fund_id, SnapshotKind.MANUAL))
        elif draw < 0.45:
            made.append(runtime.snapshots.keep_up(history.fund_id, random.randint(1, 4)))
        else:
            made.append(plant(runtime, history.fund_id, _asked_moment(random), random.randint(0, version)))
    return made


async def _live(runtimes: Sequence[Runtime], actor: UUID, seed: int) -> History:
    """A history: rounds in which writers, makers of snapshots and somebody who asks all come at once."""
    random = Random(seed)
    opener = random.choice(runtimes).ledger
    fund_id, _ = await opener.open_fund(FundOpened("F", "USD", 2006, Money(10**12)), OPENED_AT, actor=actor)
    history = History(seed, fund_id)
    first: list[Event] = [CompanyAdded(company, company) for company in COMPANIES]
    first += [FeeCharged(Money(random.randint(1, 10**6))) for _ in range(random.randint(0, 6))]
    drafts = [Draft(event, OPENED_AT if isinstance(event, CompanyAdded) else _moment(random)) for event in first]
    await opener.record(fund_id, drafts, actor=actor)
    for _ in range(random.randint(3, 5)):
        version = await runtimes[0].pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
        at_once: list[Act] = [
            _record(random.choice(runtimes), fund_id, _drafts(random, version), actor)
            for _ in range(random.choice((1, 1, 2)))
        ]
        at_once += _snapshots(random, runtimes, history, version)
        question = Question(_asked_moment(random), random.randint(0, version))
        at_once.append(_ask(random.choice(runtimes), history, question))
        random.shuffle(at_once)
        await asyncio.gather(*at_once)
    await _read(random.choice(runtimes), history)
    return history


async def live(runtimes: Sequence[Runtime], actor: UUID, seed: int) -> History:
    """A history of this seed; an error on its way names the seed."""
    try:
        return await _live(runtimes, actor, seed)
    except Exception as fault:
        fault.add_note(alone(seed))
        raise


async def _read(runtime: Runtime, history: History) -> None:
    """The facts as they came to stand. A void stands at the fact it voids."""
    for fact in await runtime.history.after(history.fund_id, 0):
        at = fact.occurred_at
        if isinstance(fact.event, EventVoided):
            at = history.facts[fact.event.version - 1].occurred_at
        history.facts.append(Dated(at, fact.version, fact.event))
        history.recorded_at.append(fact.recorded_at)


async def ask(pool: asyncpg.Pool, states: States, history: History, *, seed: int, points: int = 10) -> None:
    """Asks for the state at random points, by a version or by a moment of knowledge."""
    random = Random(seed)
    async with pool.acquire() as connection:
        for _ in range(points):
            version = random.randint(0, len(history.facts))
            if version and random.random() < 0.5:
                known_at = history.recorded_at[version - 1] + timedelta(microseconds=random.choice((-1, 0, 0, 1)))
                known = await resolve(connection, history.fund_id, known_at)
                version = sum(recorded <= known_at for recorded in history.recorded_at)
                assert known.version == version, f"history {history.seed}: known at {known_at} is {known.version}"
            question = Question(_asked_moment(random), version)
            folded = await states.state(history.fund_id, question.at, version, connection=connection)
            history.asked.append((question, folded.state, folded.snapshot_id))


def alone(seed: int) -> str:
    """How to run one history again."""
    return f"history {seed} (run it alone: DRYPOWDER_HISTORIES=1 DRYPOWDER_HISTORY_SEED={seed})"


async def told(pool: asyncpg.Pool, history: History, wrong: Wrong) -> str:
    """All that is needed to see why an answer was wrong."""
    rows = await pool.fetch("SELECT id, at, lo, hi, kind FROM snapshot WHERE fund_id = $1 ORDER BY at", history.fund_id)
    lines = [
        alone(history.seed),
        f"asked {wrong.question.at} by version {wrong.question.version}, from snapshot {wrong.snapshot_id}",
        f"answered {wrong.answer}",
        f"right is {wrong.right}",
        *(f"fact {fact.version} at {fact.occurred_at}: {fact.event}" for fact in history.facts),
        *(f"snapshot {row['id']} {row['kind']} at {row['at']} for [{row['lo']}, {row['hi']})" for row in rows),
    ]
    return "\n".join(lines)


async def many(runtimes: Sequence[Runtime], actor: UUID, seeds: Sequence[int]) -> AsyncIterator[History]:
    """Histories of these seeds, `TOGETHER` at a time."""
    waiting = list(reversed(seeds))
    running: set[asyncio.Task[History]] = set()
    try:
        while waiting or running:
            while waiting and len(running) < TOGETHER:
                running.add(asyncio.ensure_future(live(runtimes, actor, waiting.pop())))
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
