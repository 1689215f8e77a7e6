"""The cluster: blocks computed by the workers of a Dask scheduler.

It only makes a run faster. Where it can't be reached, is lost or reckons otherwise than this machine, the blocks still
missing are computed here, to the same bits. Dask is an extra: nothing else imports it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Collection
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar

from domain.reserves.simulation import Blocks, Found, Portfolio, Simulated, Stake, Wanted
from domain.reserves.tree import from_stage
from infra.blocks import under_way

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)

T = TypeVar("T")
Made = tuple[Simulated, str]
"""A block, and how the worker that made it reckons."""

AHEAD = 2
"""Blocks under way for each thread of a cluster: the next one is there when the last is done."""
FEWEST_AHEAD, MOST_AHEAD = 8, 128
"""Blocks under way on any cluster. One that grows by what waits sees some; half a megabyte each is memory."""
ENDING_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a cluster is waited for.

    Attributes:
        connecting: Until its scheduler answers.
        computing: Until another block is done. One computed here is better than one that waits for others' work.
    """

    connecting: float = 3.0
    computing: float = 10.0


USUAL: Final = Patience()


class _LostError(Exception):
    """A cluster that can't be used, or no longer; says why in words for the log."""


def clustered(address: str, here: Blocks, most: int | None = None, patience: Patience = USUAL) -> Blocks:
    """Computes blocks on a cluster, and `here` those that don't come from it.

    Args:
        address: Its scheduler's.
        most: Blocks under way at once; by the cluster's size if left out.
    """

    def blocks(portfolio: Portfolio, wanted: Wanted) -> Found:
        missing = dict(wanted)
        try:
            with closing(_from_cluster(address, portfolio, wanted, most, patience)) as found:
                for number, made in found:
                    del missing[number]
                    yield number, made
        except _LostError as fault:
            told = "%d of %d blocks are computed here, not on the Dask cluster: %s"
            log.warning(told, len(missing), len(wanted), fault)
        yield from here(portfolio, tuple(missing.items()))

    return blocks


def _from_cluster(address: str, portfolio: Portfolio, wanted: Wanted, most: int | None, patience: Patience) -> Found:
    # A loop of our own: in Dask's, there is no end to waiting for a server that takes connections and says nothing.
    asked = set[asyncio.Task[Made]]()
    with asyncio.Runner() as runner:
        client = runner.run(_within(patience.connecting, _client(address)))
        try:
            runner.run(_within(patience.connecting, client))
            workers = runner.run(_within(patience.connecting, client.nthreads()))
            # Sent once: a task whose outcome the others take. Should its worker be lost, another one has it anew.
            given = client.submit(_same, portfolio, pure=False)

            def submit(number: int, paths: int) -> asyncio.Task[Made]:
                task = runner.get_loop().create_task(_made(client, given, number, paths))
                asked.add(task)
                return task

            def some(waiting: Collection[asyncio.Task[Made]]) -> set[asyncio.Task[Made]]:
                return runner.run(_some(waiting, patience.computing))

            ahead = most or min(max(AHEAD * sum(workers.values()), FEWEST_AHEAD), MOST_AHEAD)
            with closing(under_way(submit, some, wanted, ahead)) as done:
                for number, task in done:
                    asked.discard(task)
                    found, reckoning = _outcome(task)
                    if reckoning != _reckoning():
                        message = "a worker reckons otherwise: its libraries or its processor are others"
                        raise _LostError(message)
                    yield number, found
        finally:
            with suppress(_LostError):
                runner.run(_within(ENDING_SECONDS, _leave(client, asked)))


async def _client(address: str) -> "Client":
    """A client that connects when awaited."""
    from distributed import Client

    # What goes wrong is told here, in one line. Importing it chose other levels.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return Client(address, asynchronous=True, set_as_default=False)


async def _leave(client: "Client", asked: Collection[asyncio.Task[Made]]) -> None:
    """Ends the connection; the scheduler then drops what it still has of this client's."""
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await client.close()


async def _made(client: "Client", given: "Future", number: int, paths: int) -> Made:
    made: Made = await client.submit(_block, given, number, paths, pure=False)
    return made


async def _some(waiting: Collection[asyncio.Task[Made]], seconds: float) -> set[asyncio.Task[Made]]:
    """Those that are done, one at least."""
    done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if not done:
        message = f"no block came for {seconds:g} seconds"
        raise _LostError(message)
    return done


async def _within(seconds: float, answer: Awaitable[T]) -> T:
    """What comes within so many seconds."""
    task = asyncio.ensure_future(answer)
    done, _ = await asyncio.wait((task,), timeout=seconds)
    if not done:
        task.cancel()
        message = f"no answer for {seconds:g} seconds"
        raise _LostError(message)
    return _outcome(task)


def _outcome(task: asyncio.Future[T]) -> T:
    """What came of it.

    Raises:
        _LostError: If it failed, for whatever reason: a block by itself can't.
    """
    try:
        fault = task.exception()
    except asyncio.CancelledError as gone:
        message = "its scheduler is gone"
        raise _LostError(message) from gone
    if fault is not None:
        message = " ".join(f"{type(fault).__name__}: {fault}".split())
        raise _LostError(message) from fault
    return task.result()


def _same(portfolio: Portfolio) -> Portfolio:
    return portfolio


def _block(portfolio: Portfolio, number: int, paths: int) -> Made:
    """A worker's task."""
    return portfolio.block(number, paths), _reckoning()


@cache
def _reckoning() -> str:
    """What this process makes of a known block.

    Libraries and processors may differ in a number's last bit. One that makes the same of these is taken to make the
    same of all.
    """
    # So dear that some of its exits are cut off, and some with a tail: every kind of number that there is.
    tree = from_stage("seed", 300e6, 6.0)
    tailed = tuple(replace(one, alpha=1.5) for one in tree.endings[0])
    stake = Stake("known", replace(tree, endings=(tailed, *tree.endings[1:])), 0.1, 1e6)
    known = Portfolio([stake], [[[1e6] * len(tree.steps)]], seed=1, correlation=0.3).block(0)
    return sha256(known.base.tobytes() + known.added.tobytes() + known.drawn.tobytes()).hexdigest()
