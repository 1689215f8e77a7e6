"""A Dask cluster under test, in processes of its own: what goes on in it, and what is done to it."""

import logging
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import sleep
from typing import Any

import numpy as np
from distributed import Client, Event, Future, LocalCluster

from domain.reserves.exits import Floats
from infra import cluster

EXACT = np.exp
FREE = "free"
ENDING_SECONDS = 10.0
Asked = Callable[[LocalCluster], Any]


class Cluster:
    """A scheduler on this machine.

    Args:
        workers: Of one thread each; none has a process of its own if it is only one.

    Attributes:
        address: The scheduler's.
    """

    def __init__(self, workers: int) -> None:
        context = get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, workers))
        self._process.start()
        other.close()
        self.address: str = self._line.recv()

    def ask(self, asked: Asked) -> Any:  # noqa: ANN401 - whatever it is asked
        """The answer of a function of this module's, called where the scheduler is."""
        self._line.send(asked)
        return self._line.recv()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        self._line.close()
        self._process.join(ENDING_SECONDS)
        self.kill()


def _serve(line: Connection, workers: int) -> None:
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=workers > 1,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as found:
        line.send(found.scheduler_address)
        while True:
            try:
                asked: Asked = line.recv()
            except EOFError:
                return
            line.send(asked(found))


def tasks(found: LocalCluster) -> int:
    """How many the scheduler knows."""
    return len(found.scheduler.tasks)


_others: list[tuple[Client, list[Future]]] = []


def keep_busy(found: LocalCluster) -> None:
    """Has somebody else's work on every worker."""
    client = Client(found, set_as_default=False)
    _others.append((client, [client.submit(_wait, pure=False, workers=[one]) for one in found.scheduler.workers]))
    while not all(worker.processing for worker in found.scheduler.workers.values()):
        sleep(0.01)


def free(found: LocalCluster) -> None:
    """Ends somebody else's work."""
    client, _ = _others.pop()
    with client:
        Event(FREE, client=client).set()


def _wait() -> None:
    Event(FREE).wait()


def round_up(found: LocalCluster) -> None:
    """Has the workers reckon otherwise, as another library or processor might."""
    _patch(found, lambda value, out: np.nextafter(EXACT(value, out=out), np.inf, out=out))


def fail(found: LocalCluster) -> None:
    """Has the workers fail."""

    def exp(value: Floats, out: Floats) -> Floats:
        message = "no number"
        raise FloatingPointError(message)

    _patch(found, exp)


def mend(found: LocalCluster) -> None:
    """Has the workers reckon as they did."""
    _patch(found, None)


def _patch(found: LocalCluster, exp: Callable[..., Floats] | None) -> None:
    with Client(found, set_as_default=False) as client:
        client.run(_take, exp)


def _take(exp: Callable[..., Floats] | None) -> None:
    np.exp = exp or EXACT  # type: ignore[assignment]
    cluster._reckoning.cache_clear()
