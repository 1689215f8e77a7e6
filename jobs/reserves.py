"""Reserve jobs: runs computed once however often asked for, told as they go, ended when somebody says so."""

import asyncio
import logging
from contextlib import aclosing, suppress
from time import monotonic
from uuid import UUID

from domain.refusal import CorruptionError
from domain.reserves.results import ReserveAdvice
from domain.reserves.runs import Ended, ReserveRunFailed, ReservesRecommended, Run
from infra.computing import Computers, ComputingError, Step, Task
from infra.people import SYSTEM
from infra.postgres import UnavailableError, translated
from infra.progress import Progress
from infra.runtime import Runtime

log = logging.getLogger(__name__)

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
        began = monotonic()
        await runtime.words.tell(run_id, Progress(0.0, "curves", WORDS["curves"]))
        event = await _outcome(runtime, computers, fund_id, run, began)
        if event is None:
            return False
        await runtime.runs.end(fund_id, run_id, event, actor=SYSTEM)
        log.info("run %s of fund %s: %s", run_id, fund_id, type(event).__name__)
        return True


async def _outcome(runtime: Runtime, computers: Computers, fund_id: UUID, run: Run, began: float) -> Ended | None:
    """What the run came to; None where somebody ended it meanwhile."""
    try:
        task = await runtime.reserve_inputs.task(fund_id, run.request)
    except CorruptionError:
        log.exception("run %s of fund %s", run.id, fund_id)
        return ReserveRunFailed(run.id, "a fact of the fund can't be read")
    computing = asyncio.ensure_future(_computed(runtime, computers, run, task, began))
    watching = asyncio.ensure_future(_ended_by_others(runtime, fund_id, run.id))
    try:
        seconds = runtime.settings.reserve_timeout
        done, _ = await asyncio.wait((computing, watching), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if computing in done:
            advice = computing.result()
            return ReservesRecommended(run.id, round((monotonic() - began) * 1000), advice)
        if watching in done:
            return None
        return ReserveRunFailed(run.id, f"it took longer than {seconds} seconds")
    except ComputingError as fault:
        return ReserveRunFailed(run.id, str(fault))
    finally:
        for one in (computing, watching):
            one.cancel()
        await asyncio.gather(computing, watching, return_exceptions=True)


async def _computed(runtime: Runtime, computers: Computers, run: Run, task: Task, began: float) -> ReserveAdvice:
    steps: asyncio.Queue[Step] = asyncio.Queue()

    async def tell() -> None:
        while True:
            step = await steps.get()
            while not steps.empty():
                step = steps.get_nowait()
            gone = monotonic() - began
            left = gone / step.share - gone if step.share > 0 else None
            await runtime.words.tell(run.id, Progress(step.share, step.stage, WORDS[step.stage], left))

    telling = asyncio.ensure_future(tell())
    try:
        return await computers.compute(task, steps.put_nowait)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _ended_by_others(runtime: Runtime, fund_id: UUID, run_id: str) -> None:
    """Returns once somebody has ended the run."""
    async with aclosing(runtime.words.on(run_id)) as heard:
        async for word in heard:
            if word is None or word.over:
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
        run = await runtime.runs.newest_of_present(row["id"], version=row["version"])
        if run is not None and await runtime.runs.stale_since(row["id"], run) is not None:
            await runtime.runs.request(row["id"], run.request.options, None, None, actor=SYSTEM)
            asked += 1
    return asked
