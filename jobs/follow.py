"""From new facts to jobs: every fund followed with a checkpoint, so that no reaction is lost to a crash."""

import asyncio
import logging
from contextlib import aclosing

from infra.cursors import Behind, Cursors
from infra.feed import hints
from infra.postgres import UnavailableError
from infra.queue import Queue
from infra.runtime import Runtime

log = logging.getLogger(__name__)

SNAPSHOTS = "snapshots"
"""The consumer that keeps snapshots up."""


async def follow(runtime: Runtime, queue: Queue) -> None:
    """Reacts to new facts for ever. Hints say when to look; a second without one is a look too."""
    cursors = Cursors(runtime.pool)
    await replace_foreign(runtime, queue)
    await react(runtime, cursors, queue)
    # Closed at once when this ends: its connection would outlive the pool's.
    async with aclosing(hints(runtime.redis)) as heard:
        async for _ in heard:
            await react(runtime, cursors, queue)


async def replace_foreign(runtime: Runtime, queue: Queue) -> None:
    """Asks for snapshots in place of those that other code made, which no answer uses: a fund may have no news."""
    try:
        for fund_id in await runtime.snapshots.foreign():
            await queue.keep_up_snapshots(fund_id, 0)
    except UnavailableError as fault:
        # New facts and the night bring them too.
        log.warning("other code's snapshots stay: %s", fault)


async def react(runtime: Runtime, cursors: Cursors, queue: Queue) -> None:
    """Asks for the jobs that the facts since the cursors call for, then moves the cursors.

    A crash in between asks twice, which does no harm; the other way round would lose a reaction.
    """
    try:
        for behind in await cursors.behind(SNAPSHOTS):
            await _react_to(behind, runtime.settings.snapshot_frequency, queue)
            await cursors.advance(SNAPSHOTS, behind.fund_id, behind.version)
    except UnavailableError as fault:
        log.warning("reactions wait: %s", fault)
        await asyncio.sleep(1)


async def _react_to(behind: Behind, frequency: int, queue: Queue) -> None:
    step = behind.version // frequency
    if step > behind.seen // frequency:
        await queue.keep_up_snapshots(behind.fund_id, step)
