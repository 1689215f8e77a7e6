"""Simulating: the simulation beside the mere drawing of its numbers, and the largest runs a fund can ask for."""

import asyncio
from collections.abc import Awaitable, Callable
from math import ceil
from pathlib import Path
from statistics import mean, median
from time import perf_counter

import numpy as np

from domain.money import Money
from domain.reserves.curve import curve
from domain.reserves.options import ReserveStrategy, RunOptions
from domain.reserves.simulation import BLOCK, MARKET, Portfolio, Stake, stream
from infra.computing import Computers, Task
from tests.benchmarks.ground import Ground, at_rest
from tests.benchmarks.results import Figure, Unit, at_most, interleaved, ratio
from tests.domain.reserves.drawn import drawn_companies, holding

COMPANIES = 30
DRAWN = 3
"""Seed of the companies."""
SEED = 1
CORRELATION = 0.3
PARTS = (0.7, 0.4, 0.2)
"""Of each round's cap that each plan's cheques take."""
POOL = Money(10_000_000_000)
FUND = 10 * POOL


async def simulate(ground: Ground) -> list[Figure]:
    """The simulation alone, then whole runs of many paths in a computing process."""
    return [*await _beside_its_numbers(ground), *await _large(ground)]


async def _beside_its_numbers(ground: Ground) -> list[Figure]:
    paths, stakes = ground.scale.simulated, drawn_companies(COMPANIES, DRAWN)
    caps = [curve(one.tree, one.ownership).caps for one in stakes]
    plans = [[(part * each).tolist() for each in caps] for part in PARTS]

    def simulation(count: int) -> Callable[[], Awaitable[float]]:
        async def run() -> float:
            begun = perf_counter()
            Portfolio(stakes, plans[:count], SEED, CORRELATION).run(paths)
            return perf_counter() - begun

        return run

    async def its_numbers() -> float:
        begun = perf_counter()
        for block in range(ceil(paths / BLOCK)):
            stream(SEED, MARKET, block).standard_normal(BLOCK)
            for one in stakes:
                numbers = stream(SEED, one.key, block)
                # How the company fares, and how well that goes.
                numbers.standard_normal(BLOCK)
                numbers.standard_normal(BLOCK)
        return perf_counter() - begun

    async def as_many() -> float:
        begun = perf_counter()
        numbers = np.random.default_rng(SEED)
        for _ in range(ceil(paths / BLOCK) * (2 * len(stakes) + 1)):
            numbers.standard_normal(BLOCK)
        return perf_counter() - begun

    at_rest()
    sides = {"one": simulation(1), "three": simulation(3), "numbers": its_numbers, "default": as_many}
    found = await interleaved(sides, ground.scale.rounds)
    told = {side: median(times) * 1000 for side, times in found.items()}
    return [
        Figure(
            f"simulation of {paths:,} paths of {len(stakes)} companies, {plan}: of the drawing of its numbers by NumPy",
            Unit.RATIO,
            ratio(found, side, "numbers"),
            at_most(3),
            found if side == "one" else {},
            f"{told[side]:,.0f} against {told['numbers']:,.0f} ms; as many of NumPy's default generator "
            f"{told['default']:,.0f} ms",
        )
        for side, plan in (("one", "1 plan"), ("three", "3 plans"))
    ]


async def _large(ground: Ground) -> list[Figure]:
    """Runs of all strategies, each in a process that computed nothing before."""
    few, many = ground.scale.iterations
    seconds: dict[int, list[float]] = {few: [], many: []}
    peaks: dict[int, float | None] = {}
    # The short one before and after the long one, so that what drifts meanwhile weighs on both.
    for paths in (few, many, few):
        ground.say(f"computing a run of {paths:,} paths")
        computed = _computed(drawn_companies(COMPANIES, DRAWN), paths)
        # On the loop that a worker runs on: a pipe's long messages don't come through uvloop.
        taken, peaks[paths] = await asyncio.to_thread(asyncio.run, computed)
        seconds[paths].append(taken)
    short, (long,) = mean(seconds[few]), seconds[many]
    figures = [
        Figure(
            f"run of {many:,} paths, {COMPANIES} companies, all strategies: of the time of {few:,}",
            Unit.RATIO,
            long / short,
            at_most(1.2 * many / few),
            {f"{few}": seconds[few], f"{many}": seconds[many]},
            f"{long:,.1f} against {short:,.1f} s",
        )
    ]
    if (peak := peaks[many]) is not None:
        figures.append(
            Figure(
                f"run of {many:,} paths: most memory of its process",
                Unit.MEBIBYTES,
                peak,
                at_most(1_024),
                note=f"of {few:,} paths {peaks[few]:,.0f} MiB",
            )
        )
    return figures


async def _computed(stakes: list[Stake], paths: int) -> tuple[float, float | None]:
    """Seconds, and the most MiB that the process ever had in memory; None where the system doesn't tell."""
    computers = Computers(1)
    try:
        await computers.warm()
        begun = perf_counter()
        options = RunOptions(iterations=paths, pool=POOL, strategies=tuple(ReserveStrategy))
        await computers.compute(Task([holding(one) for one in stakes], FUND, POOL, options), lambda _: None)
        taken = perf_counter() - begun
        (computer,) = computers._all
        return taken, _peak(computer._process.pid)
    finally:
        computers.close()


def _peak(pid: int | None) -> float | None:
    status = Path(f"/proc/{pid}/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None
