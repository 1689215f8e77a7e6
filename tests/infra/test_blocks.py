"""Blocks: processes and a Dask cluster come to the same bits, hold few blocks, and end when nobody waits."""

import asyncio
import os
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from time import monotonic, sleep

import psutil
import pytest

from domain.reserves.advice import advise
from domain.reserves.options import ReserveStrategy
from domain.reserves.simulation import BLOCK, Blocks, Found, Portfolio, Simulated, Stake, Wanted, one_by_one
from domain.reserves.tree import from_stage
from infra.blocks import in_processes, under_way
from infra.cluster import Patience, clustered
from infra.computing import Computers, Step
from infra.hands import Hands, chosen
from infra.settings import Settings
from tests.infra.clusters import Asked, Cluster, fail, free, keep_busy, mend, round_up, tasks
from tests.infra.test_computing import LONG, helpers, task

PATHS = 9 * BLOCK + 11
SMALL = tuple((number, 1) for number in range(30))
SHORT = Patience(connecting=0.3, computing=0.3)
SECONDS = 20.0


def portfolio() -> Portfolio:
    stakes = [Stake(name, from_stage("seed", 20e6, months), 0.1, 1e6) for months, name in enumerate(("acme", "beta"))]
    return Portfolio(stakes, [[[part * 1e6] * len(one.tree.steps) for one in stakes] for part in (1, 0.5)], 7, 0.3)


PORTFOLIO = portfolio()
WHOLE = PORTFOLIO.run(PATHS)


def same(one: Simulated, other: Simulated) -> bool:
    """Whether they are alike to the last bit."""
    return (
        one.base.tobytes() == other.base.tobytes()
        and one.added.tobytes() == other.added.tobytes()
        and one.drawn.tobytes() == other.drawn.tobytes()
    )


def until(condition: Callable[[], bool]) -> None:
    end = monotonic() + SECONDS
    while not condition():
        assert monotonic() < end, "it never came true"
        sleep(0.01)


def nowhere(portfolio: Portfolio, wanted: Wanted) -> Found:
    """For what must all have come from elsewhere."""
    assert not wanted
    yield from ()


@pytest.fixture(scope="module")
def dask() -> Iterator[Cluster]:
    """A scheduler, and two workers in processes of their own."""
    with closing(Cluster(2)) as found:
        yield found


@pytest.fixture(params=["processes", "dask"])
def several(request: pytest.FixtureRequest) -> Callable[[int], Blocks]:
    """Computes so many blocks at once."""
    if request.param == "processes":
        return lambda most: in_processes(most, alone=0)
    address = request.getfixturevalue("dask").address
    return lambda most: clustered(address, nowhere, most)


@pytest.mark.parametrize("most", [1, 2, 7])
def test_however_many_blocks_are_under_way_the_paths_are_the_same(several: Callable[[int], Blocks], most: int) -> None:
    told: list[float] = []
    assert same(PORTFOLIO.run(PATHS, told.append, several(most)), WHOLE)
    assert told == sorted(told)
    assert (len(told), told[-1]) == (10, 1)


def test_the_whole_advice_is_the_same(several: Callable[[int], Blocks]) -> None:
    given = task(3 * BLOCK + 5, strategies=tuple(ReserveStrategy))
    alone = advise(given.holdings, given.size, given.available, given.options)
    assert advise(given.holdings, given.size, given.available, given.options, blocks=several(2)) == alone


@pytest.mark.parametrize("most", [1, 2, 7])
def test_no_more_blocks_than_chosen_are_under_way(most: int) -> None:
    submitted: list[int] = []

    def submit(number: int, paths: int) -> int:
        submitted.append(number)
        return number

    def newest(waiting: Collection[int]) -> list[int]:
        return [max(waiting)]

    ahead = [len(submitted) - given for given, _ in enumerate(under_way(submit, newest, SMALL, most))]
    assert ahead == [min(most, len(SMALL) - given) for given in range(len(SMALL))]
    assert sorted(submitted) == [number for number, _ in SMALL]


def test_a_cluster_holds_few_blocks_and_then_none(dask: Cluster) -> None:
    held = [dask.ask(tasks) for _ in clustered(dask.address, nowhere, 7)(PORTFOLIO, SMALL)]
    # Seven, as many that were just given, and the portfolio.
    assert len(held) == len(SMALL)
    assert 1 <= max(held) <= 15
    until(lambda: dask.ask(tasks) == 0)


class StoppedError(Exception):
    """What a run is told to end with."""


def stop(_: float) -> None:
    raise StoppedError


def test_a_short_run_is_over_before_any_process_is_started() -> None:
    before = helpers(psutil.Process())
    for _ in in_processes(7, alone=SECONDS)(PORTFOLIO, SMALL):
        assert helpers(psutil.Process()) == before


def test_a_run_that_is_stopped_ends_its_processes() -> None:
    before, during = helpers(psutil.Process()), []

    def stop_at_last(share: float) -> None:
        during.append(len(helpers(psutil.Process())))
        if len(during) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        PORTFOLIO.run(PATHS, stop_at_last, in_processes(2, alone=0))
    assert during == [len(before) + 2] * 3
    assert helpers(psutil.Process()) == before


def test_a_run_whose_process_is_killed_ends() -> None:
    before = helpers(psutil.Process())

    def kill(_: float) -> None:
        for one in helpers(psutil.Process()):
            if one not in before:
                one.kill()

    with pytest.raises((EOFError, OSError)):
        PORTFOLIO.run(PATHS, kill, in_processes(2, alone=0))
    assert helpers(psutil.Process()) == before


async def test_the_processes_of_a_run_end_with_it() -> None:
    with closing(Computers(1, Hands(processes=2))) as computers:
        await computers.warm()
        running = asyncio.ensure_future(computers.compute(task(LONG), lambda _: None))
        (computer,) = [psutil.Process(one._process.pid) for one in computers._all]
        await asyncio.to_thread(until, lambda: len(helpers(computer)) == 2)
        helping = helpers(computer)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.to_thread(until, lambda: not any(one.is_running() for one in helping))


def test_a_run_that_is_stopped_leaves_nothing_on_the_cluster(dask: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StoppedError):
        PORTFOLIO.run(100 * BLOCK, stop, clustered(dask.address, nowhere))
    until(lambda: dask.ask(tasks) == 0)
    assert not caplog.records


@dataclass(frozen=True)
class Alone:
    """Computes blocks here, and counts them."""

    numbers: list[int]

    def __call__(self, portfolio: Portfolio, wanted: Wanted) -> Found:
        self.numbers.extend(number for number, _ in wanted)
        yield from one_by_one(portfolio, wanted)


@pytest.fixture
def alone() -> Alone:
    return Alone([])


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


@pytest.mark.parametrize("listens", [True, False])
def test_without_a_scheduler_everything_is_computed_here(
    alone: Alone, listening: socket.socket, caplog: pytest.LogCaptureFixture, *, listens: bool
) -> None:
    port = listening.getsockname()[1]
    if not listens:
        listening.close()
    assert same(PORTFOLIO.run(PATHS, blocks=clustered(f"tcp://127.0.0.1:{port}", alone, patience=SHORT)), WHOLE)
    assert alone.numbers == list(range(10))
    assert [one.message for one in caplog.records] == [
        "10 of 10 blocks are computed here, not on the Dask cluster: no answer for 0.3 seconds"
    ]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1", "tls://127.0.0.1:8786", "carrier-pigeon://127.0.0.1:1"])
def test_an_address_that_cannot_be_is_as_good_as_none(
    alone: Alone, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert same(PORTFOLIO.run(PATHS, blocks=clustered(address, alone)), WHOLE)
    assert "10 of 10 blocks are computed here" in caplog.text


def test_a_cluster_busy_with_others_work_is_not_waited_for_long(
    dask: Cluster, alone: Alone, caplog: pytest.LogCaptureFixture
) -> None:
    dask.ask(keep_busy)
    try:
        found = PORTFOLIO.run(PATHS, blocks=clustered(dask.address, alone, patience=SHORT))
    finally:
        dask.ask(free)
    assert same(found, WHOLE)
    assert alone.numbers == list(range(10))
    assert "no block came for 0.3 seconds" in caplog.text


def test_what_a_lost_cluster_did_not_compute_is_computed_here(alone: Alone, caplog: pytest.LogCaptureFixture) -> None:
    told: list[float] = []
    with closing(Cluster(1)) as lost:

        def lose(share: float) -> None:
            if not told:
                lost.kill()
            told.append(share)

        assert same(PORTFOLIO.run(PATHS, lose, clustered(lost.address, alone, 2)), WHOLE)
    assert 7 <= len(alone.numbers) <= 9
    assert f"{len(alone.numbers)} of 10 blocks are computed here" in caplog.text
    assert [one.name for one in caplog.records] == ["infra.cluster"]
    assert told == sorted(told)
    assert (len(told), told[-1]) == (10, 1)


@pytest.mark.parametrize(
    ("harmed", "told"), [(round_up, "a worker reckons otherwise"), (fail, "FloatingPointError: no number")]
)
def test_a_cluster_that_reckons_otherwise_or_fails_is_not_used(
    dask: Cluster, alone: Alone, caplog: pytest.LogCaptureFixture, harmed: Asked, told: str
) -> None:
    dask.ask(harmed)
    try:
        found = PORTFOLIO.run(PATHS, blocks=clustered(dask.address, alone))
    finally:
        dask.ask(mend)
    assert same(found, WHOLE)
    assert alone.numbers == list(range(10))
    assert told in caplog.text


async def test_a_run_that_is_cancelled_leaves_nothing_on_the_cluster(dask: Cluster) -> None:
    with closing(Computers(1, Hands(scheduler=dask.address))) as computers:
        running = asyncio.ensure_future(computers.compute(task(LONG), lambda _: None))
        await asyncio.to_thread(until, lambda: dask.ask(tasks) > 0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.to_thread(until, lambda: dask.ask(tasks) == 0)


@pytest.mark.parametrize("hands", ["dask", "no dask"])
async def test_a_process_computes_with_the_hands_it_is_given(hands: str, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue("dask").address if hands == "dask" else "tcp://127.0.0.1"
    steps: list[Step] = []
    asked = task(50_000)
    with closing(Computers(1, Hands(scheduler=address))) as computers:
        found = await computers.compute(asked, steps.append)
    assert found == advise(asked.holdings, asked.size, asked.available, asked.options)
    assert [step.share for step in steps] == sorted(step.share for step in steps)


def test_the_settings_choose_the_hands() -> None:
    whole = chosen(Settings(reserve_concurrency=1))
    assert 1 <= whole.processes <= (os.cpu_count() or 1)
    assert chosen(Settings(reserve_concurrency=64, dask_scheduler_address="")) == Hands(max(whole.processes // 64, 1))
    address = "tcp://10.0.0.5:8786"
    assert chosen(Settings(reserve_processes=3, dask_scheduler_address=address)) == Hands(3, address)
