"""Reserve jobs: runs computed once however often asked for, told as they go, ended when somebody says so."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from time import monotonic
from uuid import UUID

from domain.refusal import CorruptionError
from domain.reserves.results import ReserveAdvice
from domain.reserves.runs import Ended, ReserveRunFailed, ReservesRecommended, Run
from infra.computing import ComputerEndedError, Computers, ComputingError, Step, Task
from infra.people import SYSTEM
from infra.postgres import UnavailableError, translated
from infra.progress import LOOK_SECONDS, REPEAT_SECONDS, Progress
from infra.runtime import Runtime
from infra.tracing import later_span
from infra.trail import going_on

log = logging.getLogger(__name__)

WAITING_SECONDS, PAUSE_SECONDS = 180.0, 0.5
"""How long a result waits for the database, and between two tries."""
WORDS = {
    "curves": "Working out what each company's next dollar earns",
    "allocation": "Splitting the pool",
    "simulation": "Simulating the portfolio",
    "confidence": "Asking how sure that is",
    "done": "Done",
}


async def optimise(runtime: Runtime, computers: Computers, fund_id: UUID, run_id: str) -> bool:
    """Computes a run unless it is over or somebody else is at it; whether this ended it."""
    async with runtime.runs.alone(run_id) as alone:
        if not alone:
            return False
        run = await runtime.runs.run(fund_id, run_id)
        if run is None or run.ended:
            await runtime.runs.notice(fund_id)
            return False
        with going_on([run_id]), later_span("computation", [run_id]):
            async with _telling(runtime, run_id) as tell:
                event = await _outcome(runtime, computers, fund_id, run, tell)
                if event is None:
                    return False
                await _end(runtime, fund_id, run_id, event)
            log.info("run %s of fund %s: %s", run_id, fund_id, type(event).__name__)
        return True


async def _end(runtime: Runtime, fund_id: UUID, run_id: str, event: Ended) -> None:
    """Records what the run came to, and waits for a database that is away: it took long to compute.

    Raises:
        UnavailableError: If it stays away.
    """
    patience = monotonic() + WAITING_SECONDS
    while True:
        try:
            await runtime.runs.end(fund_id, run_id, event, actor=SYSTEM)
        except UnavailableError:
            if monotonic() > patience:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


@asynccontextmanager
async def _telling(runtime: Runtime, run_id: str) -> AsyncIterator[Callable[[Step], None]]:
    """Tells whoever follows the run of the newest step given; again and again while there is no newer one."""
    began, newest, fresh = monotonic(), Step(0.0, "curves"), asyncio.Event()

    def give(step: Step) -> None:
        nonlocal began, newest
        if not step.share:
            # What went before, such as loading, says nothing of how it goes on.
            began = monotonic()
        newest = step
        fresh.set()

    async def tell() -> None:
        while True:
            fresh.clear()
            left = seconds_left(newest.share, monotonic() - began)
            await runtime.words.tell(run_id, Progress(newest.share, newest.stage, WORDS[newest.stage], left))
            with suppress(TimeoutError):
                await asyncio.wait_for(fresh.wait(), REPEAT_SECONDS)

    telling = asyncio.ensure_future(tell())
    try:
        yield give
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


def seconds_left(share: float, gone: float) -> float | None:
    """Of a run that came so far in so many seconds, if it goes on like that; None before anything is done."""
    return max(gone / share - gone, 0.0) if share > 0 else None


async def _outcome(
    runtime: Runtime, computers: Computers, fund_id: UUID, run: Run, tell: Callable[[Step], None]
) -> Ended | None:
    """What the run came to; None where somebody ended it meanwhile."""
    began = monotonic()
    try:
        task = await runtime.reserve_inputs.task(fund_id, run.request)
    except CorruptionError:
        log.exception("run %s of fund %s", run.id, fund_id)
        return ReserveRunFailed(run.id, "a fact of the fund can't be read")
    computing = asyncio.ensure_future(_computed(computers, task, tell))
    watching = asyncio.ensure_future(_ended_by_others(runtime, fund_id, run.id))
    try:
        seconds = runtime.settings.reserve_timeout
        done, _ = await asyncio.wait((computing, watching), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if computing in done:
            return ReservesRecommended(run.id, round((monotonic() - began) * 1000), computing.result())
        if watching in done:
            watching.result()
            return None
        return ReserveRunFailed(run.id, f"it took longer than {seconds} seconds")
    except ComputingError as fault:
        return ReserveRunFailed(run.id, str(fault))
    finally:
        for one in (computing, watching):
            one.cancel()
        await asyncio.gather(computing, watching, return_exceptions=True)


async def _computed(computers: Computers, task: Task, tell: Callable[[Step], None]) -> ReserveAdvice:
    """The advice; tried once more where the process ended: others may have taken the memory it needed.

    Raises:
        ComputingError: If it can't be computed.
    """
    with suppress(ComputerEndedError):
        return await computers.compute(task, tell)
    log.warning("a process that computed a run ended before it was done: once more")
    try:
        return await computers.compute(task, tell)
    except ComputerEndedError:
        message = "the process that computed it ended twice: it may need more memory than there is"
        raise ComputingError(message) from None


async def _ended_by_others(runtime: Runtime, fund_id: UUID, run_id: str) -> None:
    """Returns once somebody has ended the run."""
    looked_at = monotonic()
    async with aclosing(runtime.words.on(run_id)) as heard:
        async for word in heard:
            # Our own words say nothing of others'.
            if word is None or word.over or monotonic() - looked_at >= LOOK_SECONDS:
                looked_at = monotonic()
                with suppress(UnavailableError):
                    run = await runtime.runs.run(fund_id, run_id)
                    if run is None or run.ended:
                        return


async def recalculate(runtime: Runtime) -> int:
    """A new run for every fund whose newest one of the present is out of date; how many."""
    with translated():
        rows = await runtime.pool.fetch("SELECT id, version FROM fund")
    asked = 0
    for row in rows:
        run = await runtime.runs.latest(row["id"], version=row["version"], of_present=True)
        if run is not None and await runtime.runs.stale_since(row["id"], run) is not None:
            await runtime.runs.request(row["id"], run.request.options, None, None, actor=SYSTEM)
            asked += 1
    return asked
