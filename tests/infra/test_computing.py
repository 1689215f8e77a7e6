"""Computing: what a process computes is what the domain says, and it ends when nobody waits for it any more."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from domain.money import Money
from domain.reserves.advice import advise
from domain.reserves.options import RunOptions
from domain.reserves.sight import Holding
from domain.reserves.tree import from_stage
from infra.computing import Computers, ComputingError, Step, Task

LONG = 10_000_000
MOST_LATENCY = 0.5
"""Seconds for which the loop may stand still on a busy machine; the run itself takes far longer."""


def task(iterations: int = 2_000, **options: object) -> Task:
    holdings = [
        Holding(
            id=name, name=name, stage="seed", ownership=0.1, invested=Money(50_000_000), planned=Money(100_000_000),
            deployed=Money(0), tree=from_stage("seed", 5_000_000.0, float(place)),
        )
        for place, name in enumerate(("acme", "beta", "gamma"))
    ]  # fmt: skip
    chosen = replace(RunOptions(iterations=iterations), **options)  # type: ignore[arg-type]
    return Task(holdings, 6_000_000_000, 3_000_000_000, chosen)


@pytest.fixture
def computers() -> Iterator[Computers]:
    found = Computers(1)
    yield found
    found.close()


def children() -> set[int]:
    """Processes that compute for this one."""
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                _, _, rest = (process / "stat").read_text().rpartition(") ")
            except OSError:
                continue
            state, parent = rest.split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(process.name))
    return found


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
    # What multiprocessing itself keeps running, its resource tracker, computes nothing.
    assert len(children() - before) <= 1
    assert (await computers.compute(task(100), lambda _: None)).recommendations


async def test_a_process_that_is_killed_is_told_and_another_takes_its_place(computers: Computers) -> None:
    before = children()
    started = asyncio.Event()
    running = asyncio.ensure_future(computers.compute(task(LONG), lambda _: started.set()))
    await asyncio.wait_for(started.wait(), 60)
    for process in computers._all:
        process._process.kill()
    with pytest.raises(ComputingError, match="the process that computed it ended"):
        await running
    assert len(children() - before) <= 1
    assert (await computers.compute(task(100), lambda _: None)).recommendations


async def test_the_loop_answers_while_a_run_is_computed(computers: Computers) -> None:
    await computers.warm()
    running = asyncio.ensure_future(computers.compute(task(200_000), lambda _: None))
    longest = 0.0
    while not running.done():
        asked = monotonic()
        await asyncio.wait((running,), timeout=0.01)
        longest = max(longest, monotonic() - asked - 0.01)
    assert (await running).recommendations
    assert longest < MOST_LATENCY
