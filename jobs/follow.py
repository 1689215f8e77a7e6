"""From new facts to jobs: every fund followed with a checkpoint, so that no reaction is lost to a crash."""

import asyncio
import logging
from contextlib import aclosing
from time import monotonic
from uuid import uuid4

from infra.cursors import Behind, Cursors
from infra.evaluation import CONSUMER as VARIANCE
from infra.feed import hints
from infra.postgres import UnavailableError
from infra.queue import Queue
from infra.runs import CONSUMER as RUNS
from infra.runtime import Runtime
from infra.snapshots import CONSUMER as SNAPSHOTS

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks for deliveries that are due: their pauses end unannounced."""
ASK_AGAIN_SECONDS, MOST_ASK_AGAIN_SECONDS = 5.0, 60.0
"""A job asked for and not done may be lost with its worker or its queue: it is asked for again, ever more rarely."""


async def follow(runtime: Runtime, queue: Queue) -> None:
    """Reacts to new facts for ever. Hints say when to look; a second without one is a look too."""
    cursors, asked = Cursors(runtime.pool), Asked()
    await replace_foreign(runtime, queue)
    await react(runtime, cursors, queue, asked)
    # Closed at once when this ends: its connection would outlive the pool's.
    async with aclosing(hints(runtime.redis)) as heard:
        async for _ in heard:
            await react(runtime, cursors, queue, asked)


class Asked:
    """Which jobs were asked for, of what, and when, so that they are asked for again neither at once nor never."""

    def __init__(self) -> None:
        self._run = uuid4().hex[:8]
        self._turns: dict[object, tuple[object, int, float]] = {}
        self._looked = 0.0

    def turn(self, thing: object, state: object) -> str | None:
        """A name for the job to ask for now; None where it was asked for a moment ago."""
        now = monotonic()
        known, times, at = self._turns.get(thing, (None, 0, 0.0))
        if known != state:
            times = 0
        elif now - at < min(ASK_AGAIN_SECONDS * times, MOST_ASK_AGAIN_SECONDS):
            return None
        self._turns[thing] = state, times + 1, now
        # The first name is every follower's: it is done once. What a worker died with keeps its name for minutes.
        return f"{state}" if times == 0 else f"{state}:{self._run}:{times}"

    def keep(self, things: set[object]) -> None:
        """Forgets all but these: what is done needs no turn."""
        self._turns = {thing: turn for thing, turn in self._turns.items() if thing in things}

    def look_is_due(self) -> bool:
        """Whether it is time for the next look."""
        now = monotonic()
        due = now - self._looked >= LOOK_SECONDS
        if due:
            self._looked = now
        return due


async def replace_foreign(runtime: Runtime, queue: Queue) -> None:
    """Asks for snapshots in place of those that other code made, which no answer uses: a fund may have no news."""
    try:
        for fund_id in await runtime.snapshots.foreign():
            await queue.keep_up_snapshots(fund_id, 0)
    except UnavailableError as fault:
        # New facts and the night bring them too.
        log.warning("other code's snapshots stay: %s", fault)


async def react(runtime: Runtime, cursors: Cursors, queue: Queue, asked: Asked) -> None:
    """Asks for the jobs that the facts since the cursors call for.

    The job that evaluates moves its own cursor once it is done; that of snapshots is moved here, after asking. Either
    way a crash in between asks twice, which does no harm; the other way round would lose a reaction.
    """
    try:
        behind_in_evaluation = await _behind(runtime, cursors, VARIANCE)
        for behind in behind_in_evaluation:
            if (turn := asked.turn(behind.fund_id, behind.version)) is not None:
                await queue.evaluate(behind.fund_id, turn)
        if asked.look_is_due():
            due = await runtime.deliveries.due()
            for fund_id, channel in due:
                if (turn := asked.turn((fund_id, channel), "due")) is not None:
                    await queue.deliver(fund_id, channel, turn)
            asked.keep({behind.fund_id for behind in behind_in_evaluation} | set(due) | set(await runtime.runs.open()))
        for behind in await _behind(runtime, cursors, SNAPSHOTS):
            await _react_to(behind, runtime.settings.snapshot_frequency, queue)
            await cursors.advance(SNAPSHOTS, behind.fund_id, behind.version)
        for behind in await _behind(runtime, cursors, RUNS):
            await runtime.runs.notice(behind.fund_id)
        for fund_id, run_id in await runtime.runs.open():
            if (turn := asked.turn((fund_id, run_id), "open")) is not None:
                await queue.optimise(fund_id, run_id, turn)
    except UnavailableError as fault:
        log.warning("reactions wait: %s", fault)
        await asyncio.sleep(1)


async def _behind(runtime: Runtime, cursors: Cursors, consumer: str) -> list[Behind]:
    found = await cursors.behind(consumer)
    runtime.metrics.funds_behind.labels(consumer).set(len(found))
    return found


async def _react_to(behind: Behind, frequency: int, queue: Queue) -> None:
    step = behind.version // frequency
    if step > behind.seen // frequency:
        await queue.keep_up_snapshots(behind.fund_id, step)
