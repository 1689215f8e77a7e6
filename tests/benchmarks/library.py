"""The Python library `eventsourcing` on the same server, with the same facts and the same fold.

Twice: as its documentation begins (aggregates in declarative syntax, its own JSON), and with what its documentation has
for speed (functions in the database, one connection kept, events as msgspec structs, a projector of one's own). The
goals are held against the latter.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from statistics import median
from time import perf_counter
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, DomainEventProtocol, event
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from eventsourcing.utils import get_topic, register_topic

from domain.event import Event
from domain.events import KINDS
from domain.fund import Fund, FundBuilder
from domain.projector import EMPTY, MAX_BATCH
from infra.drafts import Draft
from infra.states import END
from tests.benchmarks.appending import FEW_COMPANIES, FEW_FACTS, next_drafts
from tests.benchmarks.ground import CONNECTIONS, Ground, at_rest, batches
from tests.benchmarks.portfolio import portfolio
from tests.benchmarks.results import Figure, Goal, Side, Unit, at_least, interleaved, ratio

ROUNDS = 5


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One of our events as the library's, in the shape its documentation gives to msgspec structs."""

    originator_id: UUID
    originator_version: int
    timestamp: datetime


def _happened(name: str, cls: type) -> type[Happened]:
    made: Any = msgspec.defstruct(f"Happened_{name}", [("fact", cls)], bases=(Happened,), frozen=True, kw_only=True)
    register_topic(name, made)
    happened: type[Happened] = made
    return happened


_HAPPENED = {kind.cls: _happened(kind.name, kind.cls) for kind in KINDS.values()}
_TOPICS = {made: name for name, made in zip(KINDS, _HAPPENED.values(), strict=True)}
_DECODERS = {name: msgspec.json.Decoder(made) for name, made in zip(KINDS, _HAPPENED.values(), strict=True)}
_ENCODER = msgspec.json.Encoder()


class StructMapper(Mapper[UUID]):
    """Structs to stored events and back, with coders made once."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=_TOPICS[type(domain_event)],  # type: ignore[index]
            state=_ENCODER.encode(domain_event),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        found: DomainEventProtocol[UUID] = _DECODERS[stored_event.topic].decode(stored_event.state)
        return found


class NoTranscoder(Transcoder):
    """The mapper has no use for one."""

    def encode(self, obj: Any) -> bytes:  # noqa: ANN401 - the library's own signature
        raise NotImplementedError

    def decode(self, data: bytes) -> Any:  # noqa: ANN401 - the library's own signature
        raise NotImplementedError


class StructApplication(Application[UUID]):
    """As its documentation has it for speed."""

    env: ClassVar[dict[str, str]] = {
        "MAPPER_TOPIC": get_topic(StructMapper),
        "TRANSCODER_TOPIC": get_topic(NoTranscoder),
        "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
    }


class PlainApplication(Application[UUID]):
    """As its documentation begins."""


class Portfolio(Aggregate):
    """A fund in the library's declarative syntax: totals and, by company, its own part of them."""

    @event("Opened")
    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.companies: dict[str, dict[str, int]] = {}

    @event("Recorded")
    def record(self, kind: str, company_id: str, amount: int, body: dict[str, Any]) -> None:
        self.totals[kind] = self.totals.get(kind, 0) + amount
        company = self.companies.setdefault(company_id, {})
        company[kind] = company.get(kind, 0) + amount


class _Side(Protocol):
    """One way of using the library."""

    name: str

    def begin(self) -> None:
        """Starts another aggregate."""

    def append(self, drafts: Sequence[Draft], size: int) -> float:
        """Facts a second, in batches of that size."""

    def replay(self) -> float:
        """Seconds to bring the aggregate back from all its events."""


class _Structs:
    name = "library with structs"

    def __init__(self, application: StructApplication) -> None:
        self.application = application
        self.begin()

    def begin(self) -> None:
        self._id, self._version = uuid4(), 0

    def append(self, drafts: Sequence[Draft], size: int) -> float:
        given = iter(drafts)
        begun = perf_counter()
        while some := list(islice(given, size)):
            events = []
            for draft in some:
                self._version += 1
                events.append(self._struct(draft.event, draft.occurred_at or datetime.now(UTC)))
            self.application.save(*events)
        return len(drafts) / (perf_counter() - begun)

    def _struct(self, fact: Event, at: datetime) -> Any:  # noqa: ANN401 - a class made above
        cls: Any = _HAPPENED[type(fact)]
        return cls(originator_id=self._id, originator_version=self._version, timestamp=at, fact=fact)

    def replay(self) -> float:
        begun = perf_counter()
        found: Any = self.application.repository.get(self._id, projector_func=_folded)  # type: ignore[arg-type]
        seconds = perf_counter() - begun
        assert found.version == self._version
        return seconds


def _folded(_: object, happened: Iterable[Any]) -> Fund:
    """Our own fold, on the library's events."""
    builder = FundBuilder(EMPTY)
    for one in happened:
        one.fact.evolve(builder, one.timestamp)
        builder.version = one.originator_version
    return builder.freeze()


class _Declared:
    name = "library as it begins"

    def __init__(self, application: PlainApplication) -> None:
        self.application = application
        self.begin()

    def begin(self) -> None:
        self._aggregate = Portfolio()
        self.application.save(self._aggregate)

    def append(self, drafts: Sequence[Draft], size: int) -> float:
        bodies = [(_amount_of(d.event), _plain(d.event)) for d in drafts]
        given = iter(zip(drafts, bodies, strict=True))
        begun = perf_counter()
        while some := list(islice(given, size)):
            for draft, (amount, body) in some:
                company_id = str(body.get("company_id", ""))
                self._aggregate.record(type(draft.event).__name__, company_id, amount, body)
            self.application.save(self._aggregate)
        return len(drafts) / (perf_counter() - begun)

    def replay(self) -> float:
        begun = perf_counter()
        found: Portfolio = self.application.repository.get(self._aggregate.id)
        seconds = perf_counter() - begun
        assert found.version == self._aggregate.version
        return seconds


def _amount_of(fact: Event) -> int:
    return int(getattr(fact, "amount", 0))


def _plain(fact: Event) -> dict[str, Any]:
    """The fact's fields in JSON's own types, so that the library need not convert any."""
    plain: dict[str, Any] = msgspec.to_builtins(fact)
    return plain


async def compare(ground: Ground) -> list[Figure]:
    """Single appends, batches and replay beside the library's."""
    with (
        StructApplication(await _environment(ground, "library_structs", 1)) as fast,
        PlainApplication(await _environment(ground, "library_declared", 1)) as plain,
        StructApplication(await _environment(ground, "library_crowd", CONNECTIONS)) as wide,
    ):
        sides: tuple[_Side, _Side] = _Structs(fast), _Declared(plain)
        return [
            *await _appends(ground, sides, "1 fact", ground.scale.library_single, 1),
            await _crowd(ground, wide),
            *await _appends(ground, sides, "1,000 facts", ground.scale.library_batches * MAX_BATCH, MAX_BATCH),
            *await _replays(ground, sides),
        ]


async def _environment(ground: Ground, database: str, connections: int) -> dict[str, str]:
    """The library's settings for a new database on our server."""
    async with ground.connection() as connection:
        await connection.execute(f"CREATE DATABASE {database}")
    parts = urlsplit(ground.database_url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": database,
        "POSTGRES_HOST": parse_qs(parts.query)["host"][0],
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": "none is asked for",
        # As in the speed runs of its documentation.
        "POSTGRES_POOL_SIZE": str(connections),
        "POSTGRES_MAX_OVERFLOW": "0",
        "POSTGRES_MAX_WAITING": "0",
    }


async def _appends(ground: Ground, sides: tuple[_Side, _Side], what: str, count: int, size: int) -> list[Figure]:
    fund_id = await ground.filled(FEW_FACTS, FEW_COMPANIES)
    drafts = next_drafts(count)

    async def ledger() -> float:
        begun = perf_counter()
        for some in batches(drafts, size):
            await ground.runtime.ledger.record(fund_id, some, actor=ground.person.id)
        return count / (perf_counter() - begun)

    # The first goes to warm caches and connections.
    await ledger()
    for side in sides:
        side.append(drafts, size)
    at_rest()
    found = await interleaved({"ledger": ledger, **_rates(sides, lambda side: side.append(drafts, size))}, ROUNDS)
    return _figures(f"append of {what} at a time", sides, found)


async def _crowd(ground: Ground, application: StructApplication) -> Figure:
    """Facts one by one from many writers at once: coroutines with a fund each, threads with an aggregate each."""
    count = ground.scale.per_connection
    drafts = next_drafts(count)
    funds = [await ground.filled(FEW_FACTS, FEW_COMPANIES) for _ in range(CONNECTIONS)]
    writers = [_Structs(application) for _ in range(CONNECTIONS)]
    facts = CONNECTIONS * count

    async def ledger() -> float:
        async def write(fund_id: UUID) -> None:
            for draft in drafts:
                await ground.runtime.ledger.record(fund_id, [draft], actor=ground.person.id)

        begun = perf_counter()
        await asyncio.gather(*(write(fund_id) for fund_id in funds))
        return facts / (perf_counter() - begun)

    with ThreadPoolExecutor(CONNECTIONS) as threads:

        async def library() -> float:
            begun = perf_counter()
            for _ in threads.map(lambda writer: writer.append(drafts, 1), writers):
                pass
            return facts / (perf_counter() - begun)

        await ledger()
        await library()
        at_rest()
        found = await interleaved({"ledger": ledger, _Structs.name: library}, ROUNDS)
    return _figure(f"append of 1 fact at a time by {CONNECTIONS} writers", _Structs.name, found, at_least(3))


async def _replays(ground: Ground, sides: tuple[_Side, _Side]) -> list[Figure]:
    facts = ground.scale.library_replay
    fund = await ground.kept(facts)
    drafts = portfolio(facts, ground.scale.companies, late=False)
    for side in sides:
        side.begin()
        side.append(drafts, MAX_BATCH)
    async with ground.without_snapshots(fund.id) as connection:

        async def ledger() -> float:
            begun = perf_counter()
            await ground.runtime.states.state(fund.id, END, fund.version, connection=connection)
            return fund.version / (perf_counter() - begun)

        at_rest()
        found = await interleaved({"ledger": ledger, **_rates(sides, lambda side: facts / side.replay())}, ROUNDS)
    return _figures(f"replay of {facts:,} facts", sides, found)


def _rates(sides: Sequence[_Side], measure: Callable[[_Side], float]) -> dict[str, Side]:
    def of(side: _Side) -> Side:
        async def rate() -> float:
            return measure(side)

        return rate

    return {side.name: of(side) for side in sides}


def _figures(what: str, sides: tuple[_Side, _Side], found: dict[str, list[float]]) -> list[Figure]:
    return [_figure(what, side.name, found, at_least(3) if isinstance(side, _Structs) else None) for side in sides]


def _figure(what: str, side: str, found: dict[str, list[float]], goal: Goal | None) -> Figure:
    return Figure(
        f"{what}: of the {side}",
        Unit.RATIO,
        ratio(found, "ledger", side),
        goal,
        {"ledger": found["ledger"], side: found[side]},
        f"{median(found['ledger']):,.0f} against {median(found[side]):,.0f} facts/s",
    )
