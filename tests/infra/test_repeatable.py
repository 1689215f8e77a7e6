"""Repeatable answers: what was known at a moment is told the same however often, and whenever, it is asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest

from domain.capital import FeeCharged
from domain.event import Dated
from domain.money import Money
from domain.projector import EMPTY
from domain.refusal import Invalid, NotFound, VersionConflict
from infra.appending import Batch, append
from infra.drafts import Draft
from infra.people import Person
from infra.runtime import Runtime
from infra.states import END, Known, resolve
from tests.conftest import OPENED_AT, OpenFund, Servers
from tests.histories import process

TICK = timedelta(microseconds=1)
FEE = Draft(FeeCharged(Money(1_00)), OPENED_AT)


async def clock(runtime: Runtime) -> datetime:
    """The ledger's clock."""
    now: datetime = await runtime.pool.fetchval("SELECT clock_timestamp()")
    return now


async def recorded(runtime: Runtime, fund_id: UUID) -> list[datetime]:
    """When each version was recorded."""
    rows = await runtime.pool.fetch("SELECT recorded_at FROM fact WHERE fund_id = $1 ORDER BY version", fund_id)
    return [row["recorded_at"] for row in rows]


@asynccontextmanager
async def append_in_flight(runtime: Runtime, fund_id: UUID, actor: UUID) -> AsyncIterator[datetime]:
    """An append that has its moment of recording, which it gives, and isn't committed before the end."""
    async with runtime.pool.acquire() as connection, connection.transaction():
        version = await connection.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
        batch = Batch([FEE], [Dated(OPENED_AT, version + 1, FEE.event)], {}, datetime.now(UTC))
        appended = await append(
            connection,
            fund_id,
            version,
            batch,
            actor=actor,
            key=None,
            request=None,
            correlation_id=None,
            metrics=runtime.metrics,
        )
        yield appended.facts[0].recorded_at


async def somebody_waits(runtime: Runtime, fund_id: UUID) -> bool:
    """Whether somebody waits for the fund's lock."""
    waits: bool = await runtime.pool.fetchval(
        """SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND (classid::bigint << 32 | objid::bigint) = ledger_lock($1))""",
        fund_id,
    )
    return waits


@pytest.mark.parametrize("after", [timedelta(0), TICK, None])
async def test_an_answer_waits_for_the_append_that_it_must_tell_of(
    after: timedelta | None, runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    async with append_in_flight(runtime, fund_id, owner.id) as recorded_at:
        known_at = None if after is None else recorded_at + after
        asking = asyncio.ensure_future(resolve(runtime.pool, fund_id, known_at))
        async with asyncio.timeout(30):
            while not await somebody_waits(runtime, fund_id):
                assert not asking.done()
    answer = await asking
    assert answer.version == 2
    assert (await resolve(runtime.pool, fund_id, answer.known_at)).version == 2


async def test_a_question_of_long_ago_waits_for_nobody(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    async with append_in_flight(runtime, fund_id, owner.id) as recorded_at, asyncio.timeout(30):
        assert (await resolve(runtime.pool, fund_id, recorded_at - timedelta(hours=1))).version == 0


async def test_answers_near_now_stay_the_same_while_facts_pour_in(
    runtime: Runtime, owner: Person, servers: Servers, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    answers: list[tuple[datetime, int]] = []
    writing = True

    async def write(writer: Runtime, random: Random) -> None:
        for _ in range(60):
            with suppress(VersionConflict):
                await writer.ledger.record(fund_id, [FEE] * random.choice((1, 1, 1, 5, 40)), actor=owner.id)

    async def ask(random: Random) -> None:
        while writing:
            back = timedelta(microseconds=random.choice((0, 100, 1_000, 5_000, 20_000)))
            known_at = None if random.random() < 0.3 else await clock(runtime) - back
            known = await resolve(runtime.pool, fund_id, known_at)
            answers.append((known.known_at, known.version))

    async with process(servers.database_url, servers.redis_url) as other:
        asking = [asyncio.ensure_future(ask(Random(seed))) for seed in range(4)]
        await asyncio.gather(write(runtime, Random(10)), write(other, Random(11)))
        writing = False
        await asyncio.gather(*asking)
    moments = await recorded(runtime, fund_id)
    assert len({version for _, version in answers}) > 10
    for known_at, version in answers:
        assert version == sum(moment <= known_at for moment in moments)
        assert (await resolve(runtime.pool, fund_id, known_at)).version == version


async def test_every_moment_is_resolved_at_between_and_beside_the_facts(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    for size in (1, 1, 2, 1, 5, 1, 1, 30, 1):
        await runtime.ledger.record(fund_id, [FEE] * size, actor=owner.id)
        moments = await recorded(runtime, fund_id)
        assert moments == sorted(set(moments))
        for version, moment in enumerate(moments, start=1):
            for known_at in (moment - TICK, moment, moment + TICK):
                right = sum(one <= known_at for one in moments)
                assert (await resolve(runtime.pool, fund_id, known_at)).version == right, (version, known_at)


async def test_nothing_was_known_before_the_fund_was_opened(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    (first,) = await recorded(runtime, fund_id)
    for known_at in (first - TICK, first - timedelta(days=1), datetime(1, 1, 1, tzinfo=UTC)):
        assert (await resolve(runtime.pool, fund_id, known_at)).version == 0
    folded = await runtime.states.state(fund_id, END, 0)
    assert (folded.state, folded.replayed, folded.snapshot_id) == (EMPTY, 0, None)


async def test_nothing_was_true_before_the_fund_was_opened(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    assert (await runtime.states.state(fund_id, OPENED_AT - TICK, 1)).state == EMPTY
    assert (await runtime.states.state(fund_id, OPENED_AT, 1)).state.version == 1


async def test_what_will_be_known_later_is_refused(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    with pytest.raises(Invalid) as raised:
        await resolve(runtime.pool, fund_id, await clock(runtime) + timedelta(minutes=5))
    assert raised.value.path == ("knownAt",)


async def test_the_ledgers_clock_goes_on_where_the_wall_clock_stepped_back(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    ahead = await clock(runtime) + timedelta(hours=1)
    await runtime.pool.execute("UPDATE fund SET recorded_at = $2 WHERE id = $1", fund_id, ahead)
    assert await resolve(runtime.pool, fund_id, None) == Known(1, ahead, ahead)
    with pytest.raises(Invalid):
        await resolve(runtime.pool, fund_id, ahead + TICK)
    await runtime.ledger.record(fund_id, [FEE], actor=owner.id)
    assert (await recorded(runtime, fund_id))[-1] == ahead + TICK
    assert (await resolve(runtime.pool, fund_id, ahead)).version == 1
    assert await resolve(runtime.pool, fund_id, None) == Known(2, ahead + TICK, ahead + TICK)


async def test_an_unknown_fund_is_not_found(runtime: Runtime) -> None:
    with pytest.raises(NotFound) as raised:
        await resolve(runtime.pool, uuid4(), None)
    assert raised.value.path == ("fundId",)


async def test_the_moment_an_answer_names_gives_the_same_state_again(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    told = []
    for _ in range(20):
        known = await resolve(runtime.pool, fund_id, None)
        told.append((known, await runtime.states.state(fund_id, known.at_now, known.version)))
        await runtime.ledger.record(fund_id, [FEE, Draft(FEE.event)], actor=owner.id)
    for place, (known, folded) in enumerate(told):
        again = await resolve(runtime.pool, fund_id, known.known_at)
        assert (again.version, again.known_at) == (known.version, known.known_at)
        assert (await runtime.states.state(fund_id, known.at_now, again.version)).state == folded.state
        assert folded.state.fees == 2_00 * place
