"""Computing: reserve runs in processes of their own, so that no event loop waits for arithmetic.

A process stays between runs: it has NumPy and the solver loaded. A run is ended by ending its process, wherever in the
arithmetic that is, and a fresh one takes its place.
"""

import asyncio
import atexit
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from time import monotonic

from domain.reserves.model import DEFAULT_MODEL, ReserveModelSet
from domain.reserves.options import RunOptions
from domain.reserves.results import ReserveAdvice
from domain.reserves.sight import Holding
from infra.forking import begin, forking
from infra.hands import Hands
from infra.logs import configure
from infra.settings import settings

TELL_SECONDS = 0.1
"""Between two words on progress."""
ENDING_SECONDS = 2.0
ALONE = Hands()


@dataclass(frozen=True, slots=True)
class Task:
    """What a process is given. Money in cents."""

    holdings: Sequence[Holding]
    size: int
    available: int
    options: RunOptions
    model: ReserveModelSet = DEFAULT_MODEL


@dataclass(frozen=True, slots=True)
class Step:
    """How far it has come: share of the work done, 0 to 1, and what is being done."""

    share: float
    stage: str


class ComputingError(Exception):
    """A run that can't be computed; says why in words a client may see."""


class ComputerEndedError(ComputingError):
    """The process ended before it was done: somebody killed it, the system for want of memory, or it failed."""

    def __init__(self) -> None:
        super().__init__("the process that computed it ended")


class Computers:
    """Up to so many processes, each at one run at a time; started when first needed.

    They end with the thread that first needs them, if not before.

    Args:
        hands: What computes the blocks of a run.
    """

    def __init__(self, number: int, hands: Hands = ALONE) -> None:
        self._hands = hands
        self._free = asyncio.Semaphore(number)
        self._idle: list[_Computer] = []
        self._all: set[_Computer] = set()

    async def compute(self, task: Task, told: Callable[[Step], None]) -> ReserveAdvice:
        """The advice; `told` hears of progress. Cancelling this ends the process at once.

        Raises:
            ComputerEndedError: If the process ended before it was done.
            ComputingError: If it can't be computed.
        """
        async with self._computer() as computer:
            return await computer.compute(task, told)

    async def warm(self) -> None:
        """Has a process loaded before the first run."""
        # One that can't be is the first run's affair.
        with suppress(ComputerEndedError):
            async with self._computer() as computer:
                await computer.ready()

    @asynccontextmanager
    async def _computer(self) -> AsyncIterator["_Computer"]:
        async with self._free:
            computer = self._idle.pop() if self._idle else _Computer(self._hands)
            self._all.add(computer)
            try:
                yield computer
            except BaseException:
                # Whatever it was at, it isn't at it for anybody any more.
                self._all.discard(computer)
                computer.end()
                raise
            self._idle.append(computer)

    def close(self) -> None:
        """Ends every process."""
        for computer in self._all:
            computer.end()


class _Computer:
    """One process, and the line to it."""

    def __init__(self, hands: Hands) -> None:
        context = forking()
        self._line, self._other = context.Pipe()
        given = (self._other, hands, logging.getLevelName(logging.getLogger().level))
        # No daemon: those may start no processes. It is ended like one all the same.
        self._process: ForkServerProcess = context.Process(target=_work, args=given, daemon=False)
        atexit.register(self.end)
        self._warm = False

    async def ready(self) -> None:
        """Returns once it has loaded what it needs."""
        if not self._warm:
            # The first of all waits there for what they are forked from.
            await asyncio.to_thread(self._process.start)
            self._other.close()
            if self._line.closed:
                raise ComputerEndedError
            await self._heard()
            self._warm = True

    async def compute(self, task: Task, told: Callable[[Step], None]) -> ReserveAdvice:
        await self.ready()
        try:
            self._line.send(task)
        except OSError:
            # It ended while nobody asked anything of it.
            raise ComputerEndedError from None
        while True:
            word = await self._heard()
            if isinstance(word, Step):
                told(word)
            elif isinstance(word, ReserveAdvice):
                return word
            else:
                raise ComputingError(str(word))

    async def _heard(self) -> object:
        """The next word from the process.

        Raises:
            ComputerEndedError: If there will be none.
        """
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._line.fileno(), arrived.set)
        try:
            while not self._line.poll():
                arrived.clear()
                await arrived.wait()
        finally:
            loop.remove_reader(self._line.fileno())
        try:
            # Some loops leave what they watch so that a long word would be cut short.
            os.set_blocking(self._line.fileno(), True)
            word: object = self._line.recv()
        except (EOFError, OSError):
            raise ComputerEndedError from None
        return word

    def end(self) -> None:
        """Ends the process at once."""
        atexit.unregister(self.end)
        # One that is only about to start finds its line cut.
        for line in (self._line, self._other):
            line.close()
        if self._process.pid is not None:
            self._process.kill()
            self._process.join(ENDING_SECONDS)


def _work(line: Connection, hands: Hands = ALONE, log_level: str = "WARNING") -> None:
    """The process: loads what it needs, then computes what it is given until nobody gives any more."""
    # A Ctrl-C at the terminal is the parent's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The solver may be at it for long without a word, which alone would find the line cut.
    begin()
    configure(log_level, settings().log_format)
    from domain.reserves.advice import advise
    from domain.reserves.limits import InfeasiblePlan

    last, at = 0.0, ""

    def told(share: float, stage: str) -> None:
        nonlocal last, at
        # What is begun is told at once: it may be long before there is more to tell.
        if stage != at or monotonic() - last >= TELL_SECONDS:
            last, at = monotonic(), stage
            line.send(Step(share, stage))

    # The line ends with whoever holds its other end.
    with suppress(EOFError, OSError):
        line.send("ready")
        while True:
            task: Task = line.recv()
            try:
                line.send(
                    advise(
                        task.holdings,
                        task.size,
                        task.available,
                        task.options,
                        told,
                        model=task.model,
                        blocks=hands.blocks(),
                    )
                )
            except InfeasiblePlan as fault:
                line.send(f"the limits can't all be kept: {fault}")
            except MemoryError:
                line.send("it took more memory than there is")
