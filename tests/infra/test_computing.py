"""Computing: what a process computes is what the domain says, and it ends when nobody waits for it any more."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from time import monotonic

import psutil
import pytest

from domain.money import Money
from domain.reserves.advice import advise
from domain.reserves.options import ReserveMode, RunOptions
from domain.reserves.sight import Holding
from domain.reserves.tree import from_stage
from infra.computing import ComputerEndedError, Computers, Step, Task, _work
from infra.forking import forking
from tests.system.program import PROJECT, until

LONG = 10_000_000
GONE_SECONDS = 5.0
"""Within which a process is gone that nobody waits for: a small part of what the solver takes for `silent`."""
SMALL_PART = 0.25
"""Of a run's time, for which the loop may stand still at most."""


def task(iterations: int = 2_000, companies: int = 3, **options: object) -> Task:
    holdings = [
        Holding(
            id=f"company {place}", name=f"Company {place}", stage="seed", ownership=0.1, invested=Money(50_000_000),
            planned=Money(100_000_000), deployed=Money(0), tree=from_stage("seed", 5_000_000.0, float(place % 24)),
        )
        for place in range(companies)
    ]  # fmt: skip
    chosen = replace(RunOptions(iterations=iterations), **options)  # type: ignore[arg-type]
    return Task(holdings, 2_000_000_000 * companies, 1_000_000_000 * companies, chosen)


def silent() -> Task:
    """What the solver is at for long without a word."""
    return task(100, 2_000, mode=ReserveMode.POOLED, min_check=Money(20_000_000))


async def show() -> None:
    """Computes it, and prints the process's id once the solver is at it."""
    computers = Computers(1)

    def told(step: Step) -> None:
        if step.stage == "allocation":
            (computer,) = computers._all
            print(computer._process.pid, flush=True)  # noqa: T201 - whoever started this reads it

    await computers.compute(silent(), told)


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def computers() -> Iterator[Computers]:
    found = Computers(1)
    yield found
    found.close()


def helpers(process: psutil.Process) -> list[psutil.Process]:
    """Processes that compute for this one; not what multiprocessing itself keeps running."""
    with suppress(psutil.NoSuchProcess):
        return [one for child in process.children() if "forkserver" in str(child.cmdline()) for one in child.children()]
    return []


def children() -> list[int]:
    """Processes that compute for this one."""
    return [one.pid for one in helpers(psutil.Process())]


async def test_the_advice_is_the_domains_to_the_last_bit_and_progress_is_told(computers: Computers) -> None:
    steps: list[Step] = []
    given = task(50_000)
    found = await computers.compute(given, steps.append)
    assert found == advise(given.holdings, given.size, given.available, given.options)
    assert steps
    assert [step.share for step in steps] == sorted(step.share for step in steps)
    assert all(0 <= step.share <= 1 and step.stage for step in steps)
    # The same process computes the next one, none the worse for it.
    assert await computers.compute(given, steps.append) == found


async def test_a_run_that_is_cancelled_ends_its_process_at_once(computers: Computers) -> None:
    before = children()
    started = asyncio.Event()
    running = asyncio.ensure_future(computers.compute(task(LONG), lambda _: started.set()))
    await asyncio.wait_for(started.wait(), 60)
    began = monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert monotonic() - began < 1
    assert children() == before
    assert (await computers.compute(task(100), lambda _: None)).recommendations


async def test_a_process_that_is_killed_is_told_and_another_takes_its_place(computers: Computers) -> None:
    before = children()
    started = asyncio.Event()
    running = asyncio.ensure_future(computers.compute(task(LONG), lambda _: started.set()))
    await asyncio.wait_for(started.wait(), 60)
    for process in computers._all:
        process._process.kill()
    with pytest.raises(ComputerEndedError, match="the process that computed it ended"):
        await running
    assert children() == before
    assert (await computers.compute(task(100), lambda _: None)).recommendations
    # One that ends while nobody asks anything of it is found so by the next who does.
    for process in computers._all:
        process._process.kill()
        process._process.join()
    with pytest.raises(ComputerEndedError):
        await computers.compute(task(100), lambda _: None)
    assert (await computers.compute(task(100), lambda _: None)).recommendations


def test_a_process_whose_parent_is_killed_ends_in_the_middle_of_the_solvers_work() -> None:
    asked = "import asyncio; from tests.infra.test_computing import show; asyncio.run(show())"
    with subprocess.Popen([sys.executable, "-c", asked], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = psutil.Process(int(parent.stdout.readline()))
        assert lives(orphan)
        parent.kill()
        parent.wait()
    until(lambda: not lives(orphan), "the end of the orphan", GONE_SECONDS)


def test_a_process_that_nobody_listens_to_any_more_ends_by_itself() -> None:
    context = forking()
    line, other = context.Pipe()
    process = context.Process(target=_work, args=(other,))
    process.start()
    other.close()
    assert line.recv() == "ready"
    line.send(task(LONG))
    assert isinstance(line.recv(), Step)
    # As where its parent ended and the system doesn't say so.
    line.close()
    process.join(60)
    assert process.exitcode == 0


async def test_what_is_begun_is_told_at_once(computers: Computers) -> None:
    steps: list[Step] = []
    await computers.compute(task(), steps.append)
    stages = list(dict.fromkeys(step.stage for step in steps))
    assert stages == ["curves", "allocation", "simulation", "confidence", "done"]


async def test_the_loop_answers_while_a_run_is_computed(computers: Computers) -> None:
    await computers.warm()
    began = monotonic()
    running = asyncio.ensure_future(computers.compute(task(1_000_000, 6), lambda _: None))
    longest = 0.0
    while not running.done():
        asked = monotonic()
        await asyncio.wait((running,), timeout=0.01)
        longest = max(longest, monotonic() - asked - 0.01)
    assert (await running).recommendations
    assert longest < SMALL_PART * (monotonic() - began)
