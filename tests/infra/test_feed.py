"""The live feed: every fact after one's own version, once, in order, whatever becomes of the hints."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from random import Random
from typing import cast
from uuid import UUID, uuid4

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from domain.capital import FeeCharged
from domain.event import Fact
from domain.money import Money
from domain.refusal import CorruptionError, NotFound, VersionConflict
from infra import feed
from infra.drafts import Draft
from infra.embedded import EmbeddedRedis
from infra.feed import CHANNEL, PAGE, POLL_SECONDS, REMEMBERED, hints
from infra.people import Person
from infra.runtime import Runtime
from tests.conftest import OPENED_AT, OpenFund, Servers
from tests.depth import deep
from tests.histories import process

FEE = Draft(FeeCharged(Money(1)), OPENED_AT)
PATIENCE = 60.0
"""Seconds until a test gives up on a busy machine; nothing here takes more than a few."""
NOWHERE = "redis://127.0.0.1:1"
"""A Redis that isn't there: whoever has it sends and hears no hints."""


async def record(runtime: Runtime, owner: Person, fund_id: UUID, facts: int = 1) -> int:
    """As many facts; the last version. Another writer may come first again and again."""
    while True:
        with suppress(VersionConflict):
            return (await runtime.ledger.record(fund_id, [FEE] * facts, actor=owner.id)).last_version


async def record_unreadable(runtime: Runtime, owner: Person, fund_id: UUID, before: int) -> None:
    """A fact of a kind that this program doesn't know, as a newer one may have written it."""
    await runtime.pool.fetch(
        "SELECT * FROM ledger_append($1, $3, NULL, NULL, $2, NULL, '{NO_SUCH_EVENT}', '{1}', ARRAY[$4::timestamptz], "
        "ARRAY[$4::timestamptz], '{NULL}', '{x}', '{NULL}', '{\"{}\"}')",
        fund_id,
        owner.id,
        before,
        OPENED_AT,
    )
    runtime.feed.moved(fund_id, before + 1)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that other tasks bring about."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def follow(runtime: Runtime, fund_id: UUID, after: int) -> AsyncIterator[AsyncIterator[Fact]]:
    """The fund's feed, left at the end."""
    async with aclosing(cast("AsyncGenerator[Fact, None]", runtime.feed.follow(fund_id, after))) as facts:
        yield facts


@asynccontextmanager
async def listening(redis: Redis) -> AsyncIterator[AsyncIterator[dict[UUID, int]]]:
    """The hints that come by this Redis."""
    async with aclosing(hints(redis)) as moved:
        yield moved


class Subscriber:
    """Follows a fund in a task of its own and notes the versions it sees."""

    def __init__(self, runtime: Runtime, fund_id: UUID, after: int, until_version: int | None = None) -> None:
        self.after = after
        self.versions: list[int] = []
        self._until = until_version
        self._facts = follow(runtime, fund_id, after)
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        async with self._facts as facts:
            async for fact in facts:
                self.versions.append(fact.version)
                if fact.version == self._until:
                    break

    async def has(self, version: int) -> None:
        """Waits until it saw that version."""
        await until(lambda: self.versions[-1:] == [version] or self.task.done())

    async def leave(self) -> None:
        """Goes away as a client does whose connection breaks."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def check(self) -> None:
        """Whether it saw every version after its own, once, in order, up to where it stopped."""
        assert self.versions == list(range(self.after + 1, self.after + 1 + len(self.versions)))


async def kill(server: EmbeddedRedis) -> None:
    """Ends it without warning."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await until(lambda: server.exit_status is not None)


async def test_fifty_come_and_go_while_two_write_and_none_misses_or_repeats_a_fact(
    runtime: Runtime, owner: Person, servers: Servers, open_fund: OpenFund
) -> None:
    fund_id, other_id = await open_fund(), await open_fund()
    head, last = 1, deep(801, 2_001)
    followed: list[Subscriber] = []

    async def write(writer: Runtime, random: Random) -> None:
        nonlocal head
        while head < last:
            size = min(random.choice((1, 1, 2, 3, 7, 20, 60)), last - head)
            with suppress(VersionConflict):
                appended = await writer.ledger.record(fund_id, [FEE] * size, actor=owner.id, expected_version=head)
                head = appended.last_version
            await record(writer, owner, other_id)

    async def come_and_go(random: Random, readers: Sequence[Runtime]) -> None:
        while head < last:
            after = random.choice((0, head, random.randint(0, head), head + random.randint(0, 5)))
            subscriber = Subscriber(random.choice(readers), fund_id, after)
            followed.append(subscriber)
            enough = random.choice((0, 1, 5, 100, 400))
            await until(lambda one=subscriber, n=enough: len(one.versions) >= n or head >= last)  # type: ignore[misc]
            await subscriber.leave()
        stayed = Subscriber(random.choice(readers), fund_id, random.randint(0, last - 1), last)
        followed.append(stayed)
        async with asyncio.timeout(PATIENCE):
            await stayed.task
        assert stayed.versions[-1] == last

    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(process(servers.database_url, servers.redis_url))
        stay = [Subscriber(one, fund_id, 0, last) for one in (runtime, second)]
        seeds = iter(range(60))
        await asyncio.gather(
            *(come_and_go(Random(next(seeds)), (runtime, second)) for _ in range(48)),
            write(runtime, Random(next(seeds))),
            write(second, Random(next(seeds))),
        )
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(one.task for one in stay))
        for subscriber in (*stay, *followed):
            subscriber.check()
        assert all(len(one.versions) == last for one in stay)
        assert len(followed) > 60
        assert fund_id not in runtime.feed._streams
        assert fund_id not in second.feed._streams


async def test_a_fact_comes_as_it_was_recorded(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    stored = await runtime.history.after(fund_id, 0)
    async with follow(runtime, fund_id, 0) as facts, asyncio.timeout(PATIENCE):
        assert await anext(facts) == stored[0]
        appended = await runtime.ledger.record(fund_id, [FEE, FEE], actor=owner.id, correlation_id="c", key="k")
        assert [await anext(facts), await anext(facts)] == list(appended.facts)


async def test_whoever_starts_beyond_the_head_waits_for_the_version_after(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    ahead, now = Subscriber(runtime, fund_id, 5), Subscriber(runtime, fund_id, 1)
    for version in range(2, 8):
        await record(runtime, owner, fund_id)
        await now.has(version)
    await ahead.has(7)
    assert ahead.versions == [6, 7]
    for one in (ahead, now):
        await one.leave()
        one.check()


async def test_a_fund_that_does_not_exist_is_not_followed(runtime: Runtime) -> None:
    fund_id = uuid4()
    with pytest.raises(NotFound, match="No such fund"):
        await anext(aiter(runtime.feed.follow(fund_id, 0)))
    assert fund_id not in runtime.feed._streams


async def test_one_reader_serves_all_and_ends_with_the_last_of_them(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    several = [Subscriber(runtime, fund_id, 0) for _ in range(20)]
    for one in several:
        await one.has(1)
    stream = runtime.feed._streams[fund_id]
    reader = stream.reader
    assert stream.subscribers == 20
    assert reader is not None
    for one in several[1:]:
        await one.leave()
    assert runtime.feed._streams[fund_id] is stream
    await record(runtime, owner, fund_id)
    await several[0].has(2)
    assert not reader.done()
    await several[0].leave()
    assert fund_id not in runtime.feed._streams
    await until(reader.done)
    again = Subscriber(runtime, fund_id, 0)
    await again.has(2)
    assert runtime.feed._streams[fund_id] is not stream
    await again.leave()


async def test_a_slow_subscriber_holds_nobody_up_takes_no_memory_and_misses_nothing(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    quick = Subscriber(runtime, fund_id, 0)
    async with follow(runtime, fund_id, 0) as slow:
        assert (await anext(slow)).version == 1
        last = max([await record(runtime, owner, fund_id, 1_000) for _ in range(5)])
        await quick.has(last)
        stream = runtime.feed._streams[fund_id]
        assert len(stream.facts) == REMEMBERED < last
        assert stream.facts[-1].version == last
        for version in range(2, last + 1):
            assert (await anext(slow)).version == version
        assert len(stream.facts) == REMEMBERED
    await quick.leave()
    quick.check()


@pytest.mark.parametrize("head", [1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
async def test_stored_facts_come_page_by_page_and_then_the_live_ones(
    head: int, runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    if head > 1:
        await record(runtime, owner, fund_id, head - 1)
    one = Subscriber(runtime, fund_id, 0)
    await one.has(head)
    for _ in range(3):
        await one.has(await record(runtime, owner, fund_id, 2))
    await one.leave()
    assert one.versions == list(range(1, head + 7))


@asynccontextmanager
async def noise(redis_url: str, text: Callable[[], str]) -> AsyncIterator[None]:
    """Hints that have nothing to do with the fund, five a poll."""
    async with Redis.from_url(redis_url) as redis:

        async def hint() -> None:
            while True:
                await redis.publish(CHANNEL, text())
                await asyncio.sleep(POLL_SECONDS / 5)

        hinting = asyncio.ensure_future(hint())
        try:
            yield
        finally:
            hinting.cancel()
            await asyncio.gather(hinting, return_exceptions=True)


@pytest.mark.parametrize("busy", [False, True])
async def test_a_lost_hint_is_covered_by_the_poll_however_busy_other_funds_are(
    busy: bool, runtime: Runtime, owner: Person, servers: Servers, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(process(servers.database_url, NOWHERE))
        if busy:
            other = await open_fund()
            await stack.enter_async_context(noise(servers.redis_url, lambda: f"{other}:1"))
        one = Subscriber(runtime, fund_id, 1)
        await until(lambda: fund_id in runtime.feed._streams and runtime.feed._streams[fund_id].position == 1)
        clock = asyncio.get_running_loop().time
        for _ in range(2):
            started = clock()
            await one.has(await record(writer, owner, fund_id, 3))
            assert clock() - started < 10 * POLL_SECONDS
        await one.leave()
        one.check()


async def test_messages_that_are_none_of_ours_stop_nobody_from_hearing(
    runtime: Runtime, owner: Person, servers: Servers, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    one = Subscriber(runtime, fund_id, 0)
    async with Redis.from_url(servers.redis_url) as redis:
        for text in (
            b"",
            b"\xff\xfe",
            b"nonsense",
            b"a:b",
            f"{uuid4()}",
            f"{uuid4()}:",
            f"{uuid4()}:x:2",
            f"{fund_id}:99",
        ):
            assert await redis.publish(CHANNEL, text) >= 1
    async with process(servers.database_url, servers.redis_url) as writer:
        for version in (2, 3):
            await record(writer, owner, fund_id)
            await one.has(version)
    await one.leave()
    one.check()


async def test_a_fact_comes_long_before_the_poll_where_hints_are_heard(
    runtime: Runtime, owner: Person, servers: Servers, open_fund: OpenFund, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "POLL_SECONDS", 600.0)
    fund_id = await open_fund()
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(process(servers.database_url, servers.redis_url))
        reader = await stack.enter_async_context(process(servers.database_url, servers.redis_url))
        here, there = Subscriber(writer, fund_id, 1), Subscriber(reader, fund_id, 1)
        await until(lambda: fund_id in reader.feed._streams and reader.feed._streams[fund_id].position == 1)
        await heard(servers.redis_url, fund_id, there, writer, owner)
        for _ in range(3):
            version = await record(writer, owner, fund_id, 2)
            await here.has(version)
            await there.has(version)
        for one in (here, there):
            await one.leave()
            one.check()


async def heard(redis_url: str, fund_id: UUID, there: Subscriber, writer: Runtime, owner: Person) -> None:
    """Waits until the reader's process listens: a new one takes a moment to."""
    async with Redis.from_url(redis_url) as redis, asyncio.timeout(PATIENCE):
        version = await record(writer, owner, fund_id)
        while there.versions[-1:] != [version]:
            await redis.publish(CHANNEL, f"{fund_id}:{version}")
            await asyncio.sleep(0.01)


async def test_redis_killed_and_started_again_in_the_middle_leaves_the_feed_whole(
    owner: Person, servers: Servers, own_redis: EmbeddedRedis, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(process(servers.database_url, own_redis.url))
        writer = await stack.enter_async_context(process(servers.database_url, own_redis.url))
        one = Subscriber(reader, fund_id, 0)
        await one.has(await record(writer, owner, fund_id, 5))
        await kill(own_redis)
        await one.has(await record(writer, owner, fund_id, 5))
        own_redis.start()
        await asyncio.to_thread(own_redis.wait_ready)
        for _ in range(4):
            await one.has(await record(writer, owner, fund_id, 5))
        last = await record(writer, owner, fund_id, 5)
        await one.has(last)
        late = Subscriber(reader, fund_id, 0, last)
        async with asyncio.timeout(PATIENCE):
            await late.task
        await one.leave()
        for follower in (one, late):
            follower.check()
            assert follower.versions[-1] == last == 36


async def test_hints_are_heard_again_once_redis_is_back(own_redis: EmbeddedRedis) -> None:
    fund_id = uuid4()
    async with Redis.from_url(own_redis.url) as redis, listening(redis) as moved:

        async def hear(version: int) -> None:
            async with asyncio.timeout(PATIENCE):
                while await anext(moved) != {fund_id: version}:
                    with suppress(OSError, RedisError):
                        await redis.publish(CHANNEL, f"{fund_id}:{version}")

        await hear(1)
        await kill(own_redis)
        async with asyncio.timeout(PATIENCE):
            assert await anext(moved) == {}
        own_redis.start()
        await asyncio.to_thread(own_redis.wait_ready)
        await hear(2)


async def test_hints_of_many_funds_leave_together_and_the_last_version_of_each_counts(servers: Servers) -> None:
    funds = [uuid4() for _ in range(5)]
    async with Redis.from_url(servers.redis_url) as redis, redis.pubsub() as heard_by:
        await heard_by.subscribe(CHANNEL)
        async with asyncio.timeout(PATIENCE):
            while await heard_by.get_message(timeout=None) is None:
                pass
        sender = feed.Hints(redis)
        for version in (1, 2, 3):
            for fund_id in funds:
                sender.moved(fund_id, version)
        await sender.stop()
        async with asyncio.timeout(PATIENCE):
            while str(funds[0]) not in (text := await _next_text(heard_by)):
                pass
        assert text.split() == [f"{fund_id}:3" for fund_id in funds]


async def _next_text(heard_by: PubSub) -> str:
    message = await heard_by.get_message(ignore_subscribe_messages=True, timeout=None)
    return "" if message is None else message["data"].decode()


async def test_a_fact_that_cannot_be_read_ends_its_feed_after_those_before_it_and_no_other(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    bad, good = await open_fund(), await open_fund()
    there = Subscriber(runtime, good, 0)
    live = Subscriber(runtime, bad, 0)
    await live.has(1)
    before = await record(runtime, owner, bad, 3)
    await record_unreadable(runtime, owner, bad, before)
    await until(live.task.done)
    late = Subscriber(runtime, bad, 1)
    await until(late.task.done)
    beyond = Subscriber(runtime, bad, before)
    await until(beyond.task.done)
    for one, versions in ((live, [1, 2, 3, 4]), (late, [2, 3, 4]), (beyond, [])):
        fault = one.task.exception()
        assert isinstance(fault, CorruptionError)
        assert f"fund {bad} stops at version 5: NO_SUCH_EVENT" in str(fault)
        assert one.versions == versions
    assert bad not in runtime.feed._streams
    await there.has(await record(runtime, owner, good, 2))
    await there.leave()
    there.check()


async def test_a_feed_waits_while_the_database_is_away(
    owner: Person, servers: Servers, open_fund: OpenFund, runtime: Runtime, database: asyncpg.Pool
) -> None:
    fund_id = await open_fund()
    async with process(servers.database_url, servers.redis_url) as reader:
        one = Subscriber(reader, fund_id, 0)
        await one.has(1)
        # What a restart of the server does to this process.
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND pid = ANY ($1)",
            await _backends(reader),
        )
        await one.has(await record(runtime, owner, fund_id, 3))
        await one.leave()
        one.check()


async def _backends(runtime: Runtime) -> list[int]:
    """Server processes that serve this runtime."""
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(runtime.pool.acquire()) for _ in range(runtime.pool.get_size())]
        return [connection.get_server_pid() for connection in connections]
