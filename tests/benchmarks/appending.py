"""Appending: the ledger's one write path beside the same rows in a table without ledger."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle, islice
from statistics import median
from time import perf_counter
from uuid import UUID

import asyncpg

from domain.capital import CapitalCalled, DistributionMade
from domain.event import Fact, company_of
from domain.investing import CompanyAdded, CompanyStatusChanged, InvestmentMade
from infra.drafts import Draft
from tests.benchmarks.ground import COLUMNS, CONNECTIONS, Ground, Row, at_rest, batches, row_of
from tests.benchmarks.portfolio import portfolio
from tests.benchmarks.results import Figure, Unit, at_least, interleaved, ratio

FEW_FACTS, FEW_COMPANIES = 500, 25
"""What a fund holds before facts are appended one by one."""
_LIMITED = (CompanyAdded, CompanyStatusChanged, InvestmentMade, CapitalCalled, DistributionMade)
"""Kinds of facts that no fund takes any number of."""
_PLACES = ", ".join(f"${place}" for place in range(1, len(COLUMNS) + 1))


def _rows(facts: Sequence[Fact]) -> list[Row]:
    return [row_of(fact, company_of(fact.event)) for fact in facts]


async def single(ground: Ground) -> list[Figure]:
    """Facts one by one: on one connection, and on many funds at once."""
    return [*await _one_by_one(ground), await _side_by_side(ground)]


async def _one_by_one(ground: Ground) -> list[Figure]:
    count, rounds = ground.scale.single, ground.scale.rounds
    fund_id = await ground.filled(FEW_FACTS, FEW_COMPANIES)
    drafts = iter(next_drafts(count * (rounds + 1)))
    recorded: list[Row] = []
    waiting: list[Row] = []

    async def ledger() -> float:
        chosen = list(islice(drafts, count))
        seconds, facts = await _recording(ground, fund_id, chosen)
        waiting.extend(_rows(facts))
        return count / seconds

    async with ground.connection() as connection:
        await ground.like_facts(connection, "bare_single")
        insert = await connection.prepare(f"INSERT INTO bare_single VALUES ({_PLACES})")  # noqa: S608 - our own words

        async def bare() -> float:
            rows = waiting[:count]
            del waiting[:count]
            recorded.extend(rows)
            begun = perf_counter()
            for row in rows:
                await insert.fetch(*row)
            return count / (perf_counter() - begun)

        # The bare side writes what the ledger wrote, so the ledger is one round ahead; the first is no measurement.
        await ledger()
        at_rest()
        found = await interleaved({"ledger": ledger, "bare": bare}, rounds)
    ledger_rate, bare_rate = median(found["ledger"]), median(found["bare"])
    return [
        Figure(
            "append of 1 fact, 1 connection: of a bare INSERT + COMMIT of the same row",
            Unit.RATIO,
            ratio(found, "ledger", "bare"),
            at_least(0.7),
            found,
            f"{ledger_rate:,.0f} against {bare_rate:,.0f} facts/s",
        ),
        Figure(
            "what the ledger adds to that INSERT",
            Unit.MILLISECONDS,
            median(1000 / a - 1000 / b for a, b in zip(found["ledger"], found["bare"], strict=True)),
            note="the ratio above is as good as the disk's sync is slow",
        ),
    ]


async def _recording(ground: Ground, fund_id: UUID, drafts: Sequence[Draft]) -> tuple[float, list[Fact]]:
    record, actor = ground.runtime.ledger.record, ground.person.id
    begun = perf_counter()
    answers = [await record(fund_id, [draft], actor=actor) for draft in drafts]
    seconds = perf_counter() - begun
    return seconds, [fact for answer in answers for fact in answer.facts]


def next_drafts(count: int) -> list[Draft]:
    """Facts that happen now, of companies that the fund still holds: what comes one by one."""
    held = portfolio(FEW_FACTS, FEW_COMPANIES, late=False)
    sold = {company_of(draft.event) for draft in held if isinstance(draft.event, CompanyStatusChanged)}
    plain = [
        Draft(draft.event)
        for draft in portfolio(20 * FEW_FACTS, FEW_COMPANIES, late=False)
        if not isinstance(draft.event, _LIMITED) and company_of(draft.event) not in sold
    ]
    return list(islice(cycle(plain), count))


async def _side_by_side(ground: Ground) -> Figure:
    count, rounds = ground.scale.per_connection, ground.scale.rounds
    funds = [await ground.filled(FEW_FACTS, FEW_COMPANIES) for _ in range(CONNECTIONS)]
    drafts = next_drafts(count)
    waiting: dict[UUID, list[Row]] = {fund_id: [] for fund_id in funds}

    async def ledger() -> float:
        async def write(fund_id: UUID) -> None:
            _, facts = await _recording(ground, fund_id, drafts)
            waiting[fund_id].extend(_rows(facts))

        return await _rate(funds, write, count)

    connections: dict[UUID, asyncpg.Connection] = {}
    statements: dict[UUID, asyncpg.prepared_stmt.PreparedStatement] = {}
    try:
        for fund_id in funds:
            connections[fund_id] = await asyncpg.connect(ground.database_url)
        await ground.like_facts(connections[funds[0]], "bare_many")
        for fund_id, connection in connections.items():
            statements[fund_id] = await connection.prepare(f"INSERT INTO bare_many VALUES ({_PLACES})")  # noqa: S608 - our own words

        async def bare() -> float:
            async def write(fund_id: UUID) -> None:
                rows, insert = waiting[fund_id][:count], statements[fund_id]
                del waiting[fund_id][:count]
                for row in rows:
                    await insert.fetch(*row)

            return await _rate(funds, write, count)

        await ledger()
        at_rest()
        found = await interleaved({"ledger": ledger, "bare": bare}, rounds)
    finally:
        for connection in connections.values():
            await connection.close()
    return Figure(
        f"append of 1 fact, {CONNECTIONS} connections, each a fund: of bare INSERTs + COMMITs of the same rows",
        Unit.RATIO,
        ratio(found, "ledger", "bare"),
        at_least(0.45),
        found,
        f"{median(found['ledger']):,.0f} against {median(found['bare']):,.0f} facts/s",
    )


async def _rate(funds: Sequence[UUID], write: Callable[[UUID], Awaitable[None]], count: int) -> float:
    begun = perf_counter()
    await asyncio.gather(*(write(fund_id) for fund_id in funds))
    return len(funds) * count / (perf_counter() - begun)


async def in_batches(ground: Ground) -> list[Figure]:
    """Facts in the largest batches, beside COPY of the same rows."""
    fund_id = await ground.open_fund()
    parts = list(batches(portfolio(ground.scale.batches * 1_000, ground.scale.companies, late=False)))
    given = iter(parts)
    waiting: list[list[Row]] = []

    async def ledger() -> float:
        drafts = next(given)
        begun = perf_counter()
        answer = await ground.runtime.ledger.record(fund_id, drafts, actor=ground.person.id)
        seconds = perf_counter() - begun
        waiting.append(_rows(answer.facts))
        return len(drafts) / seconds

    async with ground.connection() as connection:
        await ground.like_facts(connection, "bare_copied")

        async def copied() -> float:
            rows = waiting.pop(0)
            begun = perf_counter()
            await connection.copy_records_to_table("bare_copied", records=rows, columns=COLUMNS)
            return len(rows) / (perf_counter() - begun)

        at_rest()
        await ledger()
        found = await interleaved({"ledger": ledger, "copy": copied}, len(parts) - 1)
    note = f"{median(found['ledger']):,.0f} against {median(found['copy']):,.0f} facts/s"
    return [
        Figure(
            "append in batches of 1,000, objects in, hashes included",
            Unit.FACTS_PER_SECOND,
            median(found["ledger"]),
            at_least(25_000),
            found,
        ),
        Figure(
            "append in batches of 1,000: of COPY of the same rows",
            Unit.RATIO,
            ratio(found, "ledger", "copy"),
            at_least(0.5),
            found,
            note,
        ),
    ]
