"""Replaying: a fund folded from all its facts, and what snapshots save."""

from collections.abc import Awaitable, Callable
from random import Random
from statistics import median
from time import perf_counter
from uuid import UUID

import asyncpg

from domain.projector import EMPTY, fold
from infra.postgres import the_row
from infra.states import BEGINNING, END, FOLDED_FACTS, UNFOLDED, States, dated
from tests.benchmarks.ground import Ground, KeptFund, at_rest
from tests.benchmarks.portfolio import CLOSED_AT, OPENED_AT
from tests.benchmarks.results import Figure, Unit, at_least, at_most, interleaved, ratio


async def replay(ground: Ground) -> list[Figure]:
    """The newest state from facts alone: how fast, how that grows, and what of it is the fetch."""
    _, few, many = ground.scale.facts
    small, large = await ground.kept(few), await ground.kept(many)
    async with ground.without_snapshots(small.id) as plain_small, ground.without_snapshots(large.id) as plain_large:
        fetched = await _fetch(plain_large, large)

        async def once_fetched() -> float:
            begun = perf_counter()
            fold(EMPTY, dated(large.id, fetched))
            return perf_counter() - begun

        at_rest()
        sides = {
            "large": lambda: _replay(ground.runtime.states, plain_large, large),
            "small": lambda: _replay(ground.runtime.states, plain_small, small),
            "fetch": lambda: _timed(lambda: _fetch(plain_large, large)),
            "decode and fold": once_fetched,
        }
        found = await interleaved(sides, ground.scale.rounds)
    seconds = {side: median(times) for side, times in found.items()}
    return [
        Figure(
            f"replay of {many:,} facts without snapshot, end to end",
            Unit.FACTS_PER_SECOND,
            many / seconds["large"],
            at_least(100_000),
            {"seconds": found["large"]},
        ),
        Figure(
            f"replay of {many:,} facts: of the time of {few:,}",
            Unit.RATIO,
            ratio(found, "large", "small"),
            at_most(1.2 * many / few),
            {"large": found["large"], "small": found["small"]},
        ),
        Figure(
            f"decoding and folding {many:,} facts once fetched: of the fetch",
            Unit.RATIO,
            ratio(found, "decode and fold", "fetch"),
            at_most(3),
            {"decode and fold": found["decode and fold"], "fetch": found["fetch"]},
            f"{seconds['decode and fold'] * 1000:,.0f} against {seconds['fetch'] * 1000:,.0f} ms",
        ),
    ]


async def _fetch(connection: asyncpg.Connection, fund: KeptFund) -> list[asyncpg.Record]:
    return await connection.fetch(FOLDED_FACTS, fund.id, BEGINNING, END, fund.version, UNFOLDED)


async def _replay(states: States, connection: asyncpg.Connection, fund: KeptFund) -> float:
    begun = perf_counter()
    folded = await states.state(fund.id, END, fund.version, connection=connection)
    seconds = perf_counter() - begun
    assert (folded.replayed, folded.snapshot_id) == (fund.version, None)
    return seconds


async def _timed(act: Callable[[], Awaitable[object]]) -> float:
    begun = perf_counter()
    await act()
    return perf_counter() - begun


async def snapshots(ground: Ground) -> list[Figure]:
    """What snapshots cost and save."""
    many = ground.scale.facts[-1]
    fund = await ground.kept(many)
    pool = ground.runtime.pool
    query = "SELECT count(*), coalesce(sum(pg_column_size(state)), 0) FROM snapshot WHERE fund_id = $1"
    count, size = await the_row(pool, query, fund.id)
    whole = await pool.fetchval("SELECT pg_total_relation_size('snapshot')")
    random, moments = Random(1), list[tuple[UUID, object, int]]()
    for _ in range(20):
        at = OPENED_AT + (CLOSED_AT - OPENED_AT) * random.random()
        moments.append((fund.id, at, random.randrange(1, fund.version + 1)))
    states = ground.runtime.states
    async with ground.connection() as plain, ground.without_snapshots(fund.id) as bare:

        def side(connection: asyncpg.Connection) -> Callable[[], Awaitable[float]]:
            async def ask() -> float:
                begun = perf_counter()
                for moment in moments:
                    # Snapshots decoded before are not kept, so that the first read is what is measured.
                    states._decoded.clear()
                    await states.state(*moment, connection=connection)  # type: ignore[arg-type]
                return (perf_counter() - begun) / len(moments) * 1000

            return ask

        at_rest()
        found = await interleaved({"with": side(plain), "without": side(bare)}, min(5, ground.scale.rounds))
    return [
        Figure(
            f"state of {many:,} facts at a random moment, without snapshots: of the time with them",
            Unit.RATIO,
            ratio(found, "without", "with"),
            None,
            found,
            f"{median(found['without']):,.1f} against {median(found['with']):,.1f} ms, read path alone",
        ),
        Figure(
            f"keeping snapshots up while {many:,} facts come in batches of 1,000",
            Unit.SECONDS,
            fund.keeping,
            note=f"{count} snapshots, {size / 2**20:,.1f} MiB stored; the table of all funds {whole / 2**20:,.1f} MiB",
        ),
    ]
