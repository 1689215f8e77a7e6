"""The live feed: from the table, hinted by Redis, covered by a poll.

Truth is the ledger. A hint only says which fund to look at first; losing one costs a second. One reader per process
and fund reads each new fact once and keeps the newest in memory. A subscriber holds nothing but its version: it takes
what comes next from that memory, or from the ledger where it is further behind. So a slow one costs no memory, and
none can see a gap or a repeat.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from uuid import UUID

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.event import Fact
from domain.refusal import CorruptionError, NotFound
from infra import tenancy
from infra.history import History
from infra.metrics import Metrics
from infra.names import Names
from infra.postgres import UnavailableError, translated

log = logging.getLogger(__name__)

CHANNEL = "drypowder:moved"
GATHER_SECONDS = 0.004
"""Hints of that long leave together."""
POLL_SECONDS = 1.0
REMEMBERED = 4_096
"""Newest facts kept per fund that has subscribers."""
PAGE = 500


class Hints:
    """Tells other processes which funds moved. Never awaited by a writer, never an error to one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._moved: dict[UUID, int] = {}
        self._sending: asyncio.Task[None] | None = None

    def moved(self, fund_id: UUID, version: int) -> None:
        """The fund is at `version` now."""
        self._moved[fund_id] = version
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def stop(self) -> None:
        """Sends what waits; a Redis that doesn't answer keeps nobody."""
        if self._sending is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sending, POLL_SECONDS)

    async def _send(self) -> None:
        while self._moved:
            await asyncio.sleep(GATHER_SECONDS)
            moved, self._moved = self._moved, {}
            # Lost hints are covered by the readers' poll.
            with suppress(RedisError, OSError):
                await self._redis.publish(CHANNEL, " ".join(f"{fund}:{version}" for fund, version in moved.items()))


async def hints(redis: Redis) -> AsyncGenerator[dict[UUID, int], None]:
    """Funds that moved, with their versions, as hints come; an empty one after `POLL_SECONDS` without any.

    Goes on over lost connections, and over messages that are none of ours.
    """
    while True:
        try:
            async with redis.pubsub() as heard:
                await heard.subscribe(CHANNEL)
                while True:
                    message = await heard.get_message(ignore_subscribe_messages=True, timeout=POLL_SECONDS)
                    yield {} if message is None else _parsed(message["data"])
        except (RedisError, OSError):
            yield {}
            await asyncio.sleep(POLL_SECONDS)


def _parsed(text: bytes) -> dict[UUID, int]:
    moved = {}
    with suppress(ValueError):
        for part in text.decode().split():
            fund, _, version = part.partition(":")
            moved[UUID(fund)] = int(version)
    return moved


class _Stream:
    """One fund's newest facts, for all subscribers of this process."""

    def __init__(self) -> None:
        self.subscribers = 0
        self.position: int | None = None
        self.facts: deque[Fact] = deque(maxlen=REMEMBERED)
        self.fault: Exception | None = None
        self.changed = asyncio.Event()
        self.look = asyncio.Event()
        self.reader: asyncio.Task[None] | None = None

    def after(self, version: int) -> list[Fact] | None:
        """Remembered facts after `version`; None where the first of them is forgotten."""
        if not self.facts or self.facts[0].version > version + 1:
            return None
        skipped = version + 1 - self.facts[0].version
        return [self.facts[place] for place in range(skipped, min(len(self.facts), skipped + PAGE))]

    def tell(self) -> None:
        """Wake everyone who waits."""
        self.changed.set()
        self.changed = asyncio.Event()


class Feed:
    """Facts of any fund as they come, for any number of subscribers of this process."""

    def __init__(self, pool: asyncpg.Pool, history: History, names: Names, redis: Redis, metrics: Metrics) -> None:
        self._pool = pool
        self._history = history
        self._names = names
        self._redis = redis
        self._metrics = metrics
        self._streams: dict[UUID, _Stream] = {}
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen for hints."""
        with tenancy.everyone():
            self._watch = asyncio.get_running_loop().create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening and reading."""
        tasks = [task for task in (self._watch, *(s.reader for s in self._streams.values())) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def moved(self, fund_id: UUID, version: int) -> None:
        """A hint from this process itself."""
        stream = self._streams.get(fund_id)
        if stream is not None and (stream.position is None or version > stream.position):
            stream.look.set()

    async def follow(self, fund_id: UUID, after: int) -> AsyncIterator[Fact]:
        """Facts after version `after`, those stored first, then each new one: in order, no gap, no repeat.

        Raises:
            NotFound: If there is no such fund, or it isn't for whoever asks to see.
            CorruptionError: At the first fact that can't be read.
            UnavailableError: If the database goes away while older facts are read.
        """
        with translated():
            if not await self._pool.fetchval("SELECT EXISTS (SELECT FROM fund WHERE id = $1)", fund_id):
                message = "No such fund."
                raise NotFound(message, "fundId")
        stream = self._enter(fund_id)
        version = after
        live_from: int | None = None
        try:
            while True:
                if live_from is None:
                    live_from = stream.position
                if stream.position is None or version >= stream.position:
                    if stream.fault is not None:
                        raise stream.fault
                    await stream.changed.wait()
                    continue
                facts = stream.after(version)
                if facts is None:
                    facts = await self._page(fund_id, version)
                for fact in facts:
                    version = fact.version
                    yield fact
                    # Asked for the next one, whoever follows has sent this one.
                    if live_from is not None and version > live_from:
                        self._metrics.fed(fact.recorded_at)
        finally:
            self._leave(fund_id, stream)

    def _enter(self, fund_id: UUID) -> _Stream:
        stream = self._streams.get(fund_id)
        if stream is None:
            stream = self._streams[fund_id] = _Stream()
            # It reads for whoever comes later, too; each is let in by itself.
            with tenancy.everyone():
                stream.reader = asyncio.get_running_loop().create_task(self._read(fund_id, stream))
        stream.subscribers += 1
        return stream

    def _leave(self, fund_id: UUID, stream: _Stream) -> None:
        # Synchronous: clean-up that awaits would be cut off when a client goes.
        stream.subscribers -= 1
        if stream.subscribers == 0:
            self._streams.pop(fund_id, None)
            if stream.reader is not None:
                stream.reader.cancel()

    async def _read(self, fund_id: UUID, stream: _Stream) -> None:
        """Reads each new fact of the fund once."""
        while True:
            stream.look.clear()
            try:
                await self._advance(fund_id, stream)
            except UnavailableError:
                # The poll tries again.
                log.warning("feed of fund %s waits for the database", fund_id)
            except CorruptionError as fault:
                log.exception("feed of fund %s stops", fund_id)
                stream.fault = fault
                stream.tell()
                return
            await stream.look.wait()

    async def _advance(self, fund_id: UUID, stream: _Stream) -> None:
        if stream.position is None:
            with translated():
                stream.position = await self._pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id) or 0
            stream.tell()
        while facts := await self._page(fund_id, stream.position):
            await self._names.warm(fund_id, facts)
            stream.facts.extend(facts)
            stream.position = facts[-1].version
            stream.tell()

    async def _page(self, fund_id: UUID, version: int) -> list[Fact]:
        """The next facts; one that can't be read is an error only once it is the next."""
        try:
            return await self._history.after(fund_id, version, PAGE)
        except CorruptionError:
            return await self._history.after(fund_id, version, 1)

    async def _listen(self) -> None:
        clock = asyncio.get_running_loop().time
        polled = clock()
        # Closed at once when this ends: its connection would outlive the pool's.
        async with aclosing(hints(self._redis)) as heard:
            async for moved in heard:
                for fund_id, version in moved.items():
                    self.moved(fund_id, version)
                # Hints of some funds must not keep us from looking for the lost hints of others.
                if not moved or clock() - polled >= POLL_SECONDS:
                    await self._poll()
                    polled = clock()

    async def _poll(self) -> None:
        """Looks at the heads of the funds followed: for hints that were lost."""
        if not self._streams:
            return
        with suppress(UnavailableError), translated():
            rows = await self._pool.fetch("SELECT id, version FROM fund WHERE id = ANY ($1)", list(self._streams))
            for fund_id, version in rows:
                self.moved(fund_id, version)
