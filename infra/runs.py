"""Runs: reserve runs from their facts, and those that aren't over."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from time import monotonic
from uuid import UUID, uuid4

import asyncpg

from domain.refusal import IdempotencyMismatch, InvalidState, NotFound
from domain.reserves.options import RunOptions
from domain.reserves.runs import (
    MODEL_VERSION,
    RUN_EVENTS,
    Ended,
    ReserveRunCancelled,
    ReserveRunRequested,
    Run,
    RunEvent,
    RunStatus,
    runs_of,
)
from infra.drafts import Draft
from infra.history import COLUMNS, fact_of
from infra.ledger import Ledger, OvertakenError
from infra.postgres import UnavailableError, translated
from infra.progress import KEPT_SECONDS, LOOK_SECONDS, Glance, Progress, Words
from infra.states import resolve
from infra.tracing import first_span

CONSUMER = "runs"
"""The cursor that says up to where runs have been noticed."""
ATTEMPTS = 10
MOST_LOOK_SECONDS = 5.0
"""Between two looks at a run that waits."""
TYPES = (
    "RESERVE_RUN_REQUESTED",
    "RESERVES_RECOMMENDED",
    "RESERVE_RUN_FAILED",
    "RESERVE_RUN_CANCELLED",
)
_TYPES = "('RESERVE_RUN_REQUESTED', 'RESERVES_RECOMMENDED', 'RESERVE_RUN_FAILED', 'RESERVE_RUN_CANCELLED')"
INDEXED = _TYPES.replace(")", ", 'RESERVE_SCENARIO_SAVED')")
LOOKED_AT = 100
"""Finished runs whose questions are looked at together."""


class Runs:
    """The read and write path to reserve runs.

    Args:
        locks: Connections for those who compute a run.
    """

    def __init__(self, pool: asyncpg.Pool, locks: asyncpg.Pool, ledger: Ledger, words: Words) -> None:
        self._pool = pool
        self._locks = locks
        self._ledger = ledger
        self._words = words

    async def request(
        self,
        fund_id: UUID,
        options: RunOptions,
        at: datetime | None,
        known_at: datetime | None,
        *,
        actor: UUID,
        key: str | None = None,
    ) -> Run:
        """A run of these options; the one that is going on already where it is the same.

        Args:
            key: The same key with the same input gives the first run, however it stands.

        Raises:
            Refusal: If the options or the moment can't be.
            OvertakenError: If others kept asking in between.
        """
        options.check()
        with translated():
            known = await resolve(self._pool, fund_id, known_at)
            changed = await self._changed(fund_id, known.version)
        run_id = uuid4().hex if key is None else sha256(f"{fund_id}\0{actor}\0{key}".encode()).hexdigest()[:32]
        for _ in range(ATTEMPTS):
            # Before looking, so that whoever asks in between is noticed.
            with translated():
                read_at = await self._pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
            earlier = None if key is None else await self.run(fund_id, run_id)
            going_on = [] if earlier else await self._going_on(fund_id)
            request = ReserveRunRequested(
                run_id=run_id,
                at=known.at_now if at is None else at,
                known_at=known.known_at,
                fund_version=changed,
                model_version=MODEL_VERSION,
                options=options,
                at_present=at is None,
                known_at_present=known_at is None,
            )
            if earlier is not None:
                if not earlier.request.asks_like(request):
                    raise IdempotencyMismatch
                return earlier
            for run in going_on:
                if run.request.fund_version == request.fund_version and run.request.asks_like(request):
                    return run
            try:
                await self._ledger.record_apart(
                    fund_id, [Draft(request)], actor=actor, read_at=read_at, among=TYPES, correlation_id=request.run_id
                )
            except OvertakenError:
                continue
            # Its facts are held together by its own id, which begins a trace of its own.
            with first_span("reserve run", request.run_id):
                found = await self.run(fund_id, request.run_id)
            assert found is not None, "it was just recorded"
            return found
        raise OvertakenError

    async def _changed(self, fund_id: UUID, version: int) -> int:
        """Version of the last fact up to one that a run depends on: alerts and other runs change nothing."""
        found = await self._pool.fetchval(
            f"""SELECT version FROM fact WHERE fund_id = $1 AND version <= $2
            AND NOT starts_with(type, 'ALERT_') AND type NOT IN {INDEXED} ORDER BY version DESC LIMIT 1""",  # noqa: S608 - only our own words
            fund_id,
            version,
        )
        return int(found or 0)

    async def stale_since(self, fund_id: UUID, run: Run) -> datetime | None:
        """When the first fact was recorded that makes the run out of date; None while it isn't."""
        if not run.request.known_at_present:
            # What is learned later changes nothing of what was known then.
            return None
        with translated():
            found: datetime | None = await self._pool.fetchval(
                f"""SELECT recorded_at FROM fact WHERE fund_id = $1 AND version > $2 AND touches_at <= $3
                AND NOT starts_with(type, 'ALERT_') AND type NOT IN {INDEXED} ORDER BY version LIMIT 1""",  # noqa: S608
                fund_id,
                run.request.fund_version,
                datetime.max.replace(tzinfo=run.request.at.tzinfo) if run.request.at_present else run.request.at,
            )
        return found

    async def end(self, fund_id: UUID, run_id: str, event: Ended, *, actor: UUID) -> Run:
        """The run, ended by this unless it was over already.

        Raises:
            NotFound: If there is no such run.
            OvertakenError: If others kept recording facts about runs in between.
        """
        for _ in range(ATTEMPTS):
            with translated():
                read_at = await self._pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
            run = await self.run(fund_id, run_id)
            if run is None:
                message = "No such run."
                raise NotFound(message, "id")
            if run.ended:
                return run
            try:
                await self._ledger.record_apart(
                    fund_id, [Draft(event)], actor=actor, read_at=read_at, among=TYPES, correlation_id=run_id
                )
            except OvertakenError:
                continue
            await self._words.tell(run_id, Progress(1.0, "done", "Over.", 0.0, over=True))
            with translated():
                await self._pool.execute("DELETE FROM open_run WHERE fund_id = $1 AND run_id = $2", fund_id, run_id)
            found = await self.run(fund_id, run_id)
            assert found is not None, "it was there"
            return found
        raise OvertakenError

    async def cancel(self, fund_id: UUID, run_id: str, *, actor: UUID) -> Run:
        """The run, cancelled.

        Raises:
            NotFound: If there is no such run.
            InvalidState: If it is over.
        """
        run = await self.run(fund_id, run_id)
        if run is not None and run.ended:
            message = "This run is over."
            raise InvalidState(message, "id")
        found = await self.end(fund_id, run_id, ReserveRunCancelled(run_id), actor=actor)
        if found.status is not RunStatus.CANCELLED:
            message = "This run is over."
            raise InvalidState(message, "id")
        return found

    async def run(self, fund_id: UUID, run_id: str) -> Run | None:
        """One run, with what it came to."""
        found = await self._runs(fund_id, [run_id])
        return found.get(run_id)

    async def page(self, fund_id: UUID, *, below: int | None, limit: int) -> list[Run]:
        """Up to `limit` runs, newest asked first, those asked before version `below`."""
        with translated():
            rows = await self._pool.fetch(
                f"""SELECT correlation_id FROM fact WHERE fund_id = $1 AND type IN {INDEXED}
                AND type = 'RESERVE_RUN_REQUESTED' AND version < $2 ORDER BY version DESC LIMIT $3""",  # noqa: S608
                fund_id,
                2**62 if below is None else below,
                limit,
            )
        found = await self._runs(fund_id, [row["correlation_id"] for row in rows])
        return sorted(found.values(), key=lambda run: -run.requested_version)

    async def newest(self, fund_id: UUID, wanted: ReserveRunRequested, *, version: int) -> Run | None:
        """The newest finished run that asks the same, known at a version."""
        return await self._newest(fund_id, wanted.asks_like, version, None)

    async def latest(
        self, fund_id: UUID, *, version: int, at: datetime | None = None, of_present: bool = False
    ) -> Run | None:
        """The newest finished run known at a version and a moment; with `of_present`, of those asked of the present."""
        return await self._newest(fund_id, lambda asked: asked.present or not of_present, version, at)

    async def _newest(
        self, fund_id: UUID, fits: Callable[[ReserveRunRequested], bool], version: int, at: datetime | None
    ) -> Run | None:
        below = version + 1
        while True:
            with translated():
                ended = await self._pool.fetch(
                    f"""SELECT correlation_id, version FROM fact WHERE fund_id = $1 AND type IN {INDEXED}
                    AND type = 'RESERVES_RECOMMENDED' AND version < $2
                    AND ($3::timestamptz IS NULL OR touches_at <= $3) ORDER BY version DESC LIMIT $4""",  # noqa: S608
                    fund_id,
                    below,
                    at,
                    LOOKED_AT,
                )
                # What was asked alone: what a run came to is many times as large.
                asked = await self._pool.fetch(
                    f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND type IN {INDEXED} "  # noqa: S608
                    "AND type = 'RESERVE_RUN_REQUESTED' AND correlation_id = ANY ($2)",
                    fund_id,
                    [row["correlation_id"] for row in ended],
                )
            requests = {row["correlation_id"]: fact_of(fund_id, row).event for row in asked}
            for row in ended:
                request = requests[row["correlation_id"]]
                if isinstance(request, ReserveRunRequested) and fits(request):
                    return await self.run(fund_id, request.run_id)
            if len(ended) < LOOKED_AT:
                return None
            below = ended[-1]["version"]

    async def _runs(self, fund_id: UUID, run_ids: Sequence[str]) -> dict[str, Run]:
        with translated():
            rows = await self._pool.fetch(
                f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND type IN {INDEXED} "  # noqa: S608
                "AND correlation_id = ANY ($2) ORDER BY version",
                fund_id,
                list(run_ids),
            )
        return runs_of(_told(fund_id, rows))

    async def _going_on(self, fund_id: UUID) -> list[Run]:
        """Runs of the fund that aren't over."""
        await self.notice(fund_id)
        with translated():
            rows = await self._pool.fetch("SELECT run_id FROM open_run WHERE fund_id = $1", fund_id)
        found = await self._runs(fund_id, [row["run_id"] for row in rows])
        return [run for run in found.values() if not run.ended]

    async def notice(self, fund_id: UUID) -> None:
        """Notes which runs the newest facts of a fund began and ended."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended('runs ' || $1::uuid::text, 0))", fund_id
                )
                row = await connection.fetchrow(
                    """SELECT f.version, coalesce(c.version, 0) AS seen FROM fund f
                    LEFT JOIN cursor c ON c.consumer = $2 AND c.fund_id = f.id WHERE f.id = $1""",
                    fund_id,
                    CONSUMER,
                )
                if row is None or row["version"] <= row["seen"]:
                    return
                await connection.execute(
                    f"""INSERT INTO open_run SELECT fund_id, correlation_id, version FROM fact
                    WHERE fund_id = $1 AND version > $2 AND version <= $3 AND type IN {INDEXED}
                        AND type = 'RESERVE_RUN_REQUESTED' ON CONFLICT DO NOTHING""",  # noqa: S608
                    fund_id,
                    row["seen"],
                    row["version"],
                )
                await connection.execute(
                    f"""DELETE FROM open_run o USING fact f WHERE f.fund_id = $1 AND f.version > $2 AND f.version <= $3
                    AND f.type IN {INDEXED} AND f.type NOT IN ('RESERVE_RUN_REQUESTED', 'RESERVE_SCENARIO_SAVED')
                    AND o.fund_id = f.fund_id AND o.run_id = f.correlation_id""",  # noqa: S608
                    fund_id,
                    row["seen"],
                    row["version"],
                )
                await connection.execute(
                    """INSERT INTO cursor VALUES ($1, $2, $3) ON CONFLICT (consumer, fund_id)
                    DO UPDATE SET version = greatest(cursor.version, excluded.version)""",
                    CONSUMER,
                    fund_id,
                    row["version"],
                )

    async def open(self) -> list[tuple[UUID, str]]:
        """Fund and id of every run that isn't over, oldest first."""
        with translated():
            rows = await self._pool.fetch("SELECT fund_id, run_id FROM open_run ORDER BY version LIMIT 1000")
        return [(row["fund_id"], row["run_id"]) for row in rows]

    async def follow(self, fund_id: UUID, run: Run) -> AsyncGenerator[tuple[Run, Progress | None], None]:
        """The run and the newest word on it, at least twice a second while somebody computes it, until it is over.

        Without a word nobody is at it, or it is over.
        """
        word = None if run.ended else await self._words.last(run.id)
        word = None if word is None or word.over else word
        yield run, word
        heard_at = looked_at = monotonic()
        pause = LOOK_SECONDS
        async with aclosing(self._words.on(run.id)) as words, Glance[Run]() as glance:
            while not run.ended:
                new, now = await anext(words), monotonic()
                if new is not None and not new.over:
                    word, heard_at, pause = new, now, LOOK_SECONDS
                    yield run, word
                    continue
                if new is None and word is None and now - looked_at < pause:
                    continue
                run, looked_at = await glance.at(partial(self._looked_at, fund_id, run)) or run, now
                if run.ended:
                    yield run, None
                elif word is not None:
                    # Where words are lost, the last one is good for a while.
                    word = word if now - heard_at < KEPT_SECONDS else None
                    yield run, word
                else:
                    # It waits, perhaps for long: its end is told, and looked for only in case that is lost.
                    pause = min(2 * pause, MOST_LOOK_SECONDS)

    async def _looked_at(self, fund_id: UUID, run: Run) -> Run:
        """The run as it is now; as it was where that can't be told."""
        with suppress(UnavailableError):
            return await self.run(fund_id, run.id) or run
        return run

    @asynccontextmanager
    async def alone(self, run_id: str) -> AsyncIterator[bool]:
        """Whether nobody else computes this run; the lock ends with this process at the latest."""
        with translated():
            async with self._locks.acquire() as connection:
                held = await connection.fetchval(
                    "SELECT pg_try_advisory_lock(hashtextextended('run ' || $1::text, 0))", run_id
                )
                try:
                    yield bool(held)
                finally:
                    # One that was lost holds no lock any more.
                    if held and not connection.is_closed():
                        await connection.execute(
                            "SELECT pg_advisory_unlock(hashtextextended('run ' || $1::text, 0))", run_id
                        )


def _told(fund_id: UUID, rows: Iterable[asyncpg.Record]) -> Iterable[tuple[RunEvent, int, datetime, str]]:
    for row in rows:
        fact = fact_of(fund_id, row)
        if isinstance(fact.event, RUN_EVENTS):
            yield fact.event, fact.version, fact.recorded_at, fact.actor
