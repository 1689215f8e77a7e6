"""Following: from a fact recorded to every subscriber holding it."""

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, sleep, time
from typing import Any
from uuid import UUID

from tests.benchmarks.appending import FEW_COMPANIES, FEW_FACTS
from tests.benchmarks.ground import ROOT, Api, Ground, at_rest
from tests.benchmarks.results import Figure, Unit, at_most, percentile
from tests.benchmarks.wire import Client, data_of

PROCESSES = 2
"""That the subscribers are spread over."""
DESCRIPTORS = 4_096
"""Open files that a process serving a thousand WebSockets needs, and then some."""
PAUSE = 0.1
"""Seconds between two facts, once everybody holds the first."""
RECORD = """
    mutation ($fund: ID!, $company: ID!, $value: Decimal!) {
        recordEvents(input: { fundId: $fund, events: [{ event: { actualRecorded: {
            companyId: $company, metricType: ARR, value: $value, periodStart: "2024-01-01", periodEnd: "2024-03-31"
        } } }] }) { events { version recordedAt } errors { code message } }
    }
"""


@dataclass(slots=True)
class _Delays:
    """Milliseconds until each subscriber held each fact, since three moments."""

    sent: list[float] = field(default_factory=list)
    recorded: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    lost: int = 0


async def follow(ground: Ground) -> list[Figure]:
    """Delay to few and to many subscribers of one fund."""
    few, many = ground.scale.subscribers
    fund_id = await ground.filled(FEW_FACTS, FEW_COMPANIES)
    _allow_descriptors()
    figures = []
    for count, deflates in ((few, False), (many, False), (many, True)):
        with ground.serving() as api:
            at_rest()
            delays = await asyncio.to_thread(_measure, api, fund_id, count, ground.scale.followed, deflates)
        figures += _figures(count, delays, deflates=deflates, goal=count == many and not deflates)
    return figures


def _allow_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


def _figures(count: int, delays: _Delays, *, deflates: bool, goal: bool) -> list[Figure]:
    packed = ", packed" if deflates else ""
    name = f"fact sent to be recorded → held by {count:,} subscribers{packed}"
    lost = f"; {delays.lost} never came" if delays.lost else ""
    return [
        Figure(
            f"{name}: p99",
            Unit.MILLISECONDS,
            percentile(delays.sent, 0.99),
            at_most(100) if goal else None,
            {"milliseconds": delays.sent[:: max(1, len(delays.sent) // 2_000)]},
            f"since it was recorded {percentile(delays.recorded, 0.99):,.1f} ms, "
            f"since the answer {percentile(delays.answered, 0.99):,.1f} ms{lost}",
        ),
        Figure(
            f"{name}: p50",
            Unit.MILLISECONDS,
            percentile(delays.sent, 0.5),
            note=f"since it was recorded {percentile(delays.recorded, 0.5):,.1f} ms, "
            f"since the answer {percentile(delays.answered, 0.5):,.1f} ms",
        ),
    ]


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


@contextmanager
def _crowd(api: Api, fund_id: UUID, after: int, count: int, deflates: bool) -> Iterator[Sequence[_Process]]:
    processes = [_Process() for _ in range(PROCESSES)]
    try:
        for place, process in enumerate(processes):
            share = count // PROCESSES + (place < count % PROCESSES)
            process.tell(
                {
                    "url": f"ws://{api.host}:{api.port}/graphql",
                    "token": api.token,
                    "fund": str(fund_id),
                    "after": str(after),
                    "count": str(share),
                    "deflates": "yes" if deflates else "no",
                }
            )
        for process in processes:
            process.answer()
        yield processes
    finally:
        for process in processes:
            process.end()


def _measure(api: Api, fund_id: UUID, count: int, facts: int, deflates: bool) -> _Delays:
    delays = _Delays()
    first = _record(api, fund_id, 0)
    with _crowd(api, fund_id, first.version, count, deflates) as processes:
        # The first fact finds the subscriptions still being set up.
        for place in range(1, facts + 2):
            recorded = _record(api, fund_id, place)
            for process in processes:
                process.tell({"version": recorded.version})
            held = [moment for process in processes for moment in process.answer()["held"]]
            if place > 1:
                delays.sent += [(moment - recorded.sent) * 1000 for moment in held]
                delays.recorded += [(moment - recorded.recorded) * 1000 for moment in held]
                delays.answered += [(moment - recorded.answered) * 1000 for moment in held]
                delays.lost += count - len(held)
            sleep(PAUSE)
    return delays


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A fact's version, and moments on the monotonic clock."""

    version: int
    sent: float
    recorded: float
    answered: float


def _record(api: Api, fund_id: UUID, value: int) -> _Recorded:
    # A connection each: the server closes one that is idle while many join, or while one of them is waited for.
    with Client(api) as client:
        request = client.request(RECORD, {"fund": str(fund_id), "company": "company-0000", "value": f"{value}.25"})
        sent = monotonic()
        answer = client.answer(request)
        answered = monotonic()
    told = data_of(answer)["recordEvents"]
    if told["errors"]:
        raise RuntimeError(str(told["errors"]))
    event = told["events"][0]
    # Both clocks are this machine's.
    recorded = datetime.fromisoformat(event["recordedAt"]).timestamp() - time() + monotonic()
    return _Recorded(event["version"], sent, recorded, answered)
