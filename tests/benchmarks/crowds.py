"""Crowds: processes of subscribers, and what they answer."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from tests.benchmarks.ground import ROOT, Api

PROCESSES = 2
"""That the subscribers are spread over."""
DESCRIPTORS = 8_192
"""Open files that a process serving some thousand WebSockets needs, and then some."""


def allow_descriptors() -> None:
    """Lets the processes started from now on open that many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


class _Process:
    """One process of subscribers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.subscribers"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self, told: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of subscribers ended")
        told: dict[str, Any] = json.loads(line)
        return told

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Crowd:
    """Subscribers of one fund."""

    def __init__(self, processes: Sequence[_Process]) -> None:
        self._processes = processes

    def holding(self, version: int) -> list[float]:
        """When each subscriber held what the fact of that version brings, on the monotonic clock."""
        for process in self._processes:
            process.tell({"version": version})
        return [moment for process in self._processes for moment in process.answer()["held"]]


@contextmanager
def crowd(
    api: Api, fund_id: UUID, count: int, after: int | str, *, what: str = "facts", deflates: bool = False
) -> Iterator[Crowd]:
    """So many subscribers that have joined.

    Args:
        after: Where they begin, as the subscription takes it.
        what: One of `subscribers.SUBSCRIPTIONS`.
    """
    processes = [_Process() for _ in range(PROCESSES)]
    try:
        for place, process in enumerate(processes):
            share = count // PROCESSES + (place < count % PROCESSES)
            process.tell(
                {
                    "url": f"ws://{api.host}:{api.port}/graphql",
                    "token": api.token,
                    "fund": str(fund_id),
                    "what": what,
                    "after": after,
                    "count": share,
                    "deflates": deflates,
                }
            )
        for process in processes:
            process.answer()
        yield Crowd(processes)
    finally:
        for process in processes:
            process.end()
