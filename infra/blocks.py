"""Blocks: a simulation's paths computed by several processes at once, to the same bits as one block after another.

Threads would wait for each other: a block is many short steps, and Python's lock is taken between any two. No more
blocks than chosen are under way at a time: their paths are memory.
"""

import signal
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from time import monotonic
from typing import TypeVar

from domain.reserves.simulation import Blocks, Found, Portfolio, Wanted
from infra.forking import begin, forking

T = TypeVar("T")

ALONE_SECONDS = 1.0
"""About what processes take to load: a run that is over by then has no need of them."""


def in_processes(most: int, alone: float = ALONE_SECONDS) -> Blocks:
    """Computes so many blocks at once, in processes that end with this one.

    If one of them is killed, EOFError or OSError ends the run.

    Args:
        alone: Seconds for which blocks are computed here.
    """

    def blocks(portfolio: Portfolio, wanted: Wanted) -> Found:
        ahead, end = deque(wanted), monotonic() + alone
        while ahead and monotonic() < end:
            number, paths = ahead.popleft()
            yield number, portfolio.block(number, paths)
        with _loaded(portfolio, min(most, len(ahead))) as idle:

            def submit(number: int, paths: int) -> Connection:
                line = idle.pop()
                line.send((number, paths))
                return line

            def some(waiting: Collection[Connection]) -> Iterable[Connection]:
                return (line for line in wait(waiting) if isinstance(line, Connection))

            with closing(under_way(submit, some, ahead, len(idle))) as done:
                for number, line in done:
                    made = line.recv()
                    idle.append(line)
                    yield number, made

    return blocks


@contextmanager
def _loaded(portfolio: Portfolio, number: int) -> Iterator[list[Connection]]:
    """Lines to so many processes that have the portfolio."""
    context, lines = forking(), []
    with ExitStack() as stack:
        for _ in range(number):
            line, other = context.Pipe()
            process = context.Process(target=_compute, args=(other,), daemon=True)
            process.start()
            other.close()
            stack.callback(_end, process, line)
            lines.append(line)
        # Not as an argument: starting one would then wait until it is loaded.
        for line in lines:
            line.send(portfolio)
        yield lines


def _end(process: ForkServerProcess, line: Connection) -> None:
    process.kill()
    process.join()
    line.close()


def _compute(line: Connection) -> None:
    """The process: computes blocks until nobody wants any more."""
    # A Ctrl-C at the terminal is the parent's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin()
    with suppress(EOFError, OSError):
        portfolio: Portfolio = line.recv()
        while True:
            line.send(portfolio.block(*line.recv()))


def under_way(
    submit: Callable[[int, int], T],
    some: Callable[[Collection[T]], Iterable[T]],
    wanted: Iterable[tuple[int, int]],
    most: int,
) -> Generator[tuple[int, T], None, None]:
    """Number of each block and what `submit` made of it, once that is done.

    Args:
        some: Waits until one is done at least, and gives those that are.
        most: At most so many are submitted and not yet given.
    """
    ahead, waiting = iter(wanted), dict[T, int]()
    while True:
        waiting |= {submit(number, paths): number for number, paths in islice(ahead, most - len(waiting))}
        if not waiting:
            return
        for done in some(waiting):
            yield waiting.pop(done), done
